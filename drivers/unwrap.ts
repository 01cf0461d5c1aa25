/**
 * Makes a counter continuous across rollover, reset and swap of the meter
 * (docs/decisions/0006-rollups.md). Pure apart from its own state, which is remembered over
 * restarts of the agent by the driver (`counters.ts`).
 *
 * A count that fell is taken for, in this order:
 *   a rollover, when the counter moved forward by at most a quarter of its range;
 *   a reset to 0, when it can have counted what it shows since the reading before, at no more than
 *     twice the fastest pace it was ever seen at: what it shows is counted;
 *   another meter: nothing is counted, and the count goes on from where it was.
 */

/** What must be remembered of a counter. */
export interface CounterState {
  readonly lastRaw: bigint;
  /** What is added to the raw value. */
  readonly carried: bigint;
  /** When it was read. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  /** The fastest pace so far. @unit counts a ms */
  readonly fastest: number;
}

const rolloverShare = 4n;
const paceMargin = 2;
/** A pace over less time than this may be a device that counts in lumps. @unit ms */
const shortestPace = 1000;

export class Unwrapper {
  readonly #modulus: bigint;
  #state: CounterState | undefined;

  constructor(bits: number, state?: CounterState) {
    this.#modulus = 1n << BigInt(bits);
    this.#state = state;
  }

  get state(): CounterState | undefined {
    return this.#state;
  }

  /**
   * The continuous count for the next raw value; never below the one before.
   * @param time when it was read; the clock may have jumped. @unit ms since 1970-01-01 UTC
   */
  next(raw: bigint, time: number): bigint {
    const before = this.#state;
    if (before === undefined) {
      this.#state = { lastRaw: raw, carried: 0n, time, fastest: 0 };
      return raw;
    }
    const passed = Math.max(0, time - before.time);
    const moved = this.#moved(before, raw, passed);
    const pace = passed >= shortestPace ? Number(moved) / passed : 0;
    const count = before.lastRaw + before.carried + moved;
    const fastest = Math.max(before.fastest, pace);
    this.#state = { lastRaw: raw, carried: count - raw, time, fastest };
    return count;
  }

  #moved({ lastRaw, fastest }: CounterState, raw: bigint, passed: number): bigint {
    if (raw >= lastRaw) return raw - lastRaw;
    const forward = this.#modulus - lastRaw + raw;
    if (forward <= this.#modulus / rolloverShare) return forward;
    return Number(raw) <= paceMargin * fastest * passed ? raw : 0n;
  }
}
