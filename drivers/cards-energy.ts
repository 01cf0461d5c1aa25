/**
 * Energy of cards as counters that go on: over a reload of the driver, where the card's own counter
 * begins again at 0, and over a restart of the agent. Where a card has no counter, its power is
 * added up over time; that is worked out, not measured, and said so.
 *
 * Limits: `maxCards` cards are remembered, the longest unseen is forgotten first. Power is not
 * carried over a gap of more than `longestGap`: better too little than invented.
 */
import { v } from "../config/index.ts";
import type { CardValue } from "./cards.ts";
import type { Memory } from "./contract.ts";

const maxCards = 64;

const state = v.object({
  /** Energy before the counter's last beginning, or all that was added up. @unit J */
  carried: v.pipe(v.number(), v.minValue(0), v.finite()),
  /** The card's own counter when it was read last. @unit J */
  counter: v.optional(v.pipe(v.number(), v.minValue(0), v.finite())),
});
type Meter = v.InferOutput<typeof state>;

/** The energy counters of one session, by whatever names a card for good. */
export class CardEnergy {
  readonly #memory: Memory | undefined;
  /** In the order of use, the longest unseen first. */
  readonly #meters: Map<string, Meter>;
  /** What was told when it was kept last. */
  #kept = "";
  readonly #powers = new Map<string, { readonly watts: number; readonly at: number }>();

  constructor(memory: Memory | undefined) {
    this.#memory = memory;
    const parsed = v.safeParse(v.record(v.string(), state), memory?.kept);
    const kept = Object.entries(parsed.success ? parsed.output : {});
    this.#meters = new Map(kept.slice(-maxCards));
  }

  /** The card's own counter, made continuous. @param joules what it shows */
  counted(card: string, joules: number, value: Pick<CardValue, "at" | "raw">): CardValue {
    const { carried, counter = 0 } = this.#meters.get(card) ?? { carried: 0 };
    const before = joules < counter ? carried + counter : carried;
    this.#set(card, { carried: before, counter: joules });
    return { ...value, value: wattHours({ carried: before, counter: joules }) };
  }

  /** Adds the power of a moment, by the trapezoidal rule. @unit W, ms, ms */
  added(card: string, watts: number, { at, longestGap }: { at: number; longestGap: number }): void {
    const before = this.#powers.get(card);
    this.#powers.set(card, { watts, at });
    if (this.#powers.size > maxCards) this.#powers.delete([...this.#powers.keys()][0] ?? "");
    const { carried } = this.#meters.get(card) ?? { carried: 0 };
    const lasted = before === undefined ? 0 : at - before.at;
    const joules = lasted > 0 && lasted <= longestGap ? meanOf(before, watts) * (lasted / 1000) : 0;
    this.#set(card, { carried: carried + Math.max(0, joules) });
  }

  /** What was added up so far. */
  sum(card: string, of: string): CardValue | undefined {
    const meter = this.#meters.get(card);
    if (meter === undefined) return undefined;
    const raw = meter.carried.toFixed(1);
    return { value: wattHours(meter), at: `${of}, added up over time`, raw };
  }

  /** Keeps where the counters stand, when one has moved by what is told: each keep is a write. */
  keep(): void {
    const told = [...this.#meters].map(([card, meter]) => `${card} ${wattHours(meter)}`);
    const shown = told.toSorted().join();
    if (shown === this.#kept || told.length === 0) return;
    this.#kept = shown;
    this.#memory?.keep(Object.fromEntries(this.#meters));
  }

  #set(card: string, meter: Meter): void {
    this.#meters.delete(card);
    this.#meters.set(card, meter);
    if (this.#meters.size > maxCards) this.#meters.delete([...this.#meters.keys()][0] ?? "");
  }
}

function wattHours({ carried, counter = 0 }: Meter): number {
  return Math.floor((carried + counter) / 3600);
}

function meanOf(before: { readonly watts: number } | undefined, watts: number): number {
  return ((before?.watts ?? watts) + watts) / 2;
}
