/**
 * The counters of one device that wrap, and what is remembered of them over a restart: by
 * measurement, channel, field, width and register, so that a counter that was moved in the profile
 * begins anew.
 */
import { v } from "../../config/index.ts";
import type { Memory } from "../contract.ts";
import { placeOf } from "./pdu.ts";
import type { PlacedField, Row } from "./profile.ts";
import type { CounterState } from "../unwrap.ts";
import { Unwrapper } from "../unwrap.ts";

const digits = v.pipe(
  v.string(),
  v.regex(/^\d{1,40}$/),
  v.transform((text) => BigInt(text)),
);
const state = v.object({
  lastRaw: digits,
  carried: digits,
  time: v.pipe(v.number(), v.finite()),
  fastest: v.pipe(v.number(), v.minValue(0), v.finite()),
});
const form = v.record(v.string(), state);

export class Counters {
  readonly #memory: Memory | undefined;
  /** By field; bounded by the profile. */
  readonly #byField = new Map<PlacedField, { readonly key: string; readonly unwrap: Unwrapper }>();
  #moved = false;

  constructor(rows: readonly Row[], memory: Memory | undefined) {
    this.#memory = memory;
    const parsed = v.safeParse(form, memory?.kept);
    const kept: Readonly<Record<string, CounterState>> = parsed.success ? parsed.output : {};
    for (const row of rows) {
      for (const field of row.fields) {
        if (field.wraps === undefined) continue;
        const where = `${placeOf(field.span)} ${field.wraps}`;
        const key = `${row.measurement} ${row.channel} ${field.name} ${where}`;
        this.#byField.set(field, { key, unwrap: new Unwrapper(field.wraps, kept[key]) });
      }
    }
  }

  /** Makes the raw values of a field continuous; undefined when it does not wrap. */
  unwrapOf(field: PlacedField, time: number): ((raw: bigint) => bigint) | undefined {
    const counter = this.#byField.get(field);
    if (counter === undefined) return undefined;
    return (raw) => {
      this.#moved = true;
      return counter.unwrap.next(raw, time);
    };
  }

  /** Keeps where the counters stand, if any was read since. */
  keep(): void {
    if (!this.#moved || this.#memory === undefined) return;
    this.#moved = false;
    const states = [...this.#byField.values()].flatMap(({ key, unwrap }) =>
      unwrap.state === undefined ? [] : [[key, shown(unwrap.state)] as const],
    );
    this.#memory.keep(Object.fromEntries(states));
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
