/**
 * What a device was found to refuse: spans that it does not have (dead), holes that it does not
 * read across (cuts), and how much it gives at once (ceilings). Remembered over restarts for as
 * long as profile and unit stay the same; each finding is doubted after a while, one a read.
 */
import { createHash } from "node:crypto";
import { v } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import type { Memory } from "../contract.ts";
import type { Span, Table } from "./pdu.ts";
import { extentOf, tableNames } from "./pdu.ts";
import type { PlanLimits } from "./plan.ts";

export interface LearnedParts {
  /** All that may ever be asked for; what is remembered is found among them. */
  readonly spans: readonly Span[];
  readonly limits: PlanLimits;
  readonly unit: number;
  readonly clock: Pick<Clock, "monotonic">;
  readonly memory: Memory | undefined;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** How long a dead span is left alone before it is asked for again. @unit ms */
const probeAfter = 15 * minute;

/** How long a hole is left alone: that was refused, and over which a block got no answer. */
const cutFor = { refused: day, silent: 15 * minute } as const;
const longestCut = 8 * day;

/** How long a ceiling is left alone. @unit ms */
const ceilingFor = day;

/** Findings of one kind that are remembered; what is beyond is found again after a restart. */
const keptLimit = 100;

interface Ceiling {
  /** The longest block that was answered. */
  accepted: number;
  /** The shortest that was refused for its length, Infinity when none was. */
  refused: number;
  /** When one as long is tried again. @unit ms, monotonic */
  until: number;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2000));
const form = v.object({
  of: v.string(),
  dead: v.optional(v.array(v.string()), []),
  cuts: v.optional(v.array(v.string()), []),
  ceilings: v.optional(
    v.record(v.string(), v.tuple([v.pipe(v.number(), v.integer(), v.minValue(0)), count])),
    {},
  ),
});

export class Learned {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #memory: Memory | undefined;
  /** Names the profile and unit that the findings are about. */
  readonly #of: string;
  /** With the time to ask again; bounded by the profile, as all below. */
  readonly #dead = new Map<Span, number>();
  /** Spans that must begin a block, with the time to try without. */
  readonly #cuts = new Map<Span, number>();
  /** How long each was cut last; each failure doubles it. @unit ms */
  readonly #waits = new Map<Span, number>();
  /** Those cut because of silence, until there is an answer. */
  readonly #suspects = new Set<Span>();
  /** Spans before which a hole was read across. */
  readonly #crossed = new Set<Span>();
  readonly #ceilings = new Map<Table, Ceiling>();
  #moved = false;
  /** Rises whenever plans must be made anew. */
  version = 0;

  constructor({ spans, limits, unit, clock, memory }: LearnedParts) {
    this.#clock = clock;
    this.#memory = memory;
    const { maxRegisters, minRegisters, maxBits, even, forbid, gap } = limits;
    const about = [unit, maxRegisters, minRegisters, maxBits, even, forbid, gap];
    const text = JSON.stringify([about, spans.map(extentOf).toSorted()]);
    this.#of = createHash("sha256").update(text).digest("hex").slice(0, 16);
    this.#restore(spans);
  }

  isDead(span: Span): boolean {
    return this.#dead.has(span);
  }

  get dead(): readonly Span[] {
    return [...this.#dead.keys()];
  }

  isCut(span: Span): boolean {
    return this.#cuts.has(span);
  }

  /** Blocks of a table: up to `accepted` works, from `refused` on does not. */
  ceiling(table: Table): Readonly<Pick<Ceiling, "accepted" | "refused">> {
    return this.#ceilings.get(table) ?? { accepted: 0, refused: Number.POSITIVE_INFINITY };
  }

  /** Among these, dead spans whose time has come. */
  due(wanted: readonly Span[]): Span[] {
    const now = this.#clock.monotonic();
    return wanted.filter((span) => (this.#dead.get(span) ?? Number.POSITIVE_INFINITY) <= now);
  }

  /** Lets go of one old finding, so that a device may have changed. */
  doubt(): void {
    const now = this.#clock.monotonic();
    for (const [span, until] of this.#cuts) {
      if (until > now) continue;
      this.#cuts.delete(span);
      this.#change();
      return;
    }
    for (const ceiling of this.#ceilings.values()) {
      if (!Number.isFinite(ceiling.refused) || ceiling.until > now) continue;
      ceiling.refused = Number.POSITIVE_INFINITY;
      this.#change();
      return;
    }
  }

  /** A block was answered. */
  answered(block: Span, wanted: readonly Span[]): void {
    const { table, count } = block;
    const ceiling = this.#ceilingOf(table);
    if (count > ceiling.accepted) {
      ceiling.accepted = count;
      if (Number.isFinite(ceiling.refused)) this.#change();
      if (count >= ceiling.refused) ceiling.refused = Number.POSITIVE_INFINITY;
    }
    this.#suspects.clear();
    for (const span of holesIn(wanted)) this.#crossed.add(span);
    for (const span of wanted) if (this.#dead.delete(span)) this.#change();
  }

  /** The device has no such registers. */
  missing(spans: readonly Span[]): void {
    const again = this.#clock.monotonic() + probeAfter;
    for (const span of spans) {
      if (!this.#dead.has(span)) this.#change();
      this.#dead.set(span, again);
    }
  }

  /** It reads what is before the span and what begins with it, but not across. */
  barredBefore(span: Span): void {
    this.#cut(span, cutFor.refused);
  }

  /** It gives all that is in the block, but not so much at once. */
  tooLong({ table, count }: Span): void {
    const ceiling = this.#ceilingOf(table);
    ceiling.refused = Math.min(ceiling.refused, count);
    ceiling.until = this.#clock.monotonic() + ceilingFor;
    this.#change();
  }

  /**
   * No answer: some devices say nothing to a hole, so holes never crossed before are left out. When
   * nothing is said to a block without any either, they were not the reason.
   */
  silent(wanted: readonly Span[]): void {
    const holes = holesIn(wanted).filter((span) => !this.#crossed.has(span));
    for (const span of holes) {
      this.#cut(span, cutFor.silent);
      this.#suspects.add(span);
    }
    if (holes.length > 0 || this.#suspects.size === 0) return;
    for (const span of this.#suspects) {
      this.#cuts.delete(span);
      this.#waits.delete(span);
    }
    this.#suspects.clear();
    this.#change();
  }

  /** A device that refuses everything may just be starting: believe nothing of it. */
  forgetDead(): void {
    if (this.#dead.size === 0) return;
    this.#dead.clear();
    this.#change();
  }

  /** Remembers what is new since the last call. */
  keep(): void {
    if (!this.#moved || this.#memory === undefined) return;
    this.#moved = false;
    const limited = [...this.#ceilings].filter(([, { refused }]) => Number.isFinite(refused));
    this.#memory.keep({
      of: this.#of,
      dead: [...this.#dead.keys()].slice(0, keptLimit).map(extentOf),
      cuts: [...this.#cuts.keys()].slice(0, keptLimit).map(extentOf),
      ceilings: Object.fromEntries(
        limited.map(([table, { accepted, refused }]) => [table, [accepted, refused]]),
      ),
    } satisfies v.InferInput<typeof form>);
  }

  #restore(spans: readonly Span[]): void {
    const parsed = v.safeParse(form, this.#memory?.kept);
    if (!parsed.success || parsed.output.of !== this.#of) return;
    const { dead, cuts, ceilings } = parsed.output;
    const now = this.#clock.monotonic();
    const named = new Map(spans.map((span) => [extentOf(span), span]));
    for (const name of dead) {
      const span = named.get(name);
      if (span !== undefined) this.#dead.set(span, now + probeAfter);
    }
    for (const name of cuts) {
      const span = named.get(name);
      if (span !== undefined) this.#cuts.set(span, now + cutFor.refused);
    }
    for (const table of tableNames) {
      const [accepted, refused] = ceilings[table] ?? [];
      if (accepted === undefined || refused === undefined) continue;
      this.#ceilings.set(table, { accepted, refused, until: now + ceilingFor });
    }
  }

  #cut(span: Span, first: number): void {
    const before = this.#waits.get(span);
    const wait = before === undefined ? first : Math.min(longestCut, before * 2);
    this.#waits.set(span, wait);
    this.#cuts.set(span, this.#clock.monotonic() + wait);
    this.#change();
  }

  #ceilingOf(table: Table): Ceiling {
    const known = this.#ceilings.get(table);
    if (known !== undefined) return known;
    const fresh = { accepted: 0, refused: Number.POSITIVE_INFINITY, until: 0 };
    this.#ceilings.set(table, fresh);
    return fresh;
  }

  #change(): void {
    this.#moved = true;
    this.version += 1;
  }
}

/** Of spans in order of address, those with a hole before them. */
function holesIn(wanted: readonly Span[]): Span[] {
  let end = wanted[0]?.at ?? 0;
  return wanted.filter(({ at, count }) => {
    const hole = at > end;
    end = Math.max(end, at + count);
    return hole;
  });
}
