/**
 * A channel carries bytes both ways and knows nothing of what they mean: a TCP connection or a
 * serial port. Framing runs on this alone, so that RTU frames travel over either.
 */
import type { GatewayError } from "../../telemetry/index.ts";

export interface ByteChannel {
  /** Sends bytes; a failure shows as `onClose`. */
  write(bytes: Uint8Array): void;
  /** Names the one listener for bytes received; set it before the next turn of the event loop. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Names the one listener for the end; not called after `close`. */
  onClose(listener: (reason: GatewayError) => void): void;
  /** Throws away what was received but not yet handed over. */
  discardInput(): void;
  /**
   * Stops handing over what is received, or goes on: what comes meanwhile waits at the sender. Left
   * out where the line itself is slow.
   */
  hold?(on: boolean): void;
  /**
   * Holds the line in its break state, or ends that; left out where the way has no such state.
   * @throws E_SERIAL
   */
  setBreak?(on: boolean): Promise<void>;
  /** Ends the channel; calling it again is harmless. */
  close(): Promise<void>;
}
