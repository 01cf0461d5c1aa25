/**
 * One timer for many deadlines: it rings at the earliest that it was set for, and whoever hears it
 * looks what is due. Deadlines that end early are not taken back, as most do.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #rings = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at`, or sooner. @unit ms, monotonic */
  set(at: number, now: number): void {
    if (at >= this.#rings) return;
    this.#timer?.cancel();
    this.#rings = at;
    this.#timer = this.#clock.after(Math.max(0, at - now), this.#due);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#rings = Number.POSITIVE_INFINITY;
  }

  readonly #due = (): void => {
    this.#rings = Number.POSITIVE_INFINITY;
    this.#ring();
  };
}
