/** How often a notifier may speak: a bucket of tokens that fills again minute by minute. */
import type { Clock } from "../../telemetry/index.ts";

export interface PaceOptions {
  /** Messages that may go out without a pause. */
  readonly burst: number;
  /** Messages a minute in the long run. */
  readonly perMinute: number;
}

const minute = 60_000;

export class Pace {
  readonly #options: PaceOptions;
  readonly #clock: Pick<Clock, "monotonic">;
  #tokens: number;
  #at: number;

  constructor(options: PaceOptions, clock: Pick<Clock, "monotonic">) {
    this.#options = options;
    this.#clock = clock;
    this.#tokens = options.burst;
    this.#at = clock.monotonic();
  }

  /** Whether only one message may go out now. */
  get last(): boolean {
    this.#fill();
    return this.#tokens < 2;
  }

  /** How long to wait for the next. @unit ms */
  get wait(): number {
    this.#fill();
    const missing = Math.max(0, 1 - this.#tokens);
    return Math.ceil((missing * minute) / this.#options.perMinute);
  }

  take(): void {
    this.#fill();
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    const grown = ((now - this.#at) * this.#options.perMinute) / minute;
    this.#tokens = Math.min(this.#options.burst, this.#tokens + grown);
    this.#at = now;
  }
}
