/**
 * The counters of one device's documents, and what is remembered of them over a restart: by
 * measurement, channel, field and place, so that one that was moved in the mapping begins anew.
 */
import { v } from "../../config/index.ts";
import type { Memory } from "../contract.ts";
import type { CounterState } from "../unwrap.ts";
import { Unwrapper } from "../unwrap.ts";
import type { FieldForm } from "./options.ts";
import type { Continue } from "./value.ts";

/** Counters of a device; some 100 bytes each are kept of them. */
const maxCounters = 64;

/** A total that is only set back: its range is one that it never reaches. @unit bits */
const endless = 64;

const digits = v.pipe(
  v.string(),
  v.regex(/^-?\d{1,40}$/),
  v.transform((text) => BigInt(text)),
);
const form = v.record(
  v.string(),
  v.object({
    lastRaw: digits,
    carried: digits,
    time: v.pipe(v.number(), v.finite()),
    fastest: v.pipe(v.number(), v.minValue(0), v.finite()),
  }),
);

export class MappedCounters {
  readonly #memory: Memory | undefined;
  readonly #kept: Readonly<Record<string, CounterState>>;
  readonly #counters = new Map<string, Unwrapper>();
  #moved = false;

  constructor(memory: Memory | undefined) {
    this.#memory = memory;
    const parsed = v.safeParse(form, memory?.kept);
    this.#kept = parsed.success ? parsed.output : {};
  }

  /** How the counter of a place goes on. @param time now, at the agent. @unit ms */
  of(place: string, { wraps, resets }: FieldForm, time: number): Continue {
    return (raw) => {
      const key = `${place} ${wraps ?? (resets ? "resets" : "")}`;
      let counter = this.#counters.get(key);
      if (counter === undefined) {
        if (this.#counters.size >= maxCounters) return undefined;
        const kept = Object.hasOwn(this.#kept, key) ? this.#kept[key] : undefined;
        counter = new Unwrapper(wraps ?? endless, kept);
        this.#counters.set(key, counter);
      }
      this.#moved = true;
      return counter.next(raw, time);
    };
  }

  /** Keeps where the counters stand, if any moved since. */
  keep(): void {
    if (!this.#moved || this.#memory === undefined) return;
    this.#moved = false;
    const known = Object.entries(this.#kept).filter(([key]) => !this.#counters.has(key));
    const states = [...this.#counters].flatMap(([key, { state }]) =>
      state === undefined ? [] : [[key, state] as const],
    );
    // Those that were not heard since the start may still be.
    const all = [...states, ...known].slice(0, maxCounters);
    this.#memory.keep(Object.fromEntries(all.map(([key, state]) => [key, shown(state)])));
  }
}

function shown({
  lastRaw,
  carried,
  time,
  fastest,
}: CounterState): v.InferInput<typeof form>[string] {
  return { lastRaw: String(lastRaw), carried: String(carried), time, fastest };
}
