/**
 * Listens to a channel and keeps what comes with its times: the tap of the doctor. Nothing is
 * framed and nothing is thrown away here, within a bound.
 */
import type { Clock, Code } from "../../../telemetry/index.ts";
import type { ByteChannel } from "../../transport/channel.ts";
import type { Chunk } from "./evidence.ts";

/** Most bytes kept of one stretch: forty of the longest frames. */
const keptLimit = 10_240;

export class Recorder {
  readonly #clock: Clock;
  readonly #channel: ByteChannel;
  #chunks: Chunk[] = [];
  #kept = 0;
  #since: number;
  #lastByte: number;
  #failure: Code | undefined;
  #wake: () => void = () => {};

  constructor(channel: ByteChannel, clock: Clock) {
    this.#clock = clock;
    this.#channel = channel;
    this.#since = clock.monotonic();
    this.#lastByte = this.#since;
    channel.onData((bytes) => this.#received(bytes));
    channel.onClose((reason) => {
      this.#failure = reason.code;
      this.#wake();
    });
  }

  /** Why the channel ended, if it has. */
  get failure(): Code | undefined {
    return this.#failure;
  }

  /** @unit ms, monotonic */
  get lastByte(): number {
    return this.#lastByte;
  }

  /** What came since the last call, and a new stretch begins. */
  take(): Chunk[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#kept = 0;
    this.#since = this.#clock.monotonic();
    return chunks;
  }

  /** What has come in this stretch so far. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  send(bytes: Uint8Array): void {
    this.#channel.write(bytes);
  }

  /** Returns when something came, the channel ended, `ms` are over or the signal says so. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      const timer = this.#clock.after(Math.max(0, ms), done);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
      if (signal.aborted || this.#failure !== undefined) done();
    });
  }

  async close(): Promise<void> {
    await this.#channel.close();
  }

  #received(bytes: Uint8Array): void {
    this.#lastByte = this.#clock.monotonic();
    const room = keptLimit - this.#kept;
    if (room > 0) {
      const kept = bytes.slice(0, room);
      this.#chunks.push({ at: this.#lastByte - this.#since, bytes: kept });
      this.#kept += kept.length;
    }
    this.#wake();
  }
}
