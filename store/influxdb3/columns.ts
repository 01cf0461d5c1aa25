/**
 * The columns of a table, and names and values as SQL spells them. InfluxDB 3 holds a measurement
 * as a table of schema `iox`: `time`, tags as dictionaries of text, fields as numbers or text.
 */
import type { AskedSpan } from "../asked.ts";

export interface TableColumns {
  readonly tags: ReadonlySet<string>;
  /** Fields that are numbers. */
  readonly numbers: ReadonlySet<string>;
  /** Fields that are text. */
  readonly texts: ReadonlySet<string>;
}

/** A row of an answer. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** A name in double quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text in single quotes. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The question for all tables. */
export const tablesSql =
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox' ORDER BY table_name";

/** The question for a table's columns; a table that is not there has none. */
export function columnsSql(table: string): string {
  return (
    "SELECT column_name, data_type FROM information_schema.columns " +
    `WHERE table_schema = 'iox' AND table_name = ${quoteText(table)} ORDER BY column_name`
  );
}

/** The columns of that answer. */
export function columnsOf(rows: readonly SqlRow[]): TableColumns {
  const named = (type: RegExp): ReadonlySet<string> =>
    new Set(
      rows
        .filter((row) => row["column_name"] !== "time" && type.test(String(row["data_type"])))
        .map((row) => String(row["column_name"])),
    );
  return {
    tags: named(/^Dictionary/),
    numbers: named(/^(Float|U?Int)\d+$/),
    texts: named(/^(Large)?Utf8/),
  };
}

/** The start of a row's window. @unit ms since 1970-01-01 UTC */
export function windowSql(every: number): string {
  // Whole numbers, so that no calendar and no text of a time stands between.
  return `${timeSql(every)} * ${every}`;
}

/** A row's time in whole multiples of `ms`, which never outgrows 64 bits of nanoseconds. */
function timeSql(ms: number): string {
  return `CAST(time AS BIGINT) / ${Math.min(ms, longestWindow)}000000`;
}

/** 2^63 ns, some 292 years: everything since 1970 lies in one such window. @unit ms */
const longestWindow = 9_223_372_036_854;

/** A row's time. @unit ms since 1970-01-01 UTC */
export const ownTimeSql = "CAST(time AS BIGINT) / 1000000";

/**
 * FROM and WHERE of any question; undefined when no row can fit. A tag that the table does not
 * have is empty in every row, and a row without `q` is good.
 */
export function fromWhere(
  { measurement, from, to, where, worstQuality }: AskedSpan & { worstQuality?: number | undefined },
  { tags, numbers }: TableColumns,
): string | undefined {
  const conditions = [`time >= ${instant(from)}`, `time < ${instant(to)}`];
  for (const [tag, value] of Object.entries(where)) {
    const name = quoteName(tag);
    if (tags.has(tag)) {
      conditions.push(
        value === "" ? `(${name} IS NULL OR ${name} = '')` : `${name} = ${quoteText(value)}`,
      );
    } else if (value !== "") {
      return undefined;
    }
  }
  if (worstQuality !== undefined && numbers.has("q")) {
    conditions.push(`("q" IS NULL OR "q" <= ${worstQuality})`);
  }
  return `FROM ${quoteName(measurement)} WHERE ${conditions.join(" AND ")}`;
}

function instant(ms: number): string {
  return `TIMESTAMP '${new Date(ms).toISOString()}'`;
}
