/**
 * A device that is not there: a real Modbus server that answers from a profile's register image.
 * For the demo, tests and benchmarks. The only file that imports modbus-serial, whose ServerTCP
 * serves TCP. Serial lines are answered by our own few lines: modbus-serial's ServerSerial
 * overwrites the CRC of each request with a right one (it would answer damaged requests), frames
 * by 30 ms of silence, and opens the port past our door.
 */
import { Server } from "node:net";
import { ServerTCP } from "modbus-serial";
import { profileSchema, v } from "../../config/index.ts";
import type { Clock, Fields } from "../../telemetry/index.ts";
import { GatewayError, invariant, messageOf, systemCode } from "../../telemetry/index.ts";
import type { SerialBus } from "../transport/options.ts";
import { openSerial } from "../transport/serial.ts";
import type { Waveform } from "./image.ts";
import { RegisterImage } from "./image.ts";
import type { Span, Table } from "./pdu.ts";
import { decodeReadRequest, decodeWriteOne, encodeException, encodeReadReply } from "./pdu.ts";
import { pduLimits, tables } from "./pdu.ts";
import { modbusProfile } from "./profile.ts";
import { crcFits, encodeRtu } from "./rtu.ts";
import { isSunSpec, layOut } from "./sunspec/resolve.ts";

export type { FieldPlace, Waveform } from "./image.ts";

export interface SimulateOptions {
  /** A profile as its file holds it. */
  readonly profile: unknown;
  /** Answers this unit only; others get silence on serial lines, exception 11 over TCP. */
  readonly unit?: number;
  readonly values?: Waveform;
  /** Where: `{}` is any free port of 127.0.0.1. */
  readonly listen:
    | { readonly host?: string; readonly port?: number }
    | { readonly serial: SerialBus };
  /** What addresses that no field names do: read as 0 (usual), or answer exception 2. */
  readonly holes?: "zero" | "illegal";
  readonly clock: Pick<Clock, "now">;
}

export interface Simulator extends AsyncDisposable {
  /** What to write as `address` of a device, or the serial port. */
  readonly address: string;
  /** Requests answered so far. */
  readonly requests: number;
  /**
   * Holds fields of a row at values, against the waveform: `set("meter_phase", "L1", {…})`.
   * @throws E_VALUE
   */
  set(measurement: string, channel: string, fields: Fields): void;
  /** Sets one register or bit as it stands on the wire. */
  poke(table: Table, at: number, word: number): void;
}

const profileForm = profileSchema("modbus", modbusProfile);

/** Exceptions that the simulator gives. [MODBUS-AP 7] */
const illegalAddress = 2;
const illegalValue = 3;
const targetSilent = 11;

/** What modbus-serial turns into an exception reply. */
class Refusal extends GatewayError {
  readonly modbusErrorCode: number;

  constructor(exception: number) {
    super("E_MODBUS_EXCEPTION", `exception ${exception}`);
    this.modbusErrorCode = exception;
  }
}

/** The device behind either kind of server. */
class SimulatedDevice {
  requests = 0;
  readonly image: RegisterImage;
  readonly unit: number;
  readonly #options: SimulateOptions;
  #inBits = false;

  constructor(options: SimulateOptions) {
    this.#options = options;
    this.unit = options.unit ?? 1;
    const profile = v.parse(profileForm, options.profile);
    const laidOut = isSunSpec(profile) ? layOut(profile) : undefined;
    this.image = new RegisterImage(laidOut?.profile ?? profile);
    for (const [at, word] of laidOut?.words ?? []) this.image.poke("holding", at, word);
  }

  /**
   * One bit of a request for bits: modbus-serial asks for each, all of a request in one turn.
   * @throws Refusal
   */
  readBit(table: Table, at: number): boolean {
    const counted = this.requests;
    const bit = this.read({ table, at, count: 1 })[0] === 1;
    if (this.#inBits) this.requests = counted;
    this.#inBits = true;
    queueMicrotask(() => {
      this.#inBits = false;
    });
    return bit;
  }

  /** @throws Refusal */
  read(span: Span): number[] {
    this.requests += 1;
    const most = tables[span.table].bits ? pduLimits.bits : pduLimits.registers;
    if (span.count < 1 || span.count > most) throw new Refusal(illegalValue);
    const { values, clock, holes } = this.#options;
    if (values !== undefined) this.image.refresh(span, values, clock.now());
    const words = this.image.words(span);
    const outside = span.at + span.count > 0x1_0000;
    if (outside || (holes === "illegal" && words.includes(undefined))) {
      throw new Refusal(illegalAddress);
    }
    return words.map((word) => word ?? 0);
  }

  /** Takes what a client writes. @throws Refusal where holes are illegal and nothing stands */
  write(table: Table, at: number, word: number): void {
    this.requests += 1;
    const { holes } = this.#options;
    const [known] = this.image.words({ table, at, count: 1 });
    if (holes === "illegal" && known === undefined) throw new Refusal(illegalAddress);
    this.image.write(table, at, word);
  }
}

/**
 * Starts a simulated device and returns when it listens.
 * @throws E_PROFILE, E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_SERIAL and its kin
 */
export async function simulate(options: SimulateOptions): Promise<Simulator> {
  const device = new SimulatedDevice(options);
  const { listen } = options;
  const { address, close } =
    "serial" in listen ? await serveRtu(device, listen.serial) : await serveTcp(device, listen);
  return {
    address,
    get requests() {
      return device.requests;
    },
    set: (measurement, channel, fields) => device.image.set(measurement, channel, fields),
    poke: (table, at, word) => device.image.poke(table, at, word),
    [Symbol.asyncDispose]: close,
  };
}

interface Serving {
  readonly address: string;
  readonly close: () => Promise<void>;
}

async function serveTcp(
  device: SimulatedDevice,
  { host = "127.0.0.1", port = 0 }: { readonly host?: string; readonly port?: number },
): Promise<Serving> {
  const server = startServerTcp(device, host, port);
  await new Promise<void>((resolve, reject) => {
    server.on("initialized", () => resolve());
    server.on("serverError", (cause) => reject(listenFailure(`${host}:${port}`, cause)));
  });
  const inner: unknown = Reflect.get(server, "_server");
  const bound = inner instanceof Server ? inner.address() : null;
  invariant(bound !== null && typeof bound === "object", "modbus-serial holds no listening server");
  let closed: Promise<void> | undefined;
  return {
    address: `tcp://${host}:${bound.port}`,
    close: () => (closed ??= new Promise((resolve) => server.close(() => resolve()))),
  };
}

function startServerTcp(device: SimulatedDevice, host: string, port: number): ServerTCP {
  const mine = (unit: number): void => {
    if (unit !== device.unit) throw new Refusal(targetSilent);
  };
  const readAs = (table: Table) => (at: number, count: number, unit: number) => {
    mine(unit);
    return device.read({ table, at, count });
  };
  const bits = (table: Table) => (at: number, unit: number) => {
    mine(unit);
    return device.readBit(table, at);
  };
  const word = (table: Table) => {
    const read = readAs(table);
    return (at: number, unit: number): number => read(at, 1, unit)[0] ?? 0;
  };
  const vector = {
    getCoil: bits("coil"),
    getDiscreteInput: bits("discrete"),
    getHoldingRegister: word("holding"),
    getInputRegister: word("input"),
    getMultipleHoldingRegisters: readAs("holding"),
    getMultipleInputRegisters: readAs("input"),
    setCoil: (at: number, on: boolean, unit: number): void => {
      mine(unit);
      device.write("coil", at, on ? 1 : 0);
    },
    setRegister: (at: number, word: number, unit: number): void => {
      mine(unit);
      device.write("holding", at, word);
    },
  };
  // ServerTCP takes port 0 for "not given" and listens on 502; the text "0" passes its check.
  const anyPort: unknown = port === 0 ? "0" : port;
  const server: unknown = Reflect.construct(ServerTCP, [
    vector,
    { host, port: anyPort, unitID: everyUnit },
  ]);
  invariant(server instanceof ServerTCP, "modbus-serial made no server");
  server.on("socketError", () => {
    // A client that vanished is not the simulator's business.
  });
  return server;
}

/** modbus-serial's word for "answer any unit"; the device itself looks at the unit. */
const everyUnit = 255;

function listenFailure(where: string, cause: unknown): GatewayError {
  const code = systemCode(cause) === "EADDRINUSE" ? "E_ADDRESS_IN_USE" : "E_ADDRESS_REFUSED";
  return new GatewayError(code, `${where}: ${messageOf(cause)}`, { cause });
}

/** Bytes of a request on a serial line that reads, or writes one coil or register. */
const requestBytes = 8;

/** Bytes kept while looking for a request. */
const receiveLimit = 256;

async function serveRtu(device: SimulatedDevice, bus: SerialBus): Promise<Serving> {
  const channel = await openSerial(bus);
  let received = Buffer.alloc(0);
  channel.onData((bytes) => {
    received = Buffer.concat([received, bytes]).subarray(-receiveLimit);
    for (let at = 0; at + requestBytes <= received.length; at += 1) {
      const frame = received.subarray(at, at + requestBytes);
      const request = frame.subarray(1, -2);
      const known = decodeReadRequest(request) ?? decodeWriteOne(request);
      if (known === undefined || !crcFits(frame)) continue;
      received = received.subarray(at + requestBytes);
      at = -1;
      if (frame[0] === device.unit) channel.write(encodeRtu(device.unit, answer(device, request)));
    }
  });
  return { address: bus.port, close: () => channel.close() };
}

function answer(device: SimulatedDevice, request: Uint8Array): Uint8Array {
  try {
    const write = decodeWriteOne(request);
    if (write !== undefined) {
      device.write(write.table, write.at, write.words[0] ?? 0);
      return request;
    }
    const span = decodeReadRequest(request);
    invariant(span !== undefined, "a request that neither reads nor writes");
    return encodeReadReply(span, device.read(span));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return encodeException(request, error.modbusErrorCode);
  }
}
