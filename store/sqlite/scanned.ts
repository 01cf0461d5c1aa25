/**
 * Rows that a scan gives out, in columns: they pass from the worker thread as typed arrays, without
 * a copy, and become lines where they are wanted. Copying lines from thread to thread takes longer
 * than reading them.
 */
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";
import type { Column } from "./block.ts";
import { emptyColumn } from "./block.ts";

/** Row i is of `tags[series[i]]`. A row may have no value at all and is no line then. */
export interface ScannedRows {
  readonly measurement: string;
  readonly tags: readonly Tags[];
  readonly series: Uint32Array<ArrayBuffer>;
  /** @unit ms since 1970-01-01 UTC */
  readonly times: Float64Array<ArrayBuffer>;
  /** A field whose values are texts in some series and numbers in others has two columns. */
  readonly columns: readonly ScannedColumn[];
}

export interface ScannedColumn {
  readonly name: string;
  /** Missing are NaN and undefined. */
  readonly values: Column;
}

/** Rows that lie in blocks, one after the other, as they are put together. */
export class RowGatherer {
  readonly #measurement: string;
  readonly #tags: Tags[] = [];
  readonly #series: Uint32Array<ArrayBuffer>;
  readonly #times: Float64Array<ArrayBuffer>;
  readonly #columns = new Map<string, ScannedColumn>();
  #length = 0;

  /** @param room the most rows */
  constructor(measurement: string, room: number) {
    this.#measurement = measurement;
    this.#series = new Uint32Array(room);
    this.#times = new Float64Array(room);
  }

  /** A function that takes rows of one series: by time, and place in the columns. */
  from(tags: Tags, fields: Iterable<readonly [name: string, column: Column]>): TakeRow {
    const series = this.#tags.push(tags) - 1;
    const pairs = [...fields].map(([name, source]) => ({
      source,
      target: this.#column(name, source),
    }));
    return (time, row) => {
      const at = this.#length;
      this.#series[at] = series;
      this.#times[at] = time;
      for (const { source, target } of pairs) copyValue(source, row, { target, at });
      this.#length += 1;
    };
  }

  rows(): ScannedRows {
    return {
      measurement: this.#measurement,
      tags: this.#tags,
      series: this.#series,
      times: this.#times,
      columns: [...this.#columns.values()],
    };
  }

  #column(name: string, source: Column): Column {
    const text = !(source instanceof Float64Array);
    const key = `${text ? "'" : ""}${name}`;
    const known = this.#columns.get(key);
    if (known !== undefined) return known.values;
    const values = emptyColumn(text, this.#series.length);
    this.#columns.set(key, { name, values });
    return values;
  }
}

export type TakeRow = (time: number, row: number) => void;

function copyValue(
  source: Column,
  row: number,
  { target, at }: { readonly target: Column; readonly at: number },
): void {
  const value = source[row];
  if (target instanceof Float64Array) target[at] = typeof value === "number" ? value : Number.NaN;
  else if (typeof value === "string") target[at] = value;
}

/** What the typed arrays rest in, to be handed over. */
export function buffersOf({ series, times, columns }: ScannedRows): ArrayBuffer[] {
  const numbers = columns.map(({ values }) => values).filter((one) => one instanceof Float64Array);
  const buffers = [series.buffer, times.buffer, ...numbers.map(({ buffer }) => buffer)];
  return buffers.filter((one) => one instanceof ArrayBuffer);
}

/** The rows as lines; those without a value are left out. */
export function linesOf({ measurement, tags, series, times, columns }: ScannedRows): Line[] {
  const lines: Line[] = [];
  for (let row = 0; row < times.length; row += 1) {
    const fields: Record<string, FieldValue> = {};
    let count = 0;
    for (const { name, values } of columns) {
      const value = values[row];
      if (value === undefined || value !== value) continue;
      fields[name] = value;
      count += 1;
    }
    if (count === 0) continue;
    lines.push({ measurement, tags: tags[series[row] ?? 0] ?? {}, fields, time: times[row] ?? 0 });
  }
  return lines;
}
