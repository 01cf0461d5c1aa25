/**
 * What a store must answer, worked out the plain way: all rows in memory, one pass a question.
 */
import { expect } from "vitest";
import type { Query, QueryRow, QuerySeries } from "../../store/index.ts";
import type { Fields, FieldValue, Line, Tags } from "../../telemetry/index.ts";
import { assertNever } from "../../telemetry/index.ts";

interface Row {
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: number;
}

/** Rows after merging: the identity of a row is its tags and time, a later field wins. */
function merged(lines: readonly Line[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { tags, fields, time } of lines) {
    const known = Object.entries(tags).filter(([, value]) => value !== "");
    const key = JSON.stringify([known.toSorted(([a], [b]) => (a < b ? -1 : 1)), time]);
    rows.set(key, {
      tags: Object.fromEntries(known),
      fields: { ...rows.get(key)?.fields, ...fields },
      time,
    });
  }
  return [...rows.values()];
}

/** The answer to a query over lines of one measurement, given in the order they were written. */
export function reference(lines: readonly Line[], query: Query): QuerySeries[] {
  const rows = merged(lines).filter((row) => isAsked(row, query));
  const groupBy = query.groupBy ?? [];
  const keyOf = ({ tags }: Row): string => JSON.stringify(groupBy.map((tag) => tags[tag] ?? ""));
  const keys = [...new Set(rows.map(keyOf))].map((key): unknown => JSON.parse(key));
  const series = keys.map((key): QuerySeries => {
    const values = Array.isArray(key) ? key.map(String) : [];
    const own = rows.filter((row) => keyOf(row) === JSON.stringify(values));
    const tags = Object.fromEntries(groupBy.map((tag, i) => [tag, values[i] ?? ""]));
    return { tags, rows: windowsOf(own, query) };
  });
  return series
    .filter(({ rows }) => rows.length > 0)
    .toSorted((a, b) => compare(Object.values(a.tags), Object.values(b.tags)));
}

function isAsked({ tags, fields, time }: Row, query: Query): boolean {
  if (time < query.from || time >= query.to) return false;
  if (Number(fields["q"] ?? 0) > (query.worstQuality ?? Number.POSITIVE_INFINITY)) return false;
  return Object.entries(query.where ?? {}).every(([tag, value]) => (tags[tag] ?? "") === value);
}

function windowsOf(rows: readonly Row[], query: Query): QueryRow[] {
  const { every, from } = query;
  const startOf = (time: number): number =>
    every === undefined ? from : Math.floor(time / every) * every;
  const starts = [...new Set(rows.map(({ time }) => startOf(time)))].toSorted((a, b) => a - b);
  return starts
    .map((start) =>
      windowOf(
        rows.filter(({ time }) => startOf(time) === start),
        start,
        query,
      ),
    )
    .filter(({ values }) => Object.keys(values).length > 0);
}

function windowOf(rows: readonly Row[], start: number, query: Query): QueryRow {
  const values: Record<string, FieldValue> = {};
  const counts: Record<string, number> = {};
  let time = start;
  for (const field of [...query.fields].toReversed()) {
    const having = rows.filter(({ fields }) => field in fields);
    if (having.length === 0) continue;
    const picked = aggregated(having, field, query);
    values[field] = picked.value;
    counts[field] = having.length;
    if (query.every === undefined) time = picked.time ?? start;
  }
  return { time, values, counts };
}

function aggregated(
  rows: readonly Row[],
  field: string,
  { aggregate }: Query,
): { value: FieldValue; time?: number } {
  const numbers = rows.map(({ fields }) => Number(fields[field]));
  const sum = numbers.reduce((a, b) => a + b, 0);
  switch (aggregate) {
    case "count":
      return { value: numbers.length };
    case "sum":
      return { value: sum };
    case "mean":
      return { value: sum / numbers.length };
    case "min":
      return { value: Math.min(...numbers) };
    case "max":
      return { value: Math.max(...numbers) };
    case "first":
    case "last": {
      const times = rows.map(({ time }) => time);
      const time = aggregate === "first" ? Math.min(...times) : Math.max(...times);
      const tied = rows.filter((row) => row.time === time).map(({ fields }) => fields[field] ?? 0);
      // Between series the greater value wins a tie, as in InfluxDB.
      return { value: tied.reduce((a, b) => (b > a ? b : a)), time };
    }
    default:
      return assertNever(aggregate);
  }
}

function compare(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  if (at < 0) return 0;
  return (a[at] ?? "") < (b[at] ?? "") ? -1 : 1;
}

/** Equal but for the last digits, which depend on the order of a sum. */
export function expectSame(actual: readonly QuerySeries[], wanted: readonly QuerySeries[]): void {
  expect(actual.map(shapeOf)).toEqual(wanted.map(shapeOf));
  actual.forEach((series, i) => {
    series.rows.forEach((row, j) => {
      for (const [field, value] of Object.entries(row.values)) {
        const other = wanted[i]?.rows[j]?.values[field];
        if (typeof value === "string") expect(value).toBe(other);
        else expect(Math.abs(value - Number(other))).toBeLessThanOrEqual(1e-6);
      }
    });
  });
}

function shapeOf({ tags, rows }: QuerySeries): unknown {
  return [tags, rows.map(({ time, counts }) => [time, counts])];
}
