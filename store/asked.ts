/**
 * What every engine does alike with a query: refuses what has no answer, cleans the names in it
 * as they were cleaned when they were written, and puts the series in order.
 */
import type { Tags } from "../telemetry/index.ts";
import { fieldFacts, GatewayError } from "../telemetry/index.ts";
import type { Query, Span, SummaryQuery } from "./contract.ts";
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

/** A question for summaries that has an answer. */
export interface AskedSummary extends SummaryQuery {
  readonly where: Tags;
}

/** A span that has an answer. */
export interface AskedSpan extends Span {
  readonly where: Tags;
}

/**
 * Checks a query and cleans its names.
 * @throws E_QUERY
 */
export function askedOf(query: Query): AskedQuery {
  const groupBy = query.groupBy ?? [];
  refuseUnless(aggregates.includes(query.aggregate), `no aggregate "${query.aggregate}"`);
  refuseUnless(groupBy.length <= queryLimits.tags, tooManyTags);
  checkWindows(query);
  checkFields(query.fields);
  for (const field of query.fields) checkType(query.measurement, field, query.aggregate);
  return {
    ...query,
    ...cleanSpan(query),
    fields: [...new Set(query.fields)],
    groupBy: [...new Set(groupBy.map(cleanName))],
  };
}

/**
 * Checks a question for summaries and cleans its names.
 * @throws E_QUERY
 */
export function askedSummaryOf(query: SummaryQuery): AskedSummary {
  checkWindows(query);
  checkFields(query.fields);
  for (const field of query.fields) checkType(query.measurement, field, "sum");
  return { ...query, ...cleanSpan(query), fields: [...new Set(query.fields)] };
}

/**
 * Checks a span and cleans its names.
 * @throws E_QUERY
 */
export function askedSpanOf(span: Span): AskedSpan {
  if (span.fields !== undefined) checkFields(span.fields);
  return { ...span, ...cleanSpan(span) };
}

/** What all questions have alike. */
function cleanSpan({ measurement, from, to, where = {} }: Span): {
  readonly measurement: string;
  readonly from: number;
  readonly to: number;
  readonly where: Tags;
} {
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  refuseUnless(whole, "`from` and `to` must be whole ms since 1970");
  refuseUnless(from < to, "`from` must be before `to`");
  const tags = Object.entries(where);
  refuseUnless(tags.length <= queryLimits.tags, tooManyTags);
  return {
    measurement: cleanMeasurement(measurement),
    from: Math.max(from, 0),
    to: Math.min(to, latestTime),
    where: Object.fromEntries(tags.map(([tag, value]) => [cleanName(tag), cleanName(value)])),
  };
}

const tooManyTags = `a query has at most ${queryLimits.tags} tags`;

function checkFields(fields: readonly string[]): void {
  refuseUnless(fields.length > 0, "name at least one field");
  const { fields: most } = queryLimits;
  refuseUnless(fields.length <= most, `a query has at most ${most} fields`);
}

function checkWindows({ every, worstQuality }: Pick<Query, "every" | "worstQuality">): void {
  if (every !== undefined) {
    refuseUnless(Number.isSafeInteger(every) && every >= 1, "`every` must be whole ms, 1 or more");
  }
  if (worstQuality !== undefined) {
    refuseUnless(Number.isSafeInteger(worstQuality), "`worstQuality` must be a whole number");
  }
}

function checkType(measurement: string, field: string, aggregate: string): void {
  if (fieldFacts(measurement, field)?.type === "text") refuseText(aggregate, field);
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

/** A series of an answer, whatever its rows are. */
interface AnyAnswer {
  readonly tags: Tags;
  readonly rows: readonly unknown[];
}

/**
 * The series that have rows, in order of the tags named, compared by UTF-16 code units; a missing
 * tag is empty.
 */
export function inOrder<Series extends AnyAnswer>(
  series: readonly Series[],
  names: readonly string[],
): Series[] {
  return series
    .filter(({ rows }) => rows.length > 0)
    .toSorted((a, b) => compareTags(a.tags, b.tags, names));
}

/** Every tag name of the series, in order. */
export function tagNamesOf(series: readonly AnyAnswer[]): string[] {
  return [...new Set(series.flatMap(({ tags }) => Object.keys(tags)))].toSorted();
}

function compareTags(a: Tags, b: Tags, names: readonly string[]): number {
  for (const tag of names) {
    const [left = "", right = ""] = [a[tag], b[tag]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
