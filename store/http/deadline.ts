/**
 * One bound for everything that waits for the database: the caller's signal and a timeout end a
 * wait at once, even where the library below would leave its promise open for ever.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";

export interface Deadline {
  readonly clock: Clock;
  /** @unit ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `run` with a signal that aborts at the deadline.
 * @throws E_STORE_DOWN when time is up or the caller gave up; else what `run` throws
 */
export function within<T>(
  { clock, timeout, signal }: Deadline,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", giveUp);
    };
    const end = (sentence: string, cause?: unknown): void => {
      settle();
      reject(new GatewayError("E_STORE_DOWN", sentence, { cause }));
      inner.abort();
    };
    const giveUp = (): void => end("the call was given up by its caller", signal.reason);
    const timer = clock.after(timeout, () =>
      end(`the database did not answer within ${timeout} ms`),
    );
    if (signal.aborted) return giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    run(inner.signal).then(resolve, reject).finally(settle);
  });
}
