/** One row's values on one page: series are gathered by channel and made into numbers. */
import type { Labels } from "./conditions.ts";
import type { Families, Series } from "./page.ts";
import type { FormPlan, RowPlan, TermPlan } from "./rows.ts";

/** What a form gives for one channel. */
export interface Value {
  readonly value: number;
  /** The value of the label that says it. */
  readonly text: string | undefined;
  /** What stood on the page. */
  readonly raw: string;
  /** How many series it was made of. */
  readonly series: number;
  /** The oldest time that the exporter gave. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
}

interface Gathered {
  value: number;
  raw: string;
  series: number;
  time: number | undefined;
  readonly text: string | undefined;
}

/** Values of at least this size mean none, as well as these. */
interface NoValue {
  readonly blank: number | undefined;
  readonly none: readonly number[];
}

export class RowView {
  readonly #row: RowPlan;
  readonly #families: Families;
  readonly #blank: number | undefined;
  /** Series of a page with the same labels have the same object for them. */
  readonly #channels = new Map<Labels, string | undefined>();

  constructor(row: RowPlan, families: Families, blank: number | undefined) {
    this.#row = row;
    this.#families = families;
    this.#blank = blank;
  }

  /** By channel, in the order of the page. */
  valuesOf({ form, metric, plus, less, over }: FormPlan): ReadonlyMap<string, Value> {
    const noValue = { blank: this.#blank, none: form.none ?? [] };
    const gathered = this.#gather(metric, noValue, form.label);
    for (const [sign, terms] of [[1, plus] as const, [-1, less] as const]) {
      for (const term of terms) this.#add(gathered, this.#gather(term, noValue), sign);
    }
    if (typeof over === "number") for (const one of gathered.values()) one.value /= over;
    if (typeof over === "object") divide(gathered, this.#gather(over, noValue));
    return gathered;
  }

  #add(to: Map<string, Gathered>, from: ReadonlyMap<string, Gathered>, sign: number): void {
    for (const [channel, one] of to) {
      const other = from.get(channel);
      if (other === undefined) {
        to.delete(channel);
        continue;
      }
      one.value += sign * other.value;
      one.raw += ` ${other.raw}`;
      one.series += other.series;
      one.time = oldest(one.time, other.time);
    }
  }

  #gather(term: TermPlan, noValue: NoValue, label?: string): Map<string, Gathered> {
    const gathered = new Map<string, Gathered>();
    for (const series of this.#families.get(term.metric) ?? []) {
      const channel = this.#channelOf(series.labels);
      if (channel === undefined || !term.check(series.labels)) continue;
      if (term.take !== "count" && isNone(series.value, noValue)) continue;
      const text = label === undefined ? undefined : series.labels.get(label);
      // Of a set of states the one that holds is 1.
      if (label !== undefined && (series.value === 0 || text === undefined)) continue;
      const before = gathered.get(channel);
      if (before === undefined) gathered.set(channel, firstOf(term, series, text));
      else take(term, before, series);
    }
    if (term.take === "mean") for (const one of gathered.values()) one.value /= one.series;
    return gathered;
  }

  #channelOf(labels: Labels): string | undefined {
    const known = this.#channels.get(labels);
    if (known !== undefined || this.#channels.has(labels)) return known;
    const channel = this.#row.check(labels) ? this.#row.name(labels) : undefined;
    this.#channels.set(labels, channel);
    return channel;
  }
}

function isNone(value: number, { blank, none }: NoValue): boolean {
  if (!Number.isFinite(value) || none.includes(value)) return true;
  return blank !== undefined && Math.abs(value) >= blank;
}

function firstOf({ take }: TermPlan, { value, raw, time }: Series, text: string | undefined) {
  return { value: take === "count" ? 1 : value, raw: text ?? raw, series: 1, time, text };
}

function take({ take }: TermPlan, to: Gathered, { value, raw, time }: Series): void {
  if (take === "first") return;
  to.series += 1;
  to.time = oldest(to.time, time);
  switch (take) {
    case "sum":
    case "mean":
      to.value += value;
      break;
    case "count":
      to.value += 1;
      break;
    case "max":
      to.value = Math.max(to.value, value);
      break;
    case "min":
      to.value = Math.min(to.value, value);
      break;
  }
  if (to.raw.length < longestRaw) to.raw += ` ${raw}`;
}

/** @unit characters */
const longestRaw = 100;

function divide(to: Map<string, Gathered>, by: ReadonlyMap<string, Gathered>): void {
  for (const [channel, one] of to) {
    const divisor = by.get(channel);
    if (divisor === undefined || divisor.value === 0) to.delete(channel);
    else {
      one.value /= divisor.value;
      one.raw += ` / ${divisor.raw}`;
    }
  }
}

function oldest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
