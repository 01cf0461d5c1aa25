/**
 * The sockets that the library is given instead of its own: one that hears a single agent, and one
 * that a shared port feeds. What the library throws over a datagram ends here and is no more than a
 * datagram lost.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { EventEmitter } from "node:events";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

type Sent = (error: Error | null) => void;

/** As `dgram.Socket.send` takes them. */
type SendArguments = readonly [
  bytes: Uint8Array,
  from: number,
  count: number,
  port: number,
  host: string,
  sent?: Sent,
];

function ignored(): void {}

interface Opened {
  readonly socket: Socket;
  readonly address: string;
}

/** Nothing an agent sends is longer; more is not even parsed. @unit bytes */
const longestDatagram = 65_507;

/** A socket to one agent: what others send to it is not heard. */
export class AgentSocket extends EventEmitter {
  readonly #endpoint: Endpoint;
  #opened: Promise<Opened> | undefined;
  #closed = false;

  constructor(endpoint: Endpoint) {
    super();
    this.#endpoint = endpoint;
  }

  /** Sends to the agent, whatever place the library names. */
  send(...[bytes, , , , , sent = ignored]: SendArguments): void {
    const fail = (error: unknown): void => {
      sent(error instanceof Error ? error : new Error(String(error)));
    };
    this.#opened ??= this.#open();
    this.#opened.then(({ socket, address }) => {
      if (this.#closed) return;
      socket.send(bytes, this.#endpoint.port, address, (error) => sent(error));
    }, fail);
  }

  /** Closes it; calling again is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    void this.#opened?.then(
      ({ socket }) => socket.close(),
      () => undefined,
    );
    this.emit("close");
  }

  /** Whether it keeps the process alive is not the library's to say. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  async #open(): Promise<Opened> {
    const { host, port } = this.#endpoint;
    const { address, family } = await lookup(host);
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    // What fails for good shows as a request without an answer.
    socket.on("error", () => undefined);
    socket.on("message", (bytes, from) => {
      if (from.address !== address || from.port !== port || this.#closed) return;
      deliver(this, bytes, from);
    });
    return { socket, address };
  }
}

/** A listener's end of a port that others own and share. */
export class SharedSocket extends EventEmitter {
  readonly #reply: (bytes: Uint8Array, to: Endpoint) => void;

  constructor(reply: (bytes: Uint8Array, to: Endpoint) => void) {
    super();
    this.#reply = reply;
  }

  /** Bound already. */
  bind(): void {}

  send(...[bytes, , , port, host]: SendArguments): void {
    this.#reply(bytes, { host, port });
  }

  close(): void {
    this.removeAllListeners();
  }
}

/** Hands a datagram to the library; false: it threw, so the bytes are garbage. */
export function deliver(socket: EventEmitter, bytes: Uint8Array, from: unknown): boolean {
  if (bytes.length > longestDatagram) return false;
  try {
    socket.emit("message", bytes, from);
    return true;
  } catch {
    return false;
  }
}
