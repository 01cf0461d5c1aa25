/**
 * Makes a counter continuous across rollover and reset. Pure apart from its own state, which for
 * now lives as long as the session: after a restart of the agent the count begins at the raw value
 * again (`state` is there for a spool that will keep it).
 */

/** What must be remembered of a counter. */
export interface CounterState {
  readonly lastRaw: bigint;
  /** What is added to the raw value. */
  readonly carried: bigint;
}

/**
 * A drop counts as a rollover when the counter then moved forward by at most this share of its
 * range; any other drop is a reset (power cut, meter swap).
 */
const rolloverShare = 4n;

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

  /** The continuous count for the next raw value; never below the one before. */
  next(raw: bigint): bigint {
    const { lastRaw, carried } = this.#state ?? { lastRaw: 0n, carried: 0n };
    let add = carried;
    if (raw < lastRaw) {
      const forward = this.#modulus - lastRaw + raw;
      const rolled = forward <= this.#modulus / rolloverShare;
      // After a reset the count goes on from the last one: what was counted since zero is added.
      add += rolled ? this.#modulus : lastRaw;
    }
    this.#state = { lastRaw: raw, carried: add };
    return raw + add;
  }
}
