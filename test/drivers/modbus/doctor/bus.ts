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
    this.#active(at + hold);
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
      edges: (from, to) => this.#edges(level, from, to),
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
    const index = this.#toggles.findIndex((toggle) => toggle > at);
    return (index === -1 ? this.#toggles.length : index) % 2 === 1 || floating === 0 ? 1 : 0;
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

  #edges(level: (at: number) => 0 | 1, from: number, to: number): Edge[] {
    const times = new Set<number>();
    const add = (at: number): void => {
      if (at > from && at <= to) times.add(at);
    };
    for (const { on, off, edges } of this.#transmissions) {
      if (off < from || on > to) continue;
      add(on);
      add(off);
      for (const edge of edges) add(edge.at);
    }
    for (const burst of this.#bursts) {
      add(burst.from);
      add(burst.to);
    }
    if (this.options.rest === undefined) {
      this.#floatUntil(to);
      for (const toggle of this.#toggles) add(toggle);
    }
    const tiny = 1e-7;
    let before = level(from + tiny);
    const found: Edge[] = [];
    for (const at of [...times].toSorted((a, b) => a - b)) {
      const after = level(at + tiny);
      if (after !== before) found.push({ at, level: after });
      before = after;
    }
    return found;
  }

  /** What a receiver samples: the level, unless ringing and noise carry it over the threshold. */
  #ringed(level: (at: number) => 0 | 1, listener: string, at: number): 0 | 1 {
    const ideal = level(at);
    const [speaker] = this.#driven(at);
    const ringing = speaker && this.options.ringing?.(speaker.node, listener);
    if (speaker === undefined || ringing === undefined) return ideal;
    const edge = speaker.edges.findLast((one) => one.at <= at);
    if (edge === undefined) return ideal;
    const since = at - edge.at;
    const swing =
      Math.exp(-since / ringing.decay) * Math.cos((2 * Math.PI * since) / ringing.period);
    const seen = 1 - ringing.amplitude * swing + gauss(this.options.random) * ringing.jitter;
    if (seen > 0.5) return ideal;
    return ideal === 1 ? 0 : 1;
  }
}

function levelOf({ edges }: Transmission, at: number): 0 | 1 {
  return edges.findLast((edge) => edge.at <= at)?.level ?? 1;
}

/** Normally distributed (Box-Muller). */
export function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
