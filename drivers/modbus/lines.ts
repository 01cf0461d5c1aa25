/**
 * The lines of one driver: devices with the same address or bus share a connection, which ends
 * with the last of them.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Origin } from "../contract.ts";
import type { SerialBus } from "../transport/options.ts";
import { openSerial } from "../transport/serial.ts";
import { connectTcp } from "../transport/tcp.ts";
import { busNamed, wireEndpoint, wireKey } from "../transport/wire.ts";
import type { Timing } from "./cost.ts";
import { addressTiming, serialTiming } from "./cost.ts";
import type { Exchanger } from "./exchange.ts";
import type { LineSpec } from "./line.ts";
import { Line } from "./line.ts";
import type { ModbusOptions } from "./options.ts";
import { characterTime, frameSilence, RtuFraming } from "./rtu.ts";
import { TcpLine } from "./tcp-line.ts";
import { widest } from "./window.ts";

/** A USB adapter hands bytes over up to 16 ms late (FTDI latency timer). @unit ms */
const serialQuiet = 20;

/** A network adds more than an adapter does. @unit ms */
const networkQuiet = 50;

export interface LeasedLine {
  readonly line: Exchanger;
  /** Gives the line back; calling it again is harmless. */
  readonly release: () => Promise<void>;
}

interface SharedLine {
  readonly line: Exchanger;
  /** The bus that brought its settings. */
  readonly bus: string | undefined;
  /** As a device's options fix it. */
  outstanding: number | undefined;
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
    return wireKey(options, this.#buses);
  }

  /** Where a device is, for people. @throws E_CONFIG */
  whereOf(options: ModbusOptions): Origin["endpoint"] {
    return wireEndpoint(options, this.#buses);
  }

  /** How many devices of a wire may be read at once: as many as a line may ever have out. */
  widthOf({ address, outstanding }: ModbusOptions): number {
    return address?.scheme === "tcp" ? (outstanding ?? widest) : 1;
  }

  /** What a request to a device costs, before it has answered any. @throws E_CONFIG */
  timingOf({ address, bus, unit, pause }: ModbusOptions): Timing {
    if (address === undefined) return serialTiming(busNamed(bus, this.#buses), pause);
    return addressTiming(address.scheme, { unit, pause });
  }

  /** @throws E_CONFIG */
  lease(options: ModbusOptions): LeasedLine {
    const { address, bus } = options;
    const key = `${address?.scheme ?? "serial"} ${this.keyOf(options)}`;
    const shared = this.#shared.get(key) ?? this.#share(options);
    if (shared.bus !== bus) {
      throw new GatewayError("E_CONFIG", `buses "${shared.bus}" and "${bus}" name the same port`);
    }
    this.#fix(shared, options);
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

  #share(options: ModbusOptions): SharedLine {
    return { line: this.#make(options), bus: options.bus, outstanding: undefined, users: 0 };
  }

  /** @throws E_CONFIG when devices of one connection do not agree */
  #fix(shared: SharedLine, options: ModbusOptions): void {
    const { outstanding } = options;
    if (outstanding === undefined || outstanding === shared.outstanding) return;
    if (shared.outstanding !== undefined) {
      const both = `${shared.outstanding} and ${outstanding}`;
      const where = this.keyOf(options);
      throw new GatewayError("E_CONFIG", `devices at ${where} differ in \`outstanding\`: ${both}`);
    }
    shared.outstanding = outstanding;
    if (shared.line instanceof TcpLine) shared.line.window.fix(outstanding);
  }

  #make({ address, bus }: ModbusOptions): Exchanger {
    const clock = this.#clock;
    if (address === undefined) return new Line(serialSpec(busNamed(bus, this.#buses)), clock);
    const { scheme, host, port } = address;
    const name = `${scheme}://${host}:${port}`;
    const connect = (signal: AbortSignal) => connectTcp({ host, port }, signal);
    if (scheme === "tcp") return new TcpLine({ name, connect, clock });
    return new Line(rtuOverTcp(name, connect), clock);
  }
}

function rtuOverTcp(name: string, connect: LineSpec["connect"]): LineSpec {
  return {
    name,
    connect,
    framing: new RtuFraming(),
    reconnects: true,
    gap: 0,
    quiet: networkQuiet,
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
    reconnects: false,
    gap: bus.turnaround ?? silence,
    quiet: Math.max(silence, serialQuiet),
    character,
  };
}
