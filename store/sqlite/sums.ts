/**
 * Sums of values in windows: from rows, and from the heads of chunks that lie within one window.
 * Ties of `first` and `last` between series go to the greater value, as InfluxDB does it.
 */
import type { Tags } from "../../telemetry/index.ts";
import type { AskedQuery } from "../asked.ts";
import type { QueryRow, QuerySeries, Summary } from "../contract.ts";
import type { Block } from "./block.ts";
import { placeOf } from "./block.ts";
import type { FieldHead } from "./chunk.ts";

export interface Sum {
  count: number;
  sum: number;
  min: number;
  max: number;
  first: number | string;
  firstTime: number;
  last: number | string;
  lastTime: number;
  /** Of one series: how much was risen from row to row. Heads do not tell it. */
  rise: number;
}

/** One series of an answer. */
export interface Group {
  readonly tags: Tags;
  /** Window start to one sum a field. */
  readonly windows: Map<number, (Sum | undefined)[]>;
}

/** The windows of a question. */
export type Windows = Pick<AskedQuery, "from" | "to" | "every">;

/** Start of the window of a time. */
export function windowOf({ from, every }: Windows, time: number): number {
  return every === undefined ? from : Math.floor(time / every) * every;
}

/** Sums up what is found of one group; counts the windows it began. */
export class Summer {
  readonly #asked: Windows;
  begun = 0;

  constructor(asked: Windows) {
    this.#asked = asked;
  }

  /** Adds the values of one field; `good` says of each row whether it counts. */
  addRows(
    group: Group,
    place: number,
    rows: {
      readonly block: Block;
      readonly field: number;
      readonly good: (row: number) => boolean;
    },
  ): void {
    const { block, field, good } = rows;
    const column = block.columns.get(field);
    if (column === undefined) return;
    const { from, to, every } = this.#asked;
    const end = placeOf(block.times, to);
    let windowEnd = Number.NEGATIVE_INFINITY;
    let sum: Sum | undefined;
    for (let row = placeOf(block.times, from); row < end; row += 1) {
      const value = column[row];
      if (value === undefined || value !== value || !good(row)) continue;
      const time = block.times[row] ?? 0;
      if (time >= windowEnd) {
        const start = windowOf(this.#asked, time);
        windowEnd = every === undefined ? to : start + every;
        sum = this.#sumAt(group, start, place);
      }
      if (sum !== undefined) add(sum, time, value);
    }
  }

  /** Adds what a chunk's head says of a field; all its rows lie in one window. */
  addHead(group: Group, place: number, field: FieldHead): void {
    const sum = this.#sumAt(group, windowOf(this.#asked, field.firstTime), place);
    const { count, min, max, first, firstTime, last, lastTime } = field;
    sum.count += count;
    sum.sum += field.sum;
    if (min < sum.min) sum.min = min;
    if (max > sum.max) sum.max = max;
    addFirst(sum, firstTime, first);
    addLast(sum, lastTime, last);
  }

  #sumAt(group: Group, window: number, place: number): Sum {
    let sums = group.windows.get(window);
    if (sums === undefined) {
      sums = [];
      group.windows.set(window, sums);
      this.begun += 1;
    }
    const found = sums[place] ?? emptySum();
    sums[place] = found;
    return found;
  }
}

function emptySum(): Sum {
  return {
    count: 0,
    sum: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    first: 0,
    firstTime: Number.POSITIVE_INFINITY,
    last: 0,
    lastTime: Number.NEGATIVE_INFINITY,
    rise: 0,
  };
}

function add(sum: Sum, time: number, value: number | string): void {
  const number = typeof value === "number" ? value : 0;
  sum.count += 1;
  sum.sum += number;
  if (number < sum.min) sum.min = number;
  if (number > sum.max) sum.max = number;
  if (sum.count > 1 && typeof sum.last === "number" && number > sum.last) {
    sum.rise += number - sum.last;
  }
  addFirst(sum, time, value);
  addLast(sum, time, value);
}

function addFirst(sum: Sum, time: number, value: number | string): void {
  if (time > sum.firstTime || (time === sum.firstTime && value <= sum.first)) return;
  sum.first = value;
  sum.firstTime = time;
}

function addLast(sum: Sum, time: number, value: number | string): void {
  if (time < sum.lastTime || (time === sum.lastTime && value <= sum.last)) return;
  sum.last = value;
  sum.lastTime = time;
}

/** The rows of an answer. */
export function finished(query: AskedQuery, { tags, windows }: Group): QuerySeries {
  const { aggregate, every, fields } = query;
  const own = every === undefined && (aggregate === "first" || aggregate === "last");
  const rows: QueryRow[] = [...windows]
    .toSorted(([a], [b]) => a - b)
    .map(([window, sums]) => {
      const values: Record<string, number | string> = {};
      const counts: Record<string, number> = {};
      sums.forEach((sum, place) => {
        if (sum === undefined) return;
        values[fields[place] ?? ""] = valueOf(sum, query);
        counts[fields[place] ?? ""] = sum.count;
      });
      const leading = sums.find((sum) => sum !== undefined);
      const ownTime = aggregate === "first" ? leading?.firstTime : leading?.lastTime;
      return { time: own ? (ownTime ?? window) : window, values, counts };
    });
  return { tags, rows };
}

function valueOf(sum: Sum, { aggregate }: AskedQuery): number | string {
  return aggregate === "mean" ? sum.sum / sum.count : sum[aggregate];
}

export function summariesOf(
  fields: readonly string[],
  sums: readonly (Sum | undefined)[],
): Record<string, Summary> {
  const found: Record<string, Summary> = {};
  sums.forEach((sum, place) => {
    if (sum === undefined) return;
    const { count, min, max, rise } = sum;
    const [first, last] = [Number(sum.first), Number(sum.last)];
    found[fields[place] ?? ""] = { count, sum: sum.sum, min, max, first, last, rise };
  });
  return found;
}
