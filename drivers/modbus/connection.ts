/** A TCP connection that is opened when it is needed, and opened anew after its end. */
import type { Clock, GatewayError } from "../../telemetry/index.ts";
import type { ByteChannel } from "../transport/channel.ts";

export interface ConnectionParts {
  readonly connect: (signal: AbortSignal) => Promise<ByteChannel>;
  readonly clock: Clock;
}

/** Whom it tells. */
export interface ConnectionEvents {
  readonly opened: () => void;
  /** It could not be opened. */
  readonly refused: (error: unknown) => void;
  readonly received: (bytes: Uint8Array) => void;
  /** The other side ended it. */
  readonly hungUp: (reason: GatewayError) => void;
}

/** Longest wait for a connection. @unit ms */
const connectLimit = 5000;

export class Connection implements AsyncDisposable {
  readonly #parts: ConnectionParts;
  readonly #events: ConnectionEvents;
  #channel: ByteChannel | undefined;
  #attempt: AbortController | undefined;
  #closing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: ConnectionParts, events: ConnectionEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Where to write; undefined while there is no connection. */
  get channel(): ByteChannel | undefined {
    return this.#channel;
  }

  /** Begins to connect, if it has not begun already; an event tells how it went. */
  open(): void {
    if (this.#attempt === undefined && !this.#closed) void this.#connect();
  }

  /** Ends the connection; `open` makes another. */
  drop(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) this.#closing = channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#attempt?.abort();
    this.drop();
    await this.#closing;
  }

  async #connect(): Promise<void> {
    const { connect, clock } = this.#parts;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const timer = clock.after(connectLimit, () => attempt.abort());
    let failure: { readonly error: unknown } | undefined;
    try {
      // A device that takes one connection takes the next once this one is closed.
      await this.#closing;
      this.#stands(await connect(attempt.signal));
    } catch (error) {
      failure = { error };
    } finally {
      timer.cancel();
      this.#attempt = undefined;
    }
    if (failure !== undefined) this.#events.refused(failure.error);
    else if (!this.#closed) this.#events.opened();
  }

  #stands(channel: ByteChannel): void {
    this.#channel = channel;
    if (this.#closed) return this.drop();
    channel.onData(this.#events.received);
    channel.onClose((reason) => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#events.hungUp(reason);
    });
  }
}
