/** The answer of `rackstreet query`: a table for people, CSV and line protocol for machines. */
import type { Query } from "../store/index.ts";
import { toLineProtocol } from "../store/index.ts";
import type { Tags } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { CoveredRow, CoveredSeries } from "./coverage.ts";
import { renderTable } from "./table.ts";
import { shownAge, shownValue } from "./values.ts";

export const formats = ["table", "csv", "json", "lp"] as const;
export type Format = (typeof formats)[number];

export interface Answer {
  readonly query: Query;
  readonly series: readonly CoveredSeries[];
}

export interface Arrangement {
  readonly order: string;
  readonly limit: number | undefined;
}

/** The rows of each series, newest first where asked, and the first few of them. */
export function arranged(
  series: readonly CoveredSeries[],
  { order, limit }: Arrangement,
): readonly CoveredSeries[] {
  return series.map(({ tags, rows }) => ({
    tags,
    rows: (order === "desc" ? rows.toReversed() : rows).slice(0, limit),
  }));
}

/**
 * The answer as [RFC 4180 §2] CSV, times in ISO 8601. Behind the values stand their rows, and what
 * they should be where any is known.
 */
export function csvOf({ query, series }: Answer): string {
  const { groupBy = [], fields } = query;
  const known = series.some(({ rows }) => rows.some(({ expected }) => expected !== undefined));
  const head = [
    "time",
    ...groupBy,
    ...fields,
    ...fields.map((field) => `${field}_rows`),
    ...(known ? fields.map((field) => `${field}_expected`) : []),
  ];
  const rows = series.flatMap(({ tags, rows }) =>
    rows.map(({ time, values, counts, expected }) => [
      new Date(time).toISOString(),
      ...groupBy.map((tag) => tags[tag] ?? ""),
      ...fields.map((field) => String(values[field] ?? "")),
      ...fields.map((field) => String(counts[field] ?? 0)),
      ...(known ? fields.map((field) => String(expected?.[field] ?? "")) : []),
    ]),
  );
  return [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\n");
}

/** [RFC 4180 §2] */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Aggregates that are values of the field: what they give may be written under its name. */
const sameField: ReadonlySet<string> = new Set(["first", "last", "min", "max"]);

/**
 * The answer as line protocol, precision ms.
 * @throws E_USAGE for what is no value of its field, E_QUERY for what no line can carry
 */
export function linesOf({ query, series }: Answer): string {
  const { measurement, aggregate } = query;
  if (!sameField.has(aggregate)) {
    const why = `--format lp: a ${aggregate} is no value of its field`;
    throw new GatewayError("E_USAGE", `${why}; use ${[...sameField].join(", ")}`);
  }
  const lines = series.flatMap(({ tags, rows }) =>
    rows.map(({ time, values }) => ({ measurement, tags, fields: values, time })),
  );
  const { text, rejected } = toLineProtocol(lines);
  const [first] = rejected;
  if (first !== undefined) throw new GatewayError("E_QUERY", `--format lp: ${first.reason}`);
  return text.trimEnd();
}

/** A table; undefined when there is nothing to show. */
export function tableOf({ query, series }: Answer, now: number): string | undefined {
  const { groupBy = [] } = query;
  const shown = query.fields.filter((field) =>
    series.some(({ rows }) => rows.some(({ values }) => values[field] !== undefined)),
  );
  if (shown.length === 0) return undefined;
  const alike = series.every(({ rows }) => rows.every((row) => isAlike(row, shown)));
  const head = alike ? [...shown, "rows"] : shown.flatMap((field) => [field, "rows"]);
  const rows = series.flatMap(({ tags, rows }) =>
    rows.map((row) => [
      ...leading(query, { tags, time: row.time, now }),
      ...(alike
        ? [...shown.map((field) => shownIn(query, row, field)), rowsText(row, shown)]
        : shown.flatMap((field) => [shownIn(query, row, field), rowsText(row, [field])])),
    ]),
  );
  return renderTable(["time", ...groupBy, ...head], rows);
}

function leading(
  { every, groupBy = [] }: Query,
  { tags, time, now }: { readonly tags: Tags; readonly time: number; readonly now: number },
): string[] {
  const when = every === undefined ? `${shownAge(now - time)} ago` : new Date(time).toISOString();
  return [when, ...groupBy.map((tag) => tags[tag] ?? "")];
}

/** Whether the values of a row stand on the same rows, so that one column says it for all. */
function isAlike(row: CoveredRow, fields: readonly string[]): boolean {
  const there = fields.filter((field) => row.values[field] !== undefined);
  return new Set(there.map((field) => rowsText(row, [field]))).size <= 1;
}

/** `58 of 60`, or `58` where it is not known how many there should be. */
function rowsText({ values, counts, expected }: CoveredRow, fields: readonly string[]): string {
  const field = fields.find((field) => values[field] !== undefined);
  if (field === undefined) return "";
  const all = expected?.[field];
  return all === undefined ? `${counts[field] ?? 0}` : `${counts[field] ?? 0} of ${all}`;
}

function shownIn({ measurement, aggregate }: Query, { values }: CoveredRow, field: string): string {
  const value = values[field];
  if (value === undefined) return "";
  return aggregate === "count" ? String(value) : shownValue(measurement, field, value);
}
