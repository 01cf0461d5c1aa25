/** The counters of one device that wrap, and what is remembered of them over a restart. */
import { v } from "../../config/index.ts";
import type { Memory } from "../contract.ts";
import { Unwrapper } from "../unwrap.ts";

const digits = v.pipe(
  v.string(),
  v.regex(/^\d{1,40}$/),
  v.transform((text) => BigInt(text)),
);
const form = v.record(
  v.string(),
  v.pipe(
    v.tuple([
      digits,
      digits,
      v.pipe(v.number(), v.finite()),
      v.pipe(v.number(), v.minValue(0), v.finite()),
    ]),
    v.transform(([lastRaw, carried, time, fastest]) => ({ lastRaw, carried, time, fastest })),
  ),
);

/** More of one device are given as they are; a PDU with all its outlets has some sixty. */
const mostCounters = 256;

export class Counters {
  readonly #memory: Memory | undefined;
  readonly #byKey = new Map<string, Unwrapper>();
  #moved = false;

  constructor(memory: Memory | undefined) {
    this.#memory = memory;
    const parsed = v.safeParse(form, memory?.kept);
    for (const [key, state] of Object.entries(parsed.success ? parsed.output : {})) {
      if (this.#byKey.size >= mostCounters) break;
      this.#byKey.set(key, new Unwrapper(bitsOf(key), state));
    }
  }

  /**
   * The continuous count of a raw one.
   * @param name the counter's own name, of which nothing else counts
   * @param time @unit ms since 1970-01-01 UTC
   */
  next(name: string, bits: number, { raw, time }: { raw: bigint; time: number }): bigint {
    const key = `${name} ${bits}`;
    const known = this.#byKey.get(key);
    if (known === undefined && this.#byKey.size >= mostCounters) return raw;
    const counter = known ?? new Unwrapper(bits);
    this.#byKey.set(key, counter);
    this.#moved = true;
    return counter.next(raw, time);
  }

  /** Keeps where the counters stand, if any was read since. */
  keep(): void {
    if (!this.#moved || this.#memory === undefined) return;
    this.#moved = false;
    const states = [...this.#byKey].flatMap(([key, { state }]) => {
      if (state === undefined) return [];
      const { lastRaw, carried, time, fastest } = state;
      return [[key, [String(lastRaw), String(carried), time, fastest]] as const];
    });
    this.#memory.keep(Object.fromEntries(states));
  }
}

function bitsOf(key: string): number {
  return Number(key.slice(key.lastIndexOf(" ") + 1)) || 32;
}
