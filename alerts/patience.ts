/** Questions to a store, given up in time also where an engine does not heed its signal. */
import type { Clock } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";

export interface Patience {
  readonly clock: Pick<Clock, "after">;
  /** Longest wait. @unit ms */
  readonly ms: number;
  /** Gives it up earlier. */
  readonly stop: AbortSignal;
}

/** @throws E_STORE_DOWN when the time is over, and what the question throws */
export async function within<T>(
  { clock, ms, stop }: Patience,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const timer = clock.after(ms, () => timeout.abort());
  const signal = AbortSignal.any([stop, timeout.signal]);
  try {
    return await unlessAborted(ask(signal), signal);
  } finally {
    timer.cancel();
  }
}

function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new GatewayError("E_STORE_DOWN", "no answer in time"));
    if (signal.aborted) return late();
    signal.addEventListener("abort", late, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", late));
  });
}
