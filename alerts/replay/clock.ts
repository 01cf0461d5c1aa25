/**
 * Time that moves only when a replay says so. Wall and monotonic clock go together: history knows
 * no jumps. Timers run in the order in which they are due; after each one `settle` is awaited, so
 * that a question to the store is answered before time goes on.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";

interface Due {
  readonly at: number;
  run: (() => void) | undefined;
}

export class ReplayClock implements Clock {
  readonly #start: number;
  readonly #settle: () => Promise<void>;
  #now: number;
  /** In the order in which they are due; a rule has one or two, so that a list is enough. */
  #timers: Due[] = [];

  /** @param start ms since 1970-01-01 UTC */
  constructor(start: number, settle: () => Promise<void>) {
    this.#start = start;
    this.#now = start;
    this.#settle = settle;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(ms: number, run: () => void): Timer {
    // Whole milliseconds, as history has them: a wait is never cut short.
    const due: Due = { at: this.#now + Math.ceil(Math.max(0, ms)), run };
    const index = this.#timers.findIndex(({ at }) => at > due.at);
    this.#timers.splice(index < 0 ? this.#timers.length : index, 0, due);
    return {
      cancel: () => {
        due.run = undefined;
        this.#timers = this.#timers.filter((other) => other !== due);
      },
    };
  }

  /** Whether something happens up to a time. */
  isDue(time: number): boolean {
    const [first] = this.#timers;
    return first !== undefined && first.at <= time;
  }

  /** Moves on to a time at which nothing is due before; going back is ignored. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  /** Moves on to a time and runs all that becomes due on the way. */
  async advanceTo(time: number): Promise<void> {
    for (
      let next = this.#timers[0];
      next !== undefined && next.at <= time;
      next = this.#timers[0]
    ) {
      this.#timers.shift();
      this.moveTo(next.at);
      next.run?.();
      await this.#settle();
    }
    this.moveTo(time);
  }
}
