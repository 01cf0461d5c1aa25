/** A wire tap before a real broker: every packet that clients send, as mqtt-packet reads it. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Packet } from "mqtt-packet";
import { parser } from "mqtt-packet";

export interface Tap extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly packets: Packet[];
  /** Breaks every connection, as a cable does. */
  cut(): void;
}

export async function startTap(broker: string): Promise<Tap> {
  const { hostname, port } = new URL(broker);
  const packets: Packet[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const reader = parser({ protocolVersion: 4 });
    reader.on("packet", (packet) => packets.push(packet));
    client.on("data", (bytes) => reader.parse(bytes));
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${taken}`,
    port: taken,
    packets,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
