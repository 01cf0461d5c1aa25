/**
 * A two-wire bus under virtual time: drivers that are switched on and off, what each listener sees
 * of them, disturbances, reflections, and a line that floats when nobody drives it.
 */
import type { LineSettings } from "../../../../drivers/modbus/doctor/index.ts";
import type { VirtualClock } from "../../../virtual.ts";
import type { Edge, Signal } from "./uart.ts";
import { bitsOf, bitTime } from "./uart.ts";

interface Transmission {
  readonly node: string;
  /** The driver is switched on, at rest before the first bit and after the last. */
  readonly on: number;
  readonly off: number;
  readonly edges: readonly Edge[];
  readonly strength: number;
}

interface Burst {
  readonly from: number;
  readonly to: number;
  readonly level: 0 | 1;
}

/** Ringing after each edge: a decaying swing. */
export interface Ringing {
  /** Of the swing, as a share of the step. */
  readonly amplitude: number;
  /** @unit ms */
  readonly period: number;
  /** @unit ms */
  readonly decay: number;
  /** Noise of the receiver's input, as a share of the step. */
  readonly jitter: number;
}

export interface BusOptions {
  readonly clock: VirtualClock;
  readonly random: () => number;
  /** Level when nobody drives; undefined: it floats. */
  readonly rest: 1 | undefined;
  /** How often a floating line changes its mind. @unit per second */
  readonly floating?: number;
  readonly ringing?: (speaker: string, listener: string) => Ringing | undefined;
}

export interface Sending {
  readonly node: string;
  readonly settings: LineSettings;
  /** How long the driver stays on behind the last bit. @unit ms */
  readonly hold?: number;
  /** Rest between characters. @unit ms */
  readonly spacing?: number;
  /** Wires are exchanged at this node. */
  readonly inverted?: boolean;
  readonly strength?: number;
}

/** Transmissions older than this are forgotten. @unit ms */
const memory = 10_000;

export class Bus {
  readonly options: BusOptions;
  #transmissions: Transmission[] = [];
  #bursts: Burst[] = [];
  #toggles: number[] = [0];
  #listeners: ((until: number) => void)[] = [];

  constructor(options: BusOptions) {
    this.options = options;
    if (options.rest === undefined) this.#float();
  }

  /** Dips of a floating line are activity, too. */
  #float(): void {
    const now = this.options.clock.monotonic();
    this.#floatUntil(now);
    const index = firstAbove(this.#toggles, now, itself);
    const next = this.#toggles[index] ?? now + 1;
    this.options.clock.after(next - now + 1e-3, () => {
      this.#active(this.options.clock.monotonic());
      this.#float();
    });
  }

  /** Called for each activity, with the time at which it ends. */
  onActivity(listener: (until: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Sends bytes from now on; returns when the last bit is out. @unit ms */
  send(bytes: Uint8Array, sending: Sending): number {
    const { clock } = this.options;
    const { settings, hold = 0, spacing = 0, node, strength = 1 } = sending;
    const now = clock.monotonic();
    const flip = (level: 0 | 1): 0 | 1 =>
      sending.inverted === true ? (level === 1 ? 0 : 1) : level;
    const edges: Edge[] = [{ at: now, level: flip(1) }];
    let at = now + bitTime(settings);
    let last: 0 | 1 = 1;
    for (const byte of bytes) {
      for (const level of bitsOf(byte, settings)) {
        if (level !== last) edges.push({ at, level: flip(level) });
        last = level;
        at += bitTime(settings);
      }
      at += spacing;
    }
    this.#transmissions.push({ node, on: now, off: at + hold, edges, strength });
    this.#transmissions = this.#transmissions.filter(({ off }) => off > now - memory);
    this.#active(at);
    return at;
  }

  /** Something from outside forces a level for a while. */
  disturb(duration: number, level: 0 | 1): void {
    const now = this.options.clock.monotonic();
    this.#bursts.push({ from: now, to: now + duration, level });
    this.#bursts = this.#bursts.filter(({ to }) => to > now - memory);
    this.#active(now + duration);
  }

  /** The bus as one node hears it; while its own driver is on it hears rest, or itself. */
  heardBy(node: string, { inverted = false, hearsItself = false } = {}): Signal {
    const level = (at: number): 0 | 1 => {
      const own = this.#transmissions.some(
        (one) => one.node === node && one.on <= at && at < one.off,
      );
      if (own && !hearsItself) return 1;
      const seen = this.#level(at);
      return inverted ? (seen === 1 ? 0 : 1) : seen;
    };
    return {
      next: (wanted, from, to) => this.#next(level, wanted, { from, to }),
      sample: (at) => this.#ringed(level, node, at),
    };
  }

  #active(until: number): void {
    for (const listener of this.#listeners) listener(until);
  }

  #driven(at: number): Transmission[] {
    return this.#transmissions.filter(({ on, off }) => on <= at && at < off);
  }

  #level(at: number): 0 | 1 {
    for (const { from, to, level } of this.#bursts) if (from <= at && at < to) return level;
    const [first, ...others] = this.#driven(at);
    if (first === undefined) return this.#rest(at);
    // Where drivers disagree the nearer one wins.
    const strongest = others.reduce(
      (best, one) => (one.strength > best.strength ? one : best),
      first,
    );
    return levelOf(strongest, at);
  }

  #rest(at: number): 0 | 1 {
    const { rest, floating = 0 } = this.options;
    if (rest !== undefined) return rest;
    this.#floatUntil(at);
    const index = firstAbove(this.#toggles, at, itself);
    return index % 2 === 1 || floating === 0 ? 1 : 0;
  }

  /** A floating line picks things up in short dips. */
  #floatUntil(at: number): void {
    const { floating = 0, random } = this.options;
    for (let last = this.#toggles.at(-1) ?? 0; last <= at;) {
      const away = (-Math.log(1 - random()) * 1000) / Math.max(floating, 1e-9);
      const dip = 0.02 + random() * 3;
      this.#toggles.push(last + away, last + away + dip);
      last += away + dip;
    }
  }

  #next(
    level: (at: number) => 0 | 1,
    wanted: 0 | 1,
    { from, to }: { readonly from: number; readonly to: number },
  ): number | undefined {
    if (this.options.rest === undefined) this.#floatUntil(to);
    const tiny = 1e-7;
    let at = from;
    let before = level(from + tiny);
    for (;;) {
      const change = this.#nextChange(at);
      if (change > to) return undefined;
      const after = level(change + tiny);
      if (after !== before && after === wanted) return change;
      before = after;
      at = change;
    }
  }

  #nextChange(from: number): number {
    let next = Infinity;
    const consider = (at: number): void => {
      if (at > from && at < next) next = at;
    };
    for (const { on, off, edges } of this.#transmissions) {
      if (off < from || on >= next) continue;
      consider(on);
      consider(off);
      consider(edges[firstAbove(edges, from, edgeTime)]?.at ?? Infinity);
    }
    for (const burst of this.#bursts) {
      consider(burst.from);
      consider(burst.to);
    }
    consider(this.#toggles[firstAbove(this.#toggles, from, itself)] ?? Infinity);
    return next;
  }

  /** What a receiver samples: the level, unless ringing and noise carry it over the threshold. */
  #ringed(level: (at: number) => 0 | 1, listener: string, at: number): 0 | 1 {
    const ideal = level(at);
    const [speaker] = this.#driven(at);
    const ringing = speaker && this.options.ringing?.(speaker.node, listener);
    if (speaker === undefined || ringing === undefined) return ideal;
    let seen: number = ideal;
    const last = firstAbove(speaker.edges, at, edgeTime) - 1;
    for (let index = last; index >= Math.max(1, last - echoes); index -= 1) {
      const edge = speaker.edges[index];
      if (edge === undefined) break;
      const step = edge.level === 1 ? 1 : -1;
      seen -= step * ringing.amplitude * swing(ringing, at - edge.at);
    }
    seen += gauss(this.options.random) * ringing.jitter;
    return seen > 0.5 ? 1 : 0;
  }
}

/** Edges whose ringing still matters. */
const echoes = 6;

/** Ringing some time after an edge, as a share of its amplitude. */
export function swing({ decay, period }: Pick<Ringing, "decay" | "period">, since: number): number {
  return Math.exp(-since / decay) * Math.cos((2 * Math.PI * since) / period);
}

function levelOf({ edges }: Transmission, at: number): 0 | 1 {
  return edges[firstAbove(edges, at, edgeTime) - 1]?.level ?? 1;
}

/** The first of a sorted list that is later than a time. */
function firstAbove<Item>(
  list: readonly Item[],
  at: number,
  timeOf: (item: Item) => number,
): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = list[middle];
    if (item !== undefined && timeOf(item) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

const edgeTime = ({ at }: Edge): number => at;
const itself = (at: number): number => at;

/** Normally distributed (Box-Muller). */
export function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
