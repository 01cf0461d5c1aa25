/** Rows back as lines, as SQL: a page of them, columns by place. */
import type { FieldValue, Line } from "../../telemetry/index.ts";
import type { AskedSpan } from "../asked.ts";
import type { SqlRow, TableColumns } from "./columns.ts";
import { fromWhere, ownTimeSql, quoteName } from "./columns.ts";

/** What a page's columns are: tags as `g0…`, fields as `f0…`. */
export interface PageColumns {
  readonly tags: readonly string[];
  readonly fields: readonly string[];
}

/** The columns of a span. */
export function pageColumns(span: AskedSpan, columns: TableColumns): PageColumns {
  const stored = [...columns.numbers, ...columns.texts].toSorted();
  return {
    tags: [...columns.tags],
    fields: span.fields?.filter((field) => stored.includes(field)) ?? stored,
  };
}

/** The SQL of one page; undefined when nothing can fit. */
export function pageSql(
  span: AskedSpan,
  columns: TableColumns,
  { page: { tags, fields }, limit }: { readonly page: PageColumns; readonly limit: number },
): string | undefined {
  const from = fromWhere(span, columns);
  if (from === undefined || fields.length === 0) return undefined;
  const names = [
    `${ownTimeSql} AS t`,
    ...tags.map((tag, at) => `${quoteName(tag)} AS g${at}`),
    ...fields.map((field, at) => `${quoteName(field)} AS f${at}`),
  ];
  const some = fields.map((field) => `${quoteName(field)} IS NOT NULL`).join(" OR ");
  return `SELECT ${names.join(", ")} ${from} AND (${some}) ORDER BY time LIMIT ${limit}`;
}

/** The line of one row. */
export function lineOf(measurement: string, { tags, fields }: PageColumns, row: SqlRow): Line {
  const own: [string, string][] = tags.flatMap((tag, at) => {
    const value = row[`g${at}`];
    return typeof value === "string" && value !== "" ? [[tag, value]] : [];
  });
  const found: [string, FieldValue][] = fields.flatMap((field, at) => {
    const value = row[`f${at}`];
    return typeof value === "number" || typeof value === "string" ? [[field, value]] : [];
  });
  return {
    measurement,
    tags: Object.fromEntries(own),
    fields: Object.fromEntries(found),
    time: Number(row["t"]),
  };
}
