/**
 * Sums lines up window by window, for an engine where reading rows costs less than its own
 * aggregates do. Lines come in order of time.
 */
import type { Line, Tags } from "../telemetry/index.ts";
import { isCounter } from "../telemetry/index.ts";
import type { AskedSummary } from "./asked.ts";
import { inOrder, refuseText, tagNamesOf } from "./asked.ts";
import type { Summary, SummaryRow, SummarySeries } from "./contract.ts";

/** A summary that grows. */
type Sum = { -readonly [Key in keyof Summary]: Summary[Key] };

interface Row extends SummaryRow {
  readonly fields: Record<string, Sum>;
}

interface Growing {
  readonly tags: Tags;
  /** By the start of their windows. */
  readonly rows: Map<number, Row>;
}

export class LineSums {
  readonly #query: AskedSummary;
  /** By tags; bounded by the series that were read. */
  readonly #series = new Map<string, Growing>();

  constructor(query: AskedSummary) {
    this.#query = query;
  }

  /** @throws E_QUERY when a field holds a text */
  add(lines: readonly Line[]): void {
    for (const line of lines) this.#add(line);
  }

  /** The series, in order of their tags. */
  get series(): SummarySeries[] {
    const series = [...this.#series.values()].map(({ tags, rows }) => {
      const found: SummaryRow[] = [...rows.values()];
      return { tags, rows: found };
    });
    return inOrder(series, tagNamesOf(series));
  }

  #add({ tags, fields, time }: Line): void {
    const { every, worstQuality } = this.#query;
    // A row without `q` counts as good.
    if (worstQuality !== undefined && Number(fields["q"] ?? 0) > worstQuality) return;
    const { fields: row } = this.#rowOf(tags, Math.floor(time / every) * every);
    for (const field of this.#query.fields) {
      const value = fields[field];
      if (value === undefined) continue;
      if (typeof value === "string") return refuseText("sum", field);
      const sum = row[field];
      if (sum === undefined) row[field] = begun(value, isCounter(field));
      else grow(sum, value);
    }
  }

  #rowOf(tags: Tags, time: number): Row {
    const key = JSON.stringify(tags);
    const series: Growing = this.#series.get(key) ?? { tags, rows: new Map() };
    this.#series.set(key, series);
    const row: Row = series.rows.get(time) ?? { time, fields: {} };
    series.rows.set(time, row);
    return row;
  }
}

function begun(value: number, counts: boolean): Sum {
  const one = { count: 1, sum: value, min: value, max: value, first: value, last: value };
  return counts ? { ...one, rise: 0 } : one;
}

function grow(sum: Sum, value: number): void {
  sum.count += 1;
  sum.sum += value;
  if (value < sum.min) sum.min = value;
  if (value > sum.max) sum.max = value;
  if (sum.rise !== undefined && value > sum.last) sum.rise += value - sum.last;
  sum.last = value;
}
