/**
 * The wires of one driver: devices with the same address or bus share one open wire, which ends
 * with the last of them.
 */
import { addressText } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import type { Origin } from "../contract.ts";
import type { AskerSpec } from "./asking.ts";
import { Asker } from "./asking.ts";
import { Leases } from "./leases.ts";
import type { LineSettings } from "./timing.ts";
import { characterTime, networkQuiet, serialQuiet } from "./timing.ts";
import type { WireOptions } from "./wire.ts";
import { busNamed, openWire, wireEndpoint, wireKey } from "./wire.ts";

/** What lines of a protocol are like. */
export interface Habits {
  /** Its usual line; what is behind a serial server is taken for that. */
  readonly usual: LineSettings;
  /** Silence before each question. @unit characters */
  readonly gap: number;
}

export interface LeasedAsker {
  readonly asker: Asker;
  /** Gives the wire back; calling it again is harmless. */
  readonly release: () => Promise<void>;
}

export class Askers implements AsyncDisposable {
  readonly #buses: Readonly<Record<string, unknown>>;
  readonly #clock: Clock;
  readonly #habits: Habits;
  readonly #leases = new Leases<Asker>();

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
    const tenant = { key: this.keyOf(wire), bus: wire.bus };
    const { thing: asker, release } = this.#leases.lease(tenant, () => this.#make(wire));
    return { asker, release };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#leases[Symbol.asyncDispose]();
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
