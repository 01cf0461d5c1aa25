/**
 * A TCP link that can be cut, hang with its connections open, be reset or be slow: what a switch,
 * a firewall and a tired modem do.
 */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { portOf } from "../../ports.ts";

export class TcpLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #refusing = false;
  /** Refuses whatever else is healed meanwhile. */
  #barred = false;
  /** What each piece waits before it goes on. @unit ms */
  #delay = 0;
  #hung: PromiseWithResolvers<void> | undefined;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => this.#join(socket));
  }

  /** Listens on a free port of `host` and leads to `target` on 127.0.0.1. */
  static async open(target: number, host = "127.0.0.1"): Promise<TcpLink> {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    return new TcpLink(server, target);
  }

  get port(): number {
    return portOf(this.#server.address());
  }

  /** Resets what is connected and refuses what comes. */
  cut(): void {
    this.#refusing = true;
    this.reset();
  }

  /** Resets what is connected; new connections are welcome. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Nothing goes on, and nobody is told: connections stay open, new ones too. */
  hang(): void {
    this.#hung ??= Promise.withResolvers();
  }

  slow(delay: number): void {
    this.#delay = delay;
  }

  /** Closed for a time, whatever faults come and go. */
  async barredFor(work: () => Promise<void>): Promise<void> {
    this.#barred = true;
    this.reset();
    await work();
    this.#barred = false;
  }

  heal(): void {
    this.#refusing = false;
    this.#delay = 0;
    this.#hung?.resolve();
    this.#hung = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    this.reset();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(socket: Socket): void {
    if (this.#refusing || this.#barred) {
      socket.resetAndDestroy();
      return;
    }
    const far = connect(this.#target, "127.0.0.1");
    for (const one of [socket, far]) {
      this.#sockets.add(one);
      one.once("close", () => this.#sockets.delete(one));
    }
    for (const way of [
      [socket, far],
      [far, socket],
    ] as const) {
      // One end gone: the other hears of it, as over a wire.
      pipeline(way[0], (pieces) => this.#gate(pieces), way[1]).catch(() => {
        socket.destroy();
        far.destroy();
      });
    }
  }

  async *#gate(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      while (this.#hung !== undefined) await this.#hung.promise;
      if (this.#delay > 0) await setTimeout(this.#delay);
      yield piece;
    }
  }
}
