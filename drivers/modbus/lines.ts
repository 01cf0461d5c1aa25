/**
 * The lines of one driver: devices with the same address or bus share a connection, which ends
 * with the last of them.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { addressText, v } from "../../config/index.ts";
import type { Origin } from "../contract.ts";
import type { SerialBus } from "../transport/options.ts";
import { serialBusOptions } from "../transport/options.ts";
import { openSerial } from "../transport/serial.ts";
import { connectTcp } from "../transport/tcp.ts";
import type { Timing } from "./cost.ts";
import { addressTiming, serialTiming } from "./cost.ts";
import type { LineSpec } from "./line.ts";
import { Line } from "./line.ts";
import { TcpFraming } from "./mbap.ts";
import type { ModbusOptions, NetworkOptions } from "./options.ts";
import { characterTime, frameSilence, RtuFraming } from "./rtu.ts";

/** A USB adapter hands bytes over up to 16 ms late (FTDI latency timer). @unit ms */
const serialQuiet = 20;

/** A network adds more than an adapter does. @unit ms */
const networkQuiet = 50;

export interface LeasedLine {
  readonly line: Line;
  /** Gives the line back; calling it again is harmless. */
  readonly release: () => Promise<void>;
}

interface SharedLine {
  readonly line: Line;
  /** The bus that brought its settings. */
  readonly bus: string | undefined;
  users: number;
}

export class Lines implements AsyncDisposable {
  readonly #buses: Readonly<Record<string, unknown>>;
  readonly #clock: Clock;
  /** By key; bounded by the devices of the configuration. */
  readonly #shared = new Map<string, SharedLine>();

  constructor(buses: Readonly<Record<string, unknown>>, clock: Clock) {
    this.#buses = buses;
    this.#clock = clock;
  }

  /**
   * Names the wire.
   * @throws E_CONFIG
   */
  keyOf(options: ModbusOptions): string {
    if (options.address === undefined) return `serial:${this.#bus(options.bus).port}`;
    return `tcp://${options.address.host}:${options.address.port}`;
  }

  /** Where a device is, for people. @throws E_CONFIG */
  whereOf({ address, bus }: ModbusOptions): Origin["endpoint"] {
    if (address !== undefined) return { address: addressText(address) };
    const { port, baud, parity, dataBits, stopBits } = this.#bus(bus);
    return { bus, port, line: `${baud} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}` };
  }

  /** What a request to a device costs, before it has answered any. @throws E_CONFIG */
  timingOf({ address, bus, unit, pause }: ModbusOptions): Timing {
    if (address === undefined) return serialTiming(this.#bus(bus), pause);
    return addressTiming(address.scheme, { unit, pause });
  }

  /** @throws E_CONFIG */
  lease(options: ModbusOptions): LeasedLine {
    const { address, bus } = options;
    const key = `${address?.scheme ?? "serial"} ${this.keyOf(options)}`;
    const shared = this.#shared.get(key) ?? { line: this.#make(options), bus, users: 0 };
    if (shared.bus !== bus) {
      throw new GatewayError("E_CONFIG", `buses "${shared.bus}" and "${bus}" name the same port`);
    }
    shared.users += 1;
    this.#shared.set(key, shared);
    let released: Promise<void> | undefined;
    return { line: shared.line, release: () => (released ??= this.#giveBack(key, shared)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lines = [...this.#shared.values()];
    this.#shared.clear();
    await Promise.all(lines.map(({ line }) => line[Symbol.asyncDispose]()));
  }

  async #giveBack(key: string, shared: SharedLine): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    await shared.line[Symbol.asyncDispose]();
  }

  #make(options: ModbusOptions): Line {
    const spec =
      options.address === undefined
        ? serialSpec(this.#bus(options.bus))
        : networkSpec(options.address);
    return new Line(spec, this.#clock);
  }

  #bus(name: string): SerialBus {
    const entry = this.#buses[name];
    if (entry === undefined) {
      const known = Object.keys(this.#buses).join(", ") || "none";
      throw new GatewayError("E_CONFIG", `there is no bus "${name}"; known: ${known}`);
    }
    const parsed = v.safeParse(serialBusOptions, entry);
    if (parsed.success) return parsed.output;
    throw new GatewayError("E_CONFIG", `bus "${name}": ${parsed.issues[0].message}`);
  }
}

function networkSpec(address: NetworkOptions["address"]): LineSpec {
  const { scheme, host, port } = address;
  const rtu = scheme === "rtu+tcp";
  return {
    name: `${scheme}://${host}:${port}`,
    connect: (signal) => connectTcp({ host, port }, signal),
    framing: rtu ? new RtuFraming() : new TcpFraming(),
    anonymous: rtu,
    reconnects: true,
    gap: 0,
    quiet: rtu ? networkQuiet : 0,
    character: 0,
  };
}

function serialSpec(bus: SerialBus): LineSpec {
  const character = characterTime(bus);
  const silence = frameSilence(bus.baud, character);
  return {
    name: bus.port,
    connect: () => openSerial(bus),
    framing: new RtuFraming(),
    anonymous: true,
    reconnects: false,
    gap: bus.turnaround ?? silence,
    quiet: Math.max(silence, serialQuiet),
    character,
  };
}
