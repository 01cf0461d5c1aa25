/**
 * The clients of the bench `idle`, a process of its own: so many connections, each subscribed to
 * one filter of its own, keepalive 60 s. Arguments: port, clients. Prints seconds until all were
 * in; then each pings once within 20 s, and a second line says so.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { connectPacket, pingPacket, subscribePacket } from "../broker/escape/wire.ts";

/** Logins under way at once. */
const atOnce = 64;
/** @unit ms */
const pinging = 20_000;

async function open(port: number, number: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  socket.write(connectPacket({ id: `idle-${number}`, clean: true, user: "idle", password: "" }));
  await answered(socket, 3);
  socket.write(subscribePacket(`rackstreet/v1/local/unit-${number}/#`, 1));
  await answered(socket, 4);
  return socket;
}

/** Waits for an answer whose byte at `code` says yes. */
async function answered(socket: Socket, code: number): Promise<void> {
  const chunk: unknown = (await once(socket, "data"))[0];
  if (!(chunk instanceof Buffer) || (chunk[code] ?? 128) > 2) throw new Error("not let in");
}

async function main(): Promise<void> {
  const [port = 0, clients = 0] = process.argv.slice(2).map(Number);
  const from = performance.now();
  const sockets: Socket[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < clients) {
      next += 1;
      sockets.push(await open(port, next));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  console.log((performance.now() - from) / 1000);
  let pongs = 0;
  for (const [n, socket] of sockets.entries()) {
    socket.on("data", () => {
      pongs += 1;
      if (pongs === sockets.length) console.log("pinged");
    });
    setTimeout(() => socket.write(pingPacket), (n * pinging) / sockets.length);
  }
}

void main();
