/** Summaries as InfluxQL: one statement, one series for each set of tags, six columns a field. */
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
