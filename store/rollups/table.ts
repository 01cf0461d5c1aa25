/**
 * Sums of one span: series × windows × fields. What goes in (partial sums of an engine, single
 * readings, rows of shorter windows) comes in order of time and is joined exactly: counts and sums
 * add up, the least is the least of the least, the last is the later one's.
 */
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";
import { quality, rolledName, rollupAggregates } from "../../telemetry/index.ts";

/** All that is kept of one field in one window of one series. */
export interface Cell {
  readonly count: number;
  /** Of counters: of no meaning. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
  /** How much a counter rose; of other fields: of no meaning. */
  readonly delta: number;
}

/** Cells of one window by field. */
export type Cells = Record<string, Cell>;

interface Series {
  readonly tags: Tags;
  readonly windows: Map<number, Cells>;
}

/** Engines give all rows of a series in one answer the same tags. */
const keys = new WeakMap<Tags, string>();

/** What tells series apart: their tags, whatever the order in which an engine names them. */
export function seriesKey(tags: Tags): string {
  const known = keys.get(tags);
  if (known !== undefined) return known;
  const key = JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  keys.set(tags, key);
  return key;
}

/** One reading as a cell. */
export function cellOf(value: number, delta = 0): Cell {
  return { count: 1, sum: value, min: value, max: value, last: value, delta };
}

export class Table {
  readonly #series = new Map<string, Series>();

  /** The cells of a window, to be added to. */
  cells(tags: Tags, window: number): Cells {
    const key = seriesKey(tags);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { tags, windows: new Map() };
      this.#series.set(key, series);
    }
    let cells = series.windows.get(window);
    if (cells === undefined) {
      cells = {};
      series.windows.set(window, cells);
    }
    return cells;
  }

  /** Roll-up rows of all series. @param length of a window. @unit ms */
  lines(name: string, length: number): Line[] {
    return [...this.#series.values()].flatMap(({ tags, windows }) =>
      [...windows].map(([window, cells]) => ({
        measurement: name,
        tags,
        fields: fieldsOf(cells),
        time: window * length,
      })),
    );
  }
}

/** Joins what came later to what is there. */
export function join(cells: Cells, field: string, later: Cell): void {
  const known = cells[field];
  cells[field] =
    known === undefined
      ? later
      : {
          count: known.count + later.count,
          sum: known.sum + later.sum,
          min: Math.min(known.min, later.min),
          max: Math.max(known.max, later.max),
          last: later.last,
          delta: known.delta + later.delta,
        };
}

function fieldsOf(cells: Cells): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const [field, cell] of Object.entries(cells)) {
    for (const aggregate of rollupAggregates(field)) {
      const value = aggregate === "mean" ? cell.sum / cell.count : cell[aggregate];
      fields[rolledName(aggregate, field)] = value;
    }
  }
  fields["q"] = quality.good;
  return fields;
}

/** The cell of a field in a row of shorter windows, or undefined when it has none. */
export function cellIn({ fields }: Line, field: string): Cell | undefined {
  const of = (name: string): number | undefined => {
    const value = fields[name];
    return typeof value === "number" ? value : undefined;
  };
  const count = of(rolledName("count", field));
  const last = of(rolledName("last", field));
  if (count === undefined || last === undefined) return undefined;
  return {
    count,
    sum: of(rolledName("sum", field)) ?? 0,
    min: of(rolledName("min", field)) ?? last,
    max: of(rolledName("max", field)) ?? last,
    last,
    delta: of(rolledName("delta", field)) ?? 0,
  };
}
