/**
 * What every engine does alike with a query: refuses what has no answer, cleans the names in it
 * as they were cleaned when they were written, and puts the series in order.
 */
import type { Tags } from "../telemetry/index.ts";
import { fieldFacts, GatewayError } from "../telemetry/index.ts";
import type { Query, QuerySeries } from "./contract.ts";
import { aggregates } from "./contract.ts";
import { latestTime } from "./admission.ts";
import { cleanMeasurement, cleanName } from "./series.ts";

/** Most fields, tags and rows of one query; the rows of all series together. */
export const queryLimits = { fields: 64, tags: 16, rows: 100_000 } as const;

/** Aggregates that a text can have. */
const textAggregates: ReadonlySet<string> = new Set(["count", "first", "last"]);

/** A query that has an answer: names clean, times within what an engine can hold. */
export interface AskedQuery extends Query {
  readonly where: Tags;
  readonly groupBy: readonly string[];
}

/**
 * Checks a query and cleans its names.
 * @throws E_QUERY
 */
export function askedOf(query: Query): AskedQuery {
  const where = Object.entries(query.where ?? {});
  const groupBy = query.groupBy ?? [];
  refuseUnless(aggregates.includes(query.aggregate), `no aggregate "${query.aggregate}"`);
  refuseUnless(query.fields.length > 0, "name at least one field");
  refuseUnless(
    query.fields.length <= queryLimits.fields,
    `a query has at most ${queryLimits.fields} fields`,
  );
  refuseUnless(
    groupBy.length <= queryLimits.tags && where.length <= queryLimits.tags,
    `a query has at most ${queryLimits.tags} tags`,
  );
  checkTimes(query);
  for (const field of query.fields) checkField(query, field);
  return {
    ...query,
    measurement: cleanMeasurement(query.measurement),
    fields: [...new Set(query.fields)],
    from: Math.max(query.from, 0),
    to: Math.min(query.to, latestTime),
    where: Object.fromEntries(where.map(([tag, value]) => [cleanName(tag), cleanName(value)])),
    groupBy: [...new Set(groupBy.map(cleanName))],
  };
}

function checkTimes({ from, to, every, worstQuality }: Query): void {
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  refuseUnless(whole, "`from` and `to` must be whole ms since 1970");
  refuseUnless(from < to, "`from` must be before `to`");
  if (every !== undefined) {
    refuseUnless(Number.isSafeInteger(every) && every >= 1, "`every` must be whole ms, 1 or more");
  }
  if (worstQuality !== undefined) {
    refuseUnless(Number.isSafeInteger(worstQuality), "`worstQuality` must be a whole number");
  }
}

function checkField(query: Query, field: string): void {
  const isText = fieldFacts(query.measurement, field)?.type === "text";
  if (isText) refuseText(query.aggregate, field);
}

/**
 * Refuses aggregates that a text cannot have.
 * @throws E_QUERY
 */
export function refuseText(aggregate: string, field: string): void {
  refuseUnless(textAggregates.has(aggregate), `${field} is a text; it has no ${aggregate}`);
}

/**
 * Refuses an answer that would not fit into memory.
 * @throws E_QUERY
 */
export function refuseLong(rows: number): void {
  refuseUnless(
    rows <= queryLimits.rows,
    `the answer has more than ${queryLimits.rows} rows; ask for longer windows or fewer series`,
  );
}

function refuseUnless(holds: boolean, sentence: string): void {
  if (!holds) throw new GatewayError("E_QUERY", sentence);
}

/** The series that have rows, in order of their tags, compared by UTF-16 code units. */
export function inOrder(series: readonly QuerySeries[]): QuerySeries[] {
  return series.filter(({ rows }) => rows.length > 0).toSorted((a, b) => compareTags(a, b));
}

function compareTags(a: QuerySeries, b: QuerySeries): number {
  for (const tag in a.tags) {
    const [left = "", right = ""] = [a.tags[tag], b.tags[tag]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
