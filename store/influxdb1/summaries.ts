/**
 * Summaries as InfluxQL: one statement for all that aggregates tell, one series for each set of
 * tags, six columns a field; and one for how much counters rose from row to row. The latter sees
 * the rise from the last row of a window to the first of the next as the next one's: it is taken
 * off again, because whoever puts windows together adds it himself.
 */
import { isCounter } from "../../telemetry/index.ts";
import type { AskedSummary } from "../asked.ts";
import { inOrder, queryLimits, refuseLong, tagNamesOf } from "../asked.ts";
import type { Summary, SummarySeries } from "../contract.ts";
import type { ResultSeries } from "./client.ts";
import type { Policies } from "./query.ts";
import { fieldName, fromWhere } from "./query.ts";

const columns = ["count", "sum", "min", "max", "first", "last"] as const;

/** The statement whose answer `summariesOf` understands. */
export function summaryStatement(query: AskedSummary, policies: Policies): string {
  const wanted = query.fields.flatMap((field) =>
    columns.map((aggregate) => `${aggregate}(${fieldName(field)})`),
  );
  const limit = `fill(none) LIMIT ${queryLimits.rows + 1}`;
  const groups = `GROUP BY time(${query.every}ms), * ${limit}`;
  return `SELECT ${wanted.join(", ")} ${fromWhere(query, policies)} ${groups}`;
}

/** The statement whose answer tells rises; undefined when no counter is asked for. */
export function riseStatement(query: AskedSummary, policies: Policies): string | undefined {
  const counters = query.fields.filter((field) => isCounter(field));
  if (counters.length === 0) return undefined;
  const steps = counters.map((field, i) => `non_negative_difference(${fieldName(field)}) AS d${i}`);
  const sums = counters.map((_, i) => `sum(d${i})`);
  const rows = `SELECT ${steps.join(", ")} ${fromWhere(query, policies)} GROUP BY *`;
  const span = `time >= ${query.from}ms AND time < ${query.to}ms`;
  const groups = `GROUP BY time(${query.every}ms), * fill(none) LIMIT ${queryLimits.rows + 1}`;
  return `SELECT ${sums.join(", ")} FROM (${rows}) WHERE ${span} ${groups}`;
}

/** Puts the answer to `riseStatement` into summaries. */
export function withRises(
  query: AskedSummary,
  summaries: readonly SummarySeries[],
  results: readonly ResultSeries[],
): SummarySeries[] {
  const counters = query.fields.filter((field) => isCounter(field));
  const risen = new Map<string, ReadonlyMap<number, readonly unknown[]>>();
  for (const { tags, values } of results) {
    const rows = values.map(([time, ...sums]) => [Number(time), sums] as const);
    risen.set(keyOf(textsOf(tags)), new Map(rows));
  }
  return summaries.map(({ tags, rows }) => {
    const sums = risen.get(keyOf(tags));
    const last = new Map<string, number>();
    const withRise = rows.map(({ time, fields }) => {
      const own: Record<string, Summary> = { ...fields };
      for (const [i, field] of counters.entries()) {
        const summary = fields[field];
        if (summary === undefined) continue;
        const sum = Number(sums?.get(time)?.[i] ?? 0);
        const across = Math.max(0, summary.first - (last.get(field) ?? summary.first));
        own[field] = { ...summary, rise: sum - across };
        last.set(field, summary.last);
      }
      return { time, fields: own };
    });
    return { tags, rows: withRise };
  });
}

function keyOf(tags: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The series of an answer.
 * @throws E_QUERY when it is too long
 */
export function summariesOf(
  query: AskedSummary,
  results: readonly ResultSeries[],
): SummarySeries[] {
  let rows = 0;
  const series = results.map(({ tags, values }) => {
    rows += values.length;
    refuseLong(rows);
    return {
      tags: textsOf(tags),
      rows: values.map(([time, ...row]) => ({ time: Number(time), fields: fieldsOf(query, row) })),
    };
  });
  return inOrder(series, tagNamesOf(series));
}

/** The tags that a series has: InfluxDB names those of the whole measurement. */
export function textsOf(tags: ResultSeries["tags"]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [tag, value] of Object.entries(tags)) {
    if (typeof value === "string" && value !== "") texts[tag] = value;
  }
  return texts;
}

function fieldsOf(query: AskedSummary, row: readonly unknown[]): Record<string, Summary> {
  const found: Record<string, Summary> = {};
  query.fields.forEach((field, i) => {
    const own = row.slice(i * columns.length, (i + 1) * columns.length);
    const [count = 0, sum = 0, min = 0, max = 0, first = 0, last = 0] = own.map(Number);
    if (count > 0) found[field] = { count, sum, min, max, first, last };
  });
  return found;
}
