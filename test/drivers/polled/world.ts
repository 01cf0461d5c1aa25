/**
 * What tests of polled drivers share: a place on a real wire (a TCP serial server, or a serial line
 * by socat) where somebody answers as a test tells.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import type { DriverKind, Session } from "../../../drivers/contract.ts";
import { openSerial } from "../../../drivers/transport/serial.ts";
import { portOf } from "../../ports.ts";
import { busDefaults, contextWith, startLine } from "../modbus/world.ts";

/** What somebody on the wire makes of all that came and was not used yet. */
export interface Said {
  /** Bytes that are done with. */
  readonly used: number;
  /** What goes back, piece by piece; none: silence. */
  readonly replies: readonly Uint8Array[];
}

export type Slave = (received: Uint8Array) => Said | undefined;

export interface Place extends AsyncDisposable {
  /** Options that lead a device here: an address, or a bus. */
  readonly options: Readonly<Record<string, string>>;
  readonly buses: Readonly<Record<string, unknown>>;
  /** The serial port, or nothing. */
  readonly port: string;
  /** How many requests were understood. */
  readonly requests: () => number;
  readonly connections: () => number;
}

/** A serial server behind which a slave hangs. */
export async function startServer(slave: Slave): Promise<Place> {
  const sockets = new Set<Socket>();
  let requests = 0;
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const send = (bytes: Uint8Array): void => void (socket.destroyed || socket.write(bytes));
    const take = takerOf(slave, send, () => (requests += 1));
    socket.on("data", take);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    options: { address: `tcp://127.0.0.1:${portOf(server.address())}` },
    buses: {},
    port: "",
    requests: () => requests,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A serial line with a slave at its far end. */
export async function startSerial(slave: Slave): Promise<Place> {
  const line = await startLine();
  let requests = 0;
  const channel = await openSerial({ ...busDefaults, port: line.theirs });
  channel.onData(
    takerOf(
      slave,
      (bytes) => channel.write(bytes),
      () => (requests += 1),
    ),
  );
  return {
    options: { bus: "line" },
    buses: { line: { ...busDefaults, port: line.ours } },
    port: line.ours,
    requests: () => requests,
    connections: () => 1,
    async [Symbol.asyncDispose]() {
      await channel.close();
      await line[Symbol.asyncDispose]();
    },
  };
}

function takerOf(
  slave: Slave,
  send: (bytes: Uint8Array) => void,
  counted: () => void,
): (bytes: Uint8Array) => void {
  let received = Buffer.alloc(0);
  return (bytes) => {
    received = Buffer.concat([received, bytes]);
    for (let said = slave(received); said !== undefined; said = slave(received)) {
      counted();
      received = received.subarray(said.used);
      for (const reply of said.replies) send(reply);
    }
  };
}

/** A slave that can be told to keep its answers to itself. */
export function silenceable(slave: Slave): {
  readonly slave: Slave;
  readonly silence: (silent: boolean) => void;
} {
  let silent = false;
  return {
    slave(received) {
      const said = slave(received);
      return said === undefined || !silent ? said : { ...said, replies: [] };
    },
    silence: (wanted) => {
      silent = wanted;
    },
  };
}

export interface OpenDevice extends AsyncDisposable {
  readonly session: Session;
}

/** A session of its own driver; disposing ends both. */
export async function openAt(
  kind: DriverKind,
  place: Pick<Place, "options" | "buses">,
  { options = {}, profile }: { readonly options?: object; readonly profile: unknown },
): Promise<OpenDevice> {
  const driver = kind.create(contextWith(place.buses));
  const all = { ...place.options, ...options };
  const session = await driver.open({ id: "device", options: all, profile });
  return {
    session,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

/** A profile file's content around the given points. */
export function profileOf(driver: string, points: readonly unknown[], header: unknown = {}) {
  return {
    id: "test-device",
    vendor: "Test",
    model: "Device",
    class: "power",
    driver,
    sources: ["written for a test"],
    confidence: "high",
    header,
    points,
  };
}

/** `68 AA 16` as bytes. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

/** Every way in which a frame goes wrong that no receiver may take for another one. */
export function damaged(frame: Uint8Array): Uint8Array[] {
  return [...frame.keys()].flatMap((at) => [
    frame.slice(0, at),
    frame.map((byte, index) => (index === at ? byte ^ 0x10 : byte)),
    Uint8Array.of(...frame.slice(0, at), ...frame.slice(at + 1)),
  ]);
}
