/**
 * What Modbus tests share: a real clock (sockets and pseudo terminals live in real time), a driver
 * context, and peers that do whatever a test tells them to.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import type { DriverContext, Session } from "../../../drivers/contract.ts";
import { modbus } from "../../../drivers/modbus/index.ts";
import { encodeMbap, MbapReader } from "../../../drivers/modbus/mbap.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import {
  decodeReadRequest,
  encodeException,
  encodeReadReply,
} from "../../../drivers/modbus/pdu.ts";
import { crcFits, encodeRtu } from "../../../drivers/modbus/rtu.ts";
import { openSerial } from "../../../drivers/transport/serial.ts";
import type { SerialBus } from "../../../drivers/transport/options.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { startLine } from "../../line.ts";
import { portOf } from "../../ports.ts";
import { SeededEntropy, silentLog } from "../../virtual.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A context with the given buses; nothing is logged, nothing is random. */
export function contextWith(buses: Readonly<Record<string, unknown>> = {}): DriverContext {
  return { buses, clock: realClock, entropy: new SeededEntropy(), log: silentLog };
}

/** A profile file's content around the given header and points. */
export function profileOf(header: unknown, points: readonly unknown[]): Record<string, unknown> {
  return {
    id: "test-device",
    vendor: "Test",
    model: "Device",
    class: "power",
    driver: "modbus",
    sources: ["written for a test"],
    confidence: "high",
    header,
    points,
  };
}

/** One holding register as a temperature, the smallest profile. */
export const oneRegister = profileOf({}, [
  { measurement: "thermal", tags: { sensor: "a" }, fields: { temp_c: { at: 0x10 } } },
]);

export interface OpenDevice extends AsyncDisposable {
  readonly session: Session;
}

/** A session of its own driver; disposing ends both. */
export async function openDevice(
  options: Readonly<Record<string, unknown>>,
  profile: unknown = oneRegister,
  buses: Readonly<Record<string, unknown>> = {},
): Promise<OpenDevice> {
  const driver = modbus.create(contextWith(buses));
  const session = await driver.open({ id: "meter", options, profile });
  return {
    session,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

/** A request that reached a peer. */
export interface PeerRequest {
  readonly unit: number;
  readonly pdu: Uint8Array;
  readonly span: Span | undefined;
  /** The frame as it came. */
  readonly frame: Uint8Array;
  /** Puts a PDU into the frame that answers this request. */
  readonly wrap: (pdu: Uint8Array, unit?: number) => Uint8Array;
  /** How many requests came before this one. */
  readonly index: number;
}

export interface PeerLink {
  readonly send: (bytes: Uint8Array) => void;
  readonly hangUp: () => void;
}

export type Behaviour = (request: PeerRequest, link: PeerLink) => void;

/** Answers every register with a number made of its address: 0x10 reads 0x1010. */
export const honest: Behaviour = (request, link) => link.send(request.wrap(rightAnswer(request)));

export function rightAnswer({ pdu, span }: PeerRequest): Uint8Array {
  if (span === undefined) return encodeException(pdu, 1);
  const values = Array.from({ length: span.count }, (_, index) => valueAt(span.at + index));
  return encodeReadReply(span, values);
}

export function valueAt(address: number): number {
  return (0x1000 + address) & 0xffff;
}

export interface Peer extends AsyncDisposable {
  /** As a device's `address`, or the path of a serial port. */
  readonly address: string;
  readonly requests: readonly PeerRequest[];
  readonly connections: () => number;
}

/** A TCP peer that speaks either framing and behaves as told. */
export async function startPeer(
  scheme: "tcp" | "rtu+tcp",
  behaviour: Behaviour = honest,
): Promise<Peer> {
  const requests: PeerRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const link = {
      send: (bytes: Uint8Array) => void (socket.destroyed || socket.write(bytes)),
      hangUp: () => void socket.destroy(),
    };
    const take = scheme === "tcp" ? tcpTaker() : rtuTaker();
    socket.on("data", (bytes) => {
      for (const taken of take(bytes)) {
        const request = { ...taken, index: requests.length };
        requests.push(request);
        behaviour(request, link);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `${scheme}://127.0.0.1:${portOf(server.address())}`,
    requests,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

type Taken = Omit<PeerRequest, "index">;

function tcpTaker(): (bytes: Uint8Array) => Taken[] {
  const reader = new MbapReader();
  return (bytes) =>
    reader.push(bytes).map((frame) => ({
      unit: frame.unit,
      pdu: frame.pdu,
      span: decodeReadRequest(frame.pdu),
      frame: encodeMbap(frame),
      wrap: (pdu, unit = frame.unit) => encodeMbap({ ...frame, unit, pdu }),
    }));
}

function rtuTaker(): (bytes: Uint8Array) => Taken[] {
  let received = Buffer.alloc(0);
  return (bytes) => {
    received = Buffer.concat([received, bytes]);
    const taken: Taken[] = [];
    for (;;) {
      // A request for the device identification is a byte shorter than one that reads.
      const length = received[1] === 0x2b ? 7 : 8;
      if (received.length < length) return taken;
      const frame = Uint8Array.from(received.subarray(0, length));
      if (!crcFits(frame)) throw new Error(`not a request: ${Buffer.from(frame).toString("hex")}`);
      received = received.subarray(length);
      const [unit = 0] = frame;
      const pdu = frame.subarray(1, -2);
      const span = decodeReadRequest(pdu);
      taken.push({ unit, pdu, span, frame, wrap: (reply, as = unit) => encodeRtu(as, reply) });
    }
  };
}

export const busDefaults: Omit<SerialBus, "port"> = {
  baud: 115_200,
  parity: "none",
  dataBits: 8,
  stopBits: 1,
  turnaround: undefined,
};

/** A peer on a serial line that behaves as told. */
export async function startSerialPeer(behaviour = honest, at?: string): Promise<Peer> {
  const line = await startLine(at);
  const requests: PeerRequest[] = [];
  const channel = await openSerial({ ...busDefaults, port: line.theirs });
  const take = rtuTaker();
  const link = { send: (bytes: Uint8Array) => channel.write(bytes), hangUp: () => {} };
  channel.onData((bytes) => {
    for (const taken of take(bytes)) {
      const request = { ...taken, index: requests.length };
      requests.push(request);
      behaviour(request, link);
    }
  });
  return {
    address: line.ours,
    requests,
    connections: () => 1,
    async [Symbol.asyncDispose]() {
      await channel.close();
      await line[Symbol.asyncDispose]();
    },
  };
}

/** The code of what a promise rejects with, or `none`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** A signal that never aborts. */
export const never = new AbortController().signal;
