/** Opens a channel in its time: what does not connect by then never does. */
import type { Clock } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";

export type Connect = (signal: AbortSignal) => Promise<ByteChannel>;

/** Longest wait for a connection. @unit ms */
const connectLimit = 5000;

/** @throws what `connect` throws, which is aborted with `signal` and when its time is over */
export async function openInTime(
  connect: Connect,
  clock: Pick<Clock, "after">,
  signal: AbortSignal,
): Promise<ByteChannel> {
  const attempt = new AbortController();
  const giveUp = (): void => attempt.abort(signal.reason);
  const timer = clock.after(connectLimit, giveUp);
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await connect(attempt.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", giveUp);
  }
}
