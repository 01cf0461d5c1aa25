/**
 * Reads the rows of a span and sums them up, window by window. Most fields are summed up by the
 * engine. Counters are read row by row where it does not tell how much one rose, because a fall
 * between two readings leaves no trace in sums; so are counters that begin again at 0, and fields
 * of the user's own that may hold texts.
 *
 * Bounds: 64 fields a question; questions are cut by time so that one takes about 200 ms, because
 * an embedded store does nothing else meanwhile.
 */
import type { Line, Tags } from "../../telemetry/index.ts";
import {
  fieldFacts,
  isCounter,
  maxRolledFields,
  measurementEntry,
  quality,
  restartsAtZero,
} from "../../telemetry/index.ts";
import { queryLimits } from "../asked.ts";
import type { Store } from "../contract.ts";
import { cellOf, join, seriesKey, Table } from "./table.ts";

/** A question that took less may grow, one that took more must shrink. @unit ms */
const quick = 80;
const slow = 250;
/** Span of the shortest and of the longest question. @unit ms */
const shortest = 500;
const longest = 3_600_000;
/** Span of the first question of a kind: short, since nobody knows how much lies in it. @unit ms */
const firstStep = 1000;
/** Measurements and kinds of question whose step is remembered. */
const maxSteps = 200;

/** Fields of a measurement by how they are read. */
export interface Plan {
  readonly sums: readonly string[];
  readonly rows: readonly string[];
  /** Whether these are all fields that are rolled up. */
  readonly whole: boolean;
}

/** A stretch of raw rows. */
export interface Stretch {
  readonly measurement: string;
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** Length of a window. @unit ms */
  readonly length: number;
}

export interface Reading {
  /** Start of its window. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly value: number;
}

/** A counter of one series in a stretch; its readings by the start of their windows. */
export interface Run {
  readonly series: string;
  readonly tags: Tags;
  readonly field: string;
  readonly first: Reading;
  readonly last: Reading;
}

/** What grows while a stretch is read. */
interface Growing {
  readonly table: Table;
  readonly runs: Map<string, Run>;
}

/** Readings of a counter that follow on those before: one, or what an engine summed up. */
interface Piece {
  readonly tags: Tags;
  readonly field: string;
  /** Start of their window. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly first: number;
  readonly last: number;
}

/** How a question is put: the store, and who waits between questions. */
export interface Asker {
  readonly store: Store;
  readonly signal: () => AbortSignal;
  /** Runs one question, then rests; the answer, and how long it took. @unit ms */
  ask<T>(run: () => Promise<T>): Promise<{ readonly answer: T; readonly took: number }>;
}

/**
 * The numeric fields among those stored: the register's first, as many as are rolled up.
 * @param sumsRises whether the engine tells how much a counter rose
 */
export function planOf(measurement: string, stored: readonly string[], sumsRises: boolean): Plan {
  const known = measurementEntry(measurement)?.fields ?? {};
  const numeric = stored
    .filter((field) => field !== "q")
    .map((field) => ({ field, type: fieldFacts(measurement, field)?.type ?? "text" }))
    .filter(({ type }) => type !== "text")
    .toSorted((a, b) => Number(b.field in known) - Number(a.field in known))
    .slice(0, maxRolledFields);
  const byRow = ({ field, type }: (typeof numeric)[number]): boolean => {
    if (isCounter(field)) return !sumsRises || restartsAtZero(measurement, field);
    return type === "any";
  };
  return {
    sums: numeric.filter((one) => !byRow(one)).map(({ field }) => field),
    rows: numeric.filter(byRow).map(({ field }) => field),
    whole: true,
  };
}

/**
 * How much a counter rose between two readings. A fall is a beginning at 0 where the register says
 * that the counter has such beginnings: what it shows was counted since. Any other fall (a meter
 * was swapped or reset) counts as nothing.
 */
export function rise(before: number, after: number, restarts: boolean): number {
  if (after >= before) return after - before;
  return restarts ? after : 0;
}

export class Gatherer {
  readonly #asker: Asker;
  /** By kind of question and measurement. @unit ms */
  readonly #steps = new Map<string, number>();

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** Sums a stretch up. The first rise of each run lacks what was before the stretch. */
  async gather(stretch: Stretch, plan: Plan): Promise<{ table: Table; runs: readonly Run[] }> {
    const grown: Growing = { table: new Table(), runs: new Map() };
    for (const fields of chunks(plan.sums, queryLimits.fields)) {
      await this.#inSteps(stretch, "sums", (step) => this.#sumUp(step, fields, grown));
    }
    for (const fields of chunks(plan.rows, queryLimits.fields - 1)) {
      await this.#inSteps(stretch, "rows", (step) => this.#readRows(step, fields, grown));
    }
    return { table: grown.table, runs: [...grown.runs.values()] };
  }

  async #inSteps(
    stretch: Stretch,
    kind: string,
    question: (step: Stretch) => Promise<void>,
  ): Promise<void> {
    const key = `${kind} ${stretch.measurement}`;
    for (let at = stretch.from; at < stretch.to;) {
      const step = this.#steps.get(key) ?? firstStep;
      const to = Math.min(at + step, stretch.to);
      const { took } = await this.#asker.ask(() => question({ ...stretch, from: at, to }));
      if (this.#steps.size >= maxSteps) this.#steps.clear();
      if (took > slow) this.#steps.set(key, Math.max(shortest, Math.floor(step / 2)));
      else if (took < quick && to - at === step) this.#steps.set(key, Math.min(longest, step * 2));
      at = to;
    }
  }

  async #sumUp(
    { measurement, from, to, length }: Stretch,
    fields: readonly string[],
    { table, runs }: Growing,
  ): Promise<void> {
    const worstQuality = quality.substituted;
    const question = { measurement, fields, from, to, every: length, worstQuality };
    const { store, signal } = this.#asker;
    for (const { tags, rows } of await store.summarize(question, signal())) {
      for (const { time, fields: sums } of rows) {
        const cells = table.cells(tags, Math.floor(time / length));
        for (const [field, sum] of Object.entries(sums)) {
          const { first, last, rise: inside = 0 } = sum;
          const piece = { tags, field, time: windowOf(time, length), first, last };
          const delta = isCounter(field) ? inside + follow(runs, piece, false) : 0;
          join(cells, field, { ...sum, delta });
        }
      }
    }
  }

  async #readRows(
    { measurement, from, to, length }: Stretch,
    fields: readonly string[],
    { table, runs }: Growing,
  ): Promise<void> {
    const { store, signal } = this.#asker;
    const restarting = new Set(fields.filter((field) => restartsAtZero(measurement, field)));
    const take = ({ tags, fields: values, time }: Line): void => {
      for (const field in values) {
        const value = values[field];
        if (typeof value !== "number" || field === "q") continue;
        const piece = { tags, field, time: windowOf(time, length), first: value, last: value };
        const delta = isCounter(field) ? follow(runs, piece, restarting.has(field)) : 0;
        join(table.cells(tags, Math.floor(time / length)), field, cellOf(value, delta));
      }
    };
    const span = { measurement, fields: [...fields, "q"], from, to };
    for await (const lines of store.scan(span, signal())) {
      lines
        .filter((line) => Number(line.fields["q"] ?? quality.good) <= quality.substituted)
        .forEach(take);
    }
  }
}

function windowOf(time: number, length: number): number {
  return Math.floor(time / length) * length;
}

/** Notes what follows on a run; the rise between the two, 0 where a run begins. */
function follow(runs: Map<string, Run>, piece: Piece, restarts: boolean): number {
  const { tags, field, time } = piece;
  const series = seriesKey(tags);
  const key = `${field} ${series}`;
  const run = runs.get(key);
  const last = { time, value: piece.last };
  if (run === undefined) {
    runs.set(key, { series, tags, field, first: { time, value: piece.first }, last });
    return 0;
  }
  runs.set(key, { ...run, last });
  return rise(run.last.value, piece.first, restarts);
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
