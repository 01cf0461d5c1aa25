/**
 * Looks for devices behind network addresses: which hosts answer, and which units there are
 * behind each. Units 255, 0 and 1 tell a device of its own from a gateway to a serial line: only
 * a gateway is asked for all of them. [MODBUS-TCP 4.4.1]
 */
import type { Address } from "../../../config/index.ts";
import { addressText } from "../../../config/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import type { Span } from "../pdu.ts";
import { encodeRead } from "../pdu.ts";
import type { ModbusProfile } from "../profile.ts";
import type { Identity } from "./identity.ts";
import { identifyUnit } from "./identity.ts";
import { latestAnswer } from "./rtu-wire.ts";
import type { Presence, Suspicion } from "./sweep.ts";
import { nobody, Sweep } from "./sweep.ts";
import type { Wire } from "./wire.ts";
import { exceptionIn } from "./wire.ts";

export interface HostFound {
  /** `tcp://10.0.0.5:502`. */
  readonly address: string;
  readonly kind: "device" | "gateway" | "mute";
  readonly devices: readonly (Presence & { readonly identity: Identity })[];
  readonly suspicions: readonly Suspicion[];
}

export interface NetworkSearch {
  readonly hosts: readonly HostFound[];
  /** Hosts on which nothing listens. */
  readonly closed: number;
}

export interface HostProgress {
  /** What is asked now. */
  readonly at: string;
  readonly done: number;
  readonly total: number;
  readonly found: number;
}

export interface NetworkSearchParts {
  readonly hosts: readonly Address[];
  /** @throws E_CONNECT */
  readonly connect: (address: Address, signal: AbortSignal) => Promise<Wire>;
  /** Units to ask for; undefined: what the host is decides. */
  readonly units: readonly number[] | undefined;
  /** @unit ms */
  readonly timeout: number;
  readonly ask: Span;
  readonly profiles: readonly ModbusProfile[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (progress: HostProgress) => void;
}

/** Hosts asked side by side: a switch and its firewall notice more. */
const sideBySide = 16;

/** Connections that a host may lose before it is left alone. */
const lossLimit = 3;

/** What a device of its own answers to, whatever its number. [MODBUS-TCP 4.4.1] */
const own = [255, 0, 1];

/** Hosts that are asked for every unit, though they kept silent at first. */
const fewHosts = 8;

/** A unit that no device behind a gateway has. [MODBUS-RTU 2.2] */
const reserved = 251;

const all = Array.from({ length: 247 }, (_, index) => index + 1);
const sample = [1, 2, 3, 4, 5, 10, 11, 20, 100, 247];

/** Everything that answers on these hosts. */
export async function searchNetwork(parts: NetworkSearchParts): Promise<NetworkSearch> {
  const queue = [...parts.hosts.entries()];
  const found = new Map<number, HostFound>();
  let closed = 0;
  let done = 0;
  const tell = (at: string): void => {
    const devices = [...found.values()].reduce((sum, { devices }) => sum + devices.length, 0);
    parts.progress({ at, done, total: parts.hosts.length, found: devices });
  };
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, address] = next;
      const host = await searchHost(parts, address, tell);
      if (host === undefined) closed += 1;
      else found.set(index, host);
      done += 1;
      tell(addressText(address));
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  const inOrder = [...found].toSorted(([a], [b]) => a - b).map(([, host]) => host);
  return { hosts: inOrder, closed };
}

/** One host; undefined when nothing listens there. */
async function searchHost(
  parts: NetworkSearchParts,
  address: Address,
  tell: (at: string) => void,
): Promise<HostFound | undefined> {
  const host = new Host(parts, address, tell);
  try {
    return await host.search();
  } catch (error) {
    if (!(error instanceof GatewayError) || parts.signal.aborted) throw error;
    return error.code === "E_CONNECT" ? undefined : host.broken(error);
  }
}

class Host {
  readonly #parts: NetworkSearchParts;
  readonly #address: Address;
  readonly #tell: (at: string) => void;

  constructor(parts: NetworkSearchParts, address: Address, tell: (at: string) => void) {
    this.#parts = parts;
    this.#address = address;
    this.#tell = tell;
  }

  async search(): Promise<HostFound> {
    const { units } = this.#parts;
    if (units !== undefined) return this.#sweep(units);
    if (this.#address.scheme !== "tcp") return this.#sweep(all);
    const heard = new Map<number, "answer" | "nobody" | "silence">();
    for (const unit of own) heard.set(unit, await this.#try(unit));
    const kinds = [...heard.values()];
    if (kinds.includes("nobody")) return this.#sweep(all);
    if (kinds.every((kind) => kind === "answer")) {
      return (await this.#try(reserved)) === "answer" ? this.#device(1) : this.#sweep(all);
    }
    const first = own.find((unit) => heard.get(unit) === "answer");
    // Who names a few hosts means them: a gateway that keeps silent is asked for every unit.
    if (first === undefined && this.#parts.hosts.length <= fewHosts) return this.#sweep(all);
    const few = await this.#sweep(first === undefined ? sample : [first, ...sample]);
    return few.devices.length > 1 ? this.#sweep(all) : few;
  }

  /** What stands for a host that hangs up on us. */
  broken(error: GatewayError): HostFound {
    const what = `listens, but does not speak Modbus: ${error.message}`;
    const suspicions = [{ kind: "noise", what }] as const;
    return { address: addressText(this.#address), kind: "mute", devices: [], suspicions };
  }

  async #try(unit: number): Promise<"answer" | "nobody" | "silence"> {
    const { ask, timeout, signal } = this.#parts;
    await using wire = await this.#parts.connect(this.#address, signal);
    const heard = await wire.ask({ unit, pdu: encodeRead(ask), timeout }, signal);
    if (heard.kind !== "answer") return "silence";
    return nobody.has(exceptionIn(heard.pdu)) ? "nobody" : "answer";
  }

  /** A device of its own: its unit does not matter. */
  #device(unit: number): Promise<HostFound> {
    return this.#sweep([unit], "device");
  }

  async #sweep(units: readonly number[], kind?: HostFound["kind"]): Promise<HostFound> {
    const left = new Set(units);
    let known: readonly Presence[] = [];
    let suspicions: readonly Suspicion[] = [];
    for (let losses = 0; left.size > 0;) {
      await using wire = await this.#parts.connect(this.#address, this.#parts.signal);
      const sweep = this.#over(wire, { left, known });
      try {
        if (await sweep.run([...left])) left.clear();
      } catch (error) {
        losses += 1;
        const lost = error instanceof GatewayError && error.code === "E_DISCONNECTED";
        if (!lost || losses >= lossLimit || this.#parts.signal.aborted) throw error;
      }
      known = [...sweep.found.values()];
      suspicions = [...suspicions, ...sweep.suspicions];
    }
    const address = addressText(this.#address);
    const devices = await this.#identified(known);
    const told = known.length > 1 ? "gateway" : known.length === 1 ? "device" : "mute";
    return { address, kind: kind ?? told, devices, suspicions };
  }

  #over(
    wire: Wire,
    { left, known }: { readonly left: Set<number>; readonly known: readonly Presence[] },
  ): Sweep {
    const { ask, timeout, signal } = this.#parts;
    const parts = {
      wire,
      pdu: encodeRead(ask),
      timeout,
      patience: Math.max(timeout, latestAnswer),
      signal,
      gateways: true,
      visited: (unit: number) => {
        this.#tell(`${addressText(this.#address)} unit ${unit}`);
        return Promise.resolve(left.delete(unit));
      },
    };
    return new Sweep(parts, known);
  }

  async #identified(found: readonly Presence[]): Promise<HostFound["devices"]> {
    const { profiles, timeout, signal } = this.#parts;
    if (found.length === 0) return [];
    const devices: (Presence & { readonly identity: Identity })[] = [];
    await using wire = await this.#parts.connect(this.#address, signal);
    const texts = this.#address.scheme === "tcp" ? "first" : "last";
    for (const presence of found.toSorted((a, b) => a.unit - b.unit)) {
      const { unit } = presence;
      const identity = await identifyUnit({ wire, unit, timeout, profiles, signal, texts });
      devices.push({ ...presence, identity });
    }
    return devices;
  }
}
