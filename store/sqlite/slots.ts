/** A bounded number of places, a bounded number of callers who wait for one, in order. */
import { GatewayError } from "../../telemetry/index.ts";

interface Waiting {
  readonly enter: () => void;
}

/** Places that are taken and given back. */
export class Slots {
  readonly #limits: { readonly places: number; readonly waiting: number };
  #taken = 0;
  readonly #waiting: Waiting[] = [];

  constructor(limits: { readonly places: number; readonly waiting: number }) {
    this.#limits = limits;
  }

  /**
   * Waits for a place and runs `run` in it. `run` starts at once when a place is free.
   * @throws E_STORE_DOWN when too many wait, or the caller gave up while waiting
   */
  async within<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limits.places) this.#taken += 1;
    else await this.#wait(signal);
    try {
      return await run();
    } finally {
      // A waiting caller inherits the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next.enter();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#limits.waiting) {
      throw new GatewayError("E_STORE_DOWN", "too many writes wait for the store");
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter() {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(givenUp(signal));
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

/** The error of a call whose caller gave up. */
export function givenUp(signal: AbortSignal): GatewayError {
  const cause: unknown = signal.reason;
  return new GatewayError("E_STORE_DOWN", "the call was given up by its caller", { cause });
}
