/**
 * A neutral query, or one for summaries, as SQL of InfluxDB 3 (DataFusion), and its rows back.
 * Columns have names of our own: `w` the window, `g0…` the groups, and `n0 a0 t0 …` of each field
 * its count, value and time, so that no name of a field or tag can be taken for another.
 *
 * `first` and `last` order their rows: those without a value at the far end, then time, then the
 * greater value, which wins a tie between series.
 */
import type { AskedQuery, AskedSummary } from "../asked.ts";
import { inOrder, queryLimits, refuseLong, refuseText, tagNamesOf } from "../asked.ts";
import type { Aggregate, QueryRow, QuerySeries, Summary, SummarySeries } from "../contract.ts";
import type { SqlRow, TableColumns } from "./columns.ts";
import { fromWhere, ownTimeSql, quoteName, windowSql } from "./columns.ts";

const limit = `LIMIT ${queryLimits.rows + 1}`;

const columnOf: Readonly<Record<Aggregate, (name: string) => string>> = {
  count: (name) => `count(${name})`,
  sum: (name) => `sum(${name})`,
  min: (name) => `min(${name})`,
  max: (name) => `max(${name})`,
  mean: (name) => `avg(${name})`,
  first: (name) => `first_value(${name} ORDER BY ${name} IS NULL, time, ${name} DESC)`,
  last: (name) => `last_value(${name} ORDER BY ${name} IS NOT NULL, time, ${name})`,
};

/** Whether rows carry their own time instead of their window's. */
function hasOwnTime({ aggregate, every }: AskedQuery): boolean {
  return every === undefined && (aggregate === "first" || aggregate === "last");
}

/**
 * The SQL of a query; undefined when nothing can fit it.
 * @throws E_QUERY
 */
export function querySql(query: AskedQuery, columns: TableColumns): string | undefined {
  const { aggregate, every } = query;
  const fields = storedFields(query.fields, columns);
  for (const { field } of fields) if (columns.texts.has(field)) refuseText(aggregate, field);
  const wanted = fields.flatMap(({ field, at }) => {
    const name = quoteName(field);
    const [best, time] = aggregate === "first" ? ["min", `t${at}`] : ["max", `t${at}`];
    const own = `${best}(CASE WHEN ${name} IS NOT NULL THEN ${ownTimeSql} END) AS ${time}`;
    const value = [`count(${name}) AS n${at}`, `${columnOf[aggregate](name)} AS a${at}`];
    return hasOwnTime(query) ? [...value, own] : value;
  });
  return grouped(query, columns, { wanted, groupBy: query.groupBy, every });
}

/** The SQL of a question for summaries; undefined when nothing can fit it. @throws E_QUERY */
export function summarySql(query: AskedSummary, columns: TableColumns): string | undefined {
  const fields = storedFields(query.fields, columns);
  for (const { field } of fields) if (columns.texts.has(field)) refuseText("sum", field);
  const wanted = fields.flatMap(({ field, at }) =>
    summaryParts.map((part) => `${columnOf[part](quoteName(field))} AS ${part}${at}`),
  );
  const groupBy = [...columns.tags];
  return grouped(query, columns, { wanted, groupBy, every: query.every });
}

const summaryParts = ["count", "sum", "min", "max", "first", "last"] as const;

/** The fields that the table has, with their places in the question. */
function storedFields(
  fields: readonly string[],
  { numbers, texts }: TableColumns,
): { readonly field: string; readonly at: number }[] {
  return fields
    .map((field, at) => ({ field, at }))
    .filter(({ field }) => numbers.has(field) || texts.has(field));
}

function grouped(
  query: AskedQuery | AskedSummary,
  columns: TableColumns,
  how: {
    readonly wanted: readonly string[];
    readonly groupBy: readonly string[];
    readonly every: number | undefined;
  },
): string | undefined {
  const from = fromWhere(query, columns);
  if (from === undefined || how.wanted.length === 0) return undefined;
  const keys = how.groupBy.map((tag, at) =>
    columns.tags.has(tag) ? `coalesce(${quoteName(tag)}, '') AS g${at}` : `'' AS g${at}`,
  );
  if (how.every !== undefined) keys.unshift(`${windowSql(how.every)} AS w`);
  const groups = keys.map((_, at) => at + 1).join(", ");
  const order = keys.length === 0 ? "" : ` GROUP BY ${groups} ORDER BY ${groups}`;
  return `SELECT ${[...keys, ...how.wanted].join(", ")} ${from}${order} ${limit}`;
}

/** The series of a query's answer. @throws E_QUERY when it is too long */
export function answerOf(query: AskedQuery, rows: readonly SqlRow[]): QuerySeries[] {
  refuseLong(rows.length);
  const found = new Map<string, { tags: Record<string, string>; rows: QueryRow[] }>();
  for (const row of rows) {
    const { tags, rows: own } = seriesIn(found, row, query.groupBy);
    const answered = rowOf(query, row);
    if (Object.keys(answered.values).length > 0) own.push(answered);
    found.set(JSON.stringify(tags), { tags, rows: own });
  }
  return inOrder([...found.values()], query.groupBy);
}

function seriesIn<Row>(
  found: ReadonlyMap<string, { tags: Record<string, string>; rows: Row[] }>,
  row: SqlRow,
  names: readonly string[],
): { tags: Record<string, string>; rows: Row[] } {
  const valueAt = (at: number): string => {
    const value = row[`g${at}`];
    return typeof value === "string" ? value : "";
  };
  const tags = Object.fromEntries(names.map((tag, at) => [tag, valueAt(at)]));
  return found.get(JSON.stringify(tags)) ?? { tags, rows: [] };
}

function rowOf(query: AskedQuery, row: SqlRow): QueryRow {
  const values: Record<string, number | string> = {};
  const counts: Record<string, number> = {};
  let time: number | undefined;
  query.fields.forEach((field, at) => {
    const [count, value] = [Number(row[`n${at}`] ?? 0), row[`a${at}`]];
    if (count === 0 || (typeof value !== "number" && typeof value !== "string")) return;
    values[field] = value;
    counts[field] = count;
    time ??= Number(row[`t${at}`]);
  });
  if (hasOwnTime(query)) return { time: time ?? query.from, values, counts };
  return { time: query.every === undefined ? query.from : Number(row["w"]), values, counts };
}

/** The series of an answer to a question for summaries. @throws E_QUERY when it is too long */
export function summariesOf(
  query: AskedSummary,
  { tags: names }: TableColumns,
  rows: readonly SqlRow[],
): SummarySeries[] {
  refuseLong(rows.length);
  const order = [...names];
  const found = new Map<
    string,
    { tags: Record<string, string>; rows: SummarySeries["rows"][number][] }
  >();
  for (const row of rows) {
    const series = seriesIn(found, row, order);
    const fields = summariesIn(query, row);
    if (Object.keys(fields).length > 0) series.rows.push({ time: Number(row["w"]), fields });
    found.set(JSON.stringify(series.tags), series);
  }
  const named = [...found.values()].map(({ tags, rows: own }) => ({
    tags: Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== "")),
    rows: own,
  }));
  return inOrder(named, tagNamesOf(named));
}

function summariesIn(query: AskedSummary, row: SqlRow): Record<string, Summary> {
  const found: Record<string, Summary> = {};
  query.fields.forEach((field, at) => {
    const [count = 0, sum = 0, min = 0, max = 0, first = 0, last = 0] = summaryParts.map((part) =>
      Number(row[`${part}${at}`] ?? 0),
    );
    if (count > 0) found[field] = { count, sum, min, max, first, last };
  });
  return found;
}
