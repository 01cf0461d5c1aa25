/**
 * The wires of one driver: devices with the same address or bus share one open wire, which ends
 * with the last of them.
 */
import { addressText } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Origin } from "../contract.ts";
import type { AskerSpec } from "./asking.ts";
import { Asker } from "./asking.ts";
import type { SerialBus } from "./options.ts";
import type { WireOptions } from "./wire.ts";
import { busNamed, openWire, wireEndpoint, wireKey } from "./wire.ts";

/** How a character is framed on a line. */
export type LineSettings = Pick<SerialBus, "baud" | "parity" | "dataBits" | "stopBits">;

/** What lines of a protocol are like. */
export interface Habits {
  /** Its usual line; what is behind a serial server is taken for that. */
  readonly usual: LineSettings;
  /** Silence before each question. @unit characters */
  readonly gap: number;
}

/** A USB adapter hands bytes over up to 16 ms late (FTDI latency timer). @unit ms */
const serialQuiet = 20;

/** A network adds more than an adapter does. @unit ms */
const networkQuiet = 50;

export interface LeasedAsker {
  readonly asker: Asker;
  /** Gives the wire back; calling it again is harmless. */
  readonly release: () => Promise<void>;
}

interface SharedAsker {
  readonly asker: Asker;
  /** The bus that brought its settings. */
  readonly bus: string | undefined;
  users: number;
}

/** Time of one character on a line, start and stop bits included. @unit ms */
export function characterTime({ baud, parity, dataBits, stopBits }: LineSettings): number {
  return ((1 + dataBits + (parity === "none" ? 0 : 1) + stopBits) * 1000) / baud;
}

export class Askers implements AsyncDisposable {
  readonly #buses: Readonly<Record<string, unknown>>;
  readonly #clock: Clock;
  readonly #habits: Habits;
  /** By key; bounded by the devices of the configuration. */
  readonly #shared = new Map<string, SharedAsker>();

  constructor(
    { buses, clock }: { readonly buses: Readonly<Record<string, unknown>>; readonly clock: Clock },
    habits: Habits,
  ) {
    this.#buses = buses;
    this.#clock = clock;
    this.#habits = habits;
  }

  /** Names the wire. @throws E_CONFIG */
  keyOf(wire: WireOptions): string {
    return wireKey(wire, this.#buses);
  }

  /** Where a device is, for people. @throws E_CONFIG */
  whereOf(wire: WireOptions): Origin["endpoint"] {
    return wireEndpoint(wire, this.#buses);
  }

  /** @throws E_CONFIG */
  lease(wire: WireOptions): LeasedAsker {
    const key = this.keyOf(wire);
    const shared = this.#shared.get(key) ?? { asker: this.#make(wire), bus: wire.bus, users: 0 };
    if (shared.bus !== wire.bus) {
      const why = `buses "${shared.bus}" and "${wire.bus}" name the same port`;
      throw new GatewayError("E_CONFIG", why);
    }
    shared.users += 1;
    this.#shared.set(key, shared);
    let released: Promise<void> | undefined;
    return { asker: shared.asker, release: () => (released ??= this.#giveBack(key, shared)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#shared.values()];
    this.#shared.clear();
    await Promise.all(all.map(({ asker }) => asker[Symbol.asyncDispose]()));
  }

  async #giveBack(key: string, shared: SharedAsker): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    await shared.asker[Symbol.asyncDispose]();
  }

  #make(wire: WireOptions): Asker {
    const connect: AskerSpec["connect"] = (signal) => openWire(wire, this.#buses, signal);
    const { usual, gap } = this.#habits;
    if (wire.address !== undefined) {
      const name = addressText(wire.address);
      const character = characterTime(usual);
      const spec = { name, connect, reconnects: true, gap: 0, quiet: networkQuiet, character };
      return new Asker(spec, this.#clock);
    }
    const bus = busNamed(wire.bus ?? "", this.#buses);
    const character = characterTime(bus);
    const silence = bus.turnaround ?? gap * character;
    const quiet = Math.max(silence, serialQuiet);
    const spec = { name: bus.port, connect, reconnects: false, gap: silence, quiet, character };
    return new Asker(spec, this.#clock);
  }
}
