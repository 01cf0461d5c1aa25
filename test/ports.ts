/** Ports of this machine for tests: taken ones, and ones that were free a moment ago. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

/** The port that a listening server was given. */
export function portOf(bound: AddressInfo | string | null): number {
  if (bound === null || typeof bound === "string") throw new Error("not listening on a port");
  return bound.port;
}

export interface TakenPort extends AsyncDisposable {
  readonly port: number;
}

/** Listens on a free port of 127.0.0.1 until disposed. */
export async function takePort(): Promise<TakenPort> {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** A port on which nothing listens, for what must come back on the same one. */
export async function freePort(): Promise<number> {
  await using taken = await takePort();
  return taken.port;
}
