/**
 * Keeps a sender that floods from taking the processor: after a large piece of its stream the rest
 * waits, at the sender, for as long as the piece is worth at the rate allowed.
 */
import type { Clock } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";

/** Pieces below this cost nothing to speak of: a frame and the next. @unit bytes */
const smallPiece = 4096;

/** @param rate far more than the device can have to say. @unit bytes a second */
export function calm(channel: ByteChannel, clock: Clock, rate: number): ByteChannel {
  if (channel.hold === undefined) return channel;
  return {
    ...channel,
    onData(listener) {
      channel.onData((bytes) => {
        if (bytes.length > smallPiece) {
          channel.hold?.(true);
          clock.after((bytes.length / rate) * 1000, () => channel.hold?.(false));
        }
        listener(bytes);
      });
    },
  };
}
