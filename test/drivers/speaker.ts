/**
 * Devices that speak by themselves, over TCP and over a serial line (socat): they say bytes when a
 * test asks them to, and lose their way when it cuts it.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { DriverContext } from "../../drivers/contract.ts";
import { openSerial } from "../../drivers/transport/serial.ts";
import { clock } from "../../cli/platform.ts";
import { freePort } from "../ports.ts";
import { SeededEntropy, silentLog } from "../virtual.ts";
import { busDefaults } from "./modbus/world.ts";
import { startLine } from "../line.ts";

export interface Speaker extends AsyncDisposable {
  readonly context: DriverContext;
  /** How the configuration reaches it. */
  readonly wire: Readonly<Record<string, string>>;
  /** The same where nobody is. */
  readonly nowhere: Readonly<Record<string, string>>;
  say(bytes: Uint8Array | string): void;
  /** Bytes that came from the other side, for devices that are asked. */
  onData(listener: (bytes: Uint8Array) => void): void;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export function contextOf(buses: DriverContext["buses"] = {}): DriverContext {
  return { clock, entropy: new SeededEntropy(), log: silentLog, buses };
}

export async function startTcpSpeaker(): Promise<Speaker> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let listener: (bytes: Uint8Array) => void = () => undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (bytes) => listener(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  const mend = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const cut = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await mend();
  return {
    context: contextOf(),
    wire: { address: `tcp://127.0.0.1:${port}` },
    nowhere: { address: `tcp://127.0.0.1:${await freePort()}` },
    say: (bytes) => sockets.forEach((socket) => socket.write(bytes)),
    onData: (given) => {
      listener = given;
    },
    cut,
    mend,
    [Symbol.asyncDispose]: () => (server.listening ? cut() : Promise.resolve()),
  };
}

export async function startSerialSpeaker(): Promise<Speaker> {
  const line = await startLine();
  const channel = await openSerial({ ...busDefaults, port: line.theirs });
  const port = line.ours;
  let ended = false;
  const cut = async (): Promise<void> => {
    if (ended) return;
    ended = true;
    await channel.close();
    await line[Symbol.asyncDispose]();
  };
  return {
    context: contextOf({
      line: { ...busDefaults, port },
      unplugged: { port: "/dev/rackstreet-is-not-there" },
    }),
    wire: { bus: "line" },
    nowhere: { bus: "unplugged" },
    say: (bytes) => channel.write(typeof bytes === "string" ? Buffer.from(bytes) : bytes),
    onData: (listener) => channel.onData(listener),
    cut,
    mend: () => Promise.reject(new Error("a new line has another name")),
    [Symbol.asyncDispose]: cut,
  };
}
