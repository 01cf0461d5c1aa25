/** First come, first served: who may use a line now. */
import { GatewayError } from "../../telemetry/index.ts";
import { cancelled } from "../transport/cancelled.ts";

/** Most requests that may wait for one line. */
const waitingLimit = 1024;

interface Waiter {
  readonly go: () => void;
}

export class Turns {
  #taken = false;
  readonly #waiting: Waiter[] = [];

  /**
   * Resolves when it is the caller's turn, to the call that ends the turn.
   * @throws E_DISCONNECTED when aborted first, E_MODBUS_BUSY when too many wait
   */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(cancelled(signal));
      if (!this.#taken) {
        this.#taken = true;
        return resolve(this.#turn());
      }
      if (this.#waiting.length >= waitingLimit) {
        return reject(new GatewayError("E_MODBUS_BUSY", "too many requests wait for this line"));
      }
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(cancelled(signal));
      };
      const waiter: Waiter = {
        go: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(this.#turn());
        },
      };
      this.#waiting.push(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #turn(): () => void {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken = false;
      else next.go();
    };
  }
}
