/**
 * Looks for devices on a serial line: settings × addresses, in the order of `plan.ts`, then asks
 * each device what it is. What is known so far is handed out after each address, so that a search
 * that was cut goes on where it stopped.
 */
import type { Clock } from "../../../telemetry/index.ts";
import type { Span } from "../pdu.ts";
import { encodeRead } from "../pdu.ts";
import type { ModbusProfile } from "../profile.ts";
import { identifyUnit } from "./identity.ts";
import type { Identity } from "./identity.ts";
import type { Known, Leg, PlanParts } from "./plan.ts";
import { nextLeg, remaining, sampledSettings } from "./plan.ts";
import { latestAnswer } from "./rtu-wire.ts";
import type { LineSetting } from "./settings.ts";
import { settingName } from "./settings.ts";
import type { Presence, Suspicion } from "./sweep.ts";
import { Sweep } from "./sweep.ts";
import type { Wire } from "./wire.ts";

/** What a search has found out; plain data, so that it can rest in a file. */
export interface SerialState {
  /** Addresses done, by the setting's name. */
  readonly done: Readonly<Record<string, readonly number[]>>;
  readonly found: readonly FoundOnLine[];
  readonly suspicions: readonly PlacedSuspicion[];
}

export interface FoundOnLine extends Presence {
  /** `9600 8N1`. */
  readonly setting: string;
}

export interface PlacedSuspicion extends Suspicion {
  readonly setting: string;
}

export interface IdentifiedUnit extends FoundOnLine {
  readonly identity: Identity;
}

export interface SerialSearch {
  readonly devices: readonly IdentifiedUnit[];
  readonly suspicions: readonly PlacedSuspicion[];
  /** Settings of which only a sample was asked. */
  readonly sampled: readonly string[];
  /** Requests asked to find out who is there. */
  readonly probes: number;
}

export interface SearchProgress {
  readonly phase: "search" | "identify";
  readonly at: string;
  readonly done: number;
  readonly total: number;
  readonly found: number;
  /** @unit ms */
  readonly left: number;
}

export interface SerialSearchParts {
  /** @throws E_SERIAL and its kin */
  readonly open: (setting: LineSetting) => Promise<Wire>;
  readonly plan: PlanParts;
  /** How long a device may think. @unit ms */
  readonly timeout: number;
  readonly ask: Span;
  readonly profiles: readonly ModbusProfile[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (progress: SearchProgress) => void;
  /** Keeps what is known so far; called after each address. */
  readonly keep: (state: () => SerialState) => Promise<void>;
}

/** What a device may be asked at least this patiently, once it is known to be there. @unit ms */
const identifyTimeout = 300;

/** A device is given this many times the time that it took. */
const latencyFactor = 4;

/**
 * The search itself.
 * @throws E_SERIAL and its kin, E_DISCONNECTED
 */
export async function searchSerial(
  parts: SerialSearchParts,
  before?: SerialState,
): Promise<SerialSearch> {
  const search = new Searching(parts, before);
  for (let leg = search.next(); leg !== undefined; leg = search.next()) await search.sweep(leg);
  return search.identify();
}

class Searching {
  readonly #parts: SerialSearchParts;
  readonly #done = new Map<string, Set<number>>();
  readonly #found: FoundOnLine[];
  readonly #suspicions: PlacedSuspicion[];
  readonly #begun: number;
  #probes = 0;

  constructor(parts: SerialSearchParts, before: SerialState | undefined) {
    this.#parts = parts;
    this.#begun = parts.clock.monotonic();
    this.#found = [...(before?.found ?? [])];
    this.#suspicions = [...(before?.suspicions ?? [])];
    for (const [name, units] of Object.entries(before?.done ?? {})) {
      this.#done.set(name, new Set(units));
    }
  }

  next(): Leg | undefined {
    return nextLeg(this.#parts.plan, this.#known());
  }

  async sweep({ setting, units }: Leg): Promise<void> {
    const name = settingName(setting);
    const done = this.#done.get(name) ?? new Set<number>();
    this.#done.set(name, done);
    await using wire = await this.#parts.open(setting);
    const known = this.#found.filter((one) => one.setting === name);
    const others = this.#found.filter((one) => one.setting !== name);
    const suspected = [...this.#suspicions];
    const note = (): void => {
      this.#found.splice(0, Infinity, ...others);
      for (const presence of sweep.found.values()) {
        this.#found.push({ ...presence, setting: name });
      }
      const fresh = sweep.suspicions.map((one) => ({ ...one, setting: name }));
      this.#suspicions.splice(0, Infinity, ...suspected, ...fresh);
    };
    const sweep = new Sweep(
      {
        wire,
        pdu: encodeRead(this.#parts.ask),
        timeout: this.#parts.timeout,
        patience: latestAnswer,
        signal: this.#parts.signal,
        gateways: false,
        visited: async (unit) => {
          done.add(unit);
          this.#probes += 1;
          note();
          this.#tell(name);
          await this.#parts.keep(() => this.#state());
          const { expect } = this.#parts.plan;
          return expect === undefined || this.#fresh().length < expect;
        },
      },
      known,
    );
    const hopeless = await sweep.run(units);
    note();
    if (hopeless) for (const unit of this.#parts.plan.units) done.add(unit);
    await this.#parts.keep(() => this.#state());
  }

  async identify(): Promise<SerialSearch> {
    const devices: IdentifiedUnit[] = [];
    const fresh = this.#fresh();
    for (const setting of this.#parts.plan.settings) {
      const name = settingName(setting);
      const here = fresh.filter((one) => one.setting === name).map((one) => this.#withOthers(one));
      if (here.length === 0) continue;
      await using wire = await this.#parts.open(setting);
      for (const presence of here.toSorted((a, b) => a.unit - b.unit)) {
        this.#tellIdentify(`unit ${presence.unit}`, devices.length);
        devices.push({ ...presence, identity: await this.#identityOf(wire, presence) });
      }
    }
    const sampled = sampledSettings(this.#parts.plan, this.#known()).map(settingName);
    return { devices, suspicions: this.#suspicions, sampled, probes: this.#probes };
  }

  /**
   * Each unit where it was found first. Some devices follow the speed, and some ports have none
   * (a terminal server's is set elsewhere): the same unit elsewhere is mostly the same device.
   */
  #fresh(): FoundOnLine[] {
    const first = new Map<number, FoundOnLine>();
    const names = this.#parts.plan.settings.map(settingName);
    for (const name of names) {
      for (const one of this.#found) {
        if (one.setting === name && !first.has(one.unit)) first.set(one.unit, one);
      }
    }
    return [...first.values()];
  }

  #withOthers(found: FoundOnLine): FoundOnLine {
    const also = this.#found
      .filter(({ unit, setting }) => unit === found.unit && setting !== found.setting)
      .map(({ setting }) => setting);
    if (also.length === 0) return found;
    const note = `answers at ${also.join(", ")} as well: it follows the speed, or there are two`;
    return { ...found, notes: [...found.notes, note] };
  }

  #identityOf(wire: Wire, { unit, after }: Presence): Promise<Identity> {
    const { profiles, signal } = this.#parts;
    const least = Math.max(this.#parts.timeout, identifyTimeout);
    const timeout = Math.max(least, latencyFactor * after);
    return identifyUnit({ wire, unit, timeout, profiles, signal, texts: "last" });
  }

  #known(): Known {
    const found = new Map<string, number>();
    for (const { setting } of this.#fresh()) found.set(setting, (found.get(setting) ?? 0) + 1);
    return { done: this.#done, found };
  }

  #state(): SerialState {
    const done = [...this.#done].map(([name, units]) => [name, [...units]] as const);
    return {
      done: Object.fromEntries(done),
      found: [...this.#found],
      suspicions: [...this.#suspicions],
    };
  }

  #tell(at: string): void {
    const left = remaining(this.#parts.plan, this.#known());
    const passed = this.#parts.clock.monotonic() - this.#begun;
    this.#parts.progress({
      phase: "search",
      at,
      done: this.#probes,
      total: this.#probes + left,
      found: this.#fresh().length,
      left: (passed / this.#probes) * left,
    });
  }

  #tellIdentify(at: string, done: number): void {
    const total = this.#fresh().length;
    this.#parts.progress({ phase: "identify", at, done, total, found: total, left: 0 });
  }
}
