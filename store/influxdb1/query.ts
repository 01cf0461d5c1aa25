/**
 * A neutral query as InfluxQL, and its answer back. Without windows, `first` and `last` carry
 * their row's own time only when they stand alone, but then InfluxDB 1.6.7 answers a tie between
 * series by chance: so one statement gives the values in one window, and one a field the times.
 *
 * `("q" > n) = false` and not `"q" <= n`: a row without `q` fails any comparison, and such a row
 * counts as good.
 */
import type { AskedQuery } from "../asked.ts";
import { inOrder, queryLimits, refuseLong } from "../asked.ts";
import type { QueryRow, QuerySeries } from "../contract.ts";
import type { Places } from "../tiers.ts";
import { placeOf } from "../tiers.ts";
import type { ResultSeries } from "./client.ts";

/** Retention policies; undefined is the database's default. */
export type Policies = Places<string | undefined>;

/** A name in double quotes. Everything but quote, backslash and line end stands for itself. */
export function quoteName(name: string): string {
  return `"${escaped(name).replaceAll('"', String.raw`\"`)}"`;
}

/** A text in single quotes. */
export function quoteText(text: string): string {
  return `'${escaped(text).replaceAll("'", String.raw`\'`)}'`;
}

/** A field, and no tag of the same name. */
export function fieldName(field: string): string {
  return `${quoteName(field)}::field`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", String.raw`\n`);
}

/** The statements whose answers `answerOf` understands: values, then times of single fields. */
export function statementsOf(query: AskedQuery, policies: Policies): string[] {
  const { fields, aggregate } = query;
  const columns = fields.map((field) => `${aggregate}(${fieldName(field)})`);
  const counts = fields.map((field) => `count(${fieldName(field)})`);
  const from = fromWhere(query, policies);
  const values = `SELECT ${[...counts, ...columns].join(", ")} ${from}`;
  if (!hasOwnTime(query)) return [`${values} ${groupBy(query, query.every)}`];
  const times = columns.map((column) => `SELECT ${column} ${from} ${groupBy(query, undefined)}`);
  // One window from 0 to the end of the span: whole, since windows begin at 1970.
  return [`${values} ${groupBy(query, query.to)}`, ...times];
}

/** Whether rows carry their own time instead of their window's. */
function hasOwnTime({ aggregate, every }: AskedQuery): boolean {
  return every === undefined && (aggregate === "first" || aggregate === "last");
}

/** A measurement in its retention policy. */
export function sourceOf(measurement: string, policies: Policies): string {
  const policy = placeOf(policies, measurement);
  const name = quoteName(measurement);
  return policy === undefined ? name : `${quoteName(policy)}.${name}`;
}

/** The FROM and WHERE of any question. */
export function fromWhere(
  query: Pick<AskedQuery, "measurement" | "from" | "to" | "where" | "worstQuality">,
  policies: Policies,
): string {
  const { measurement, from, to, where, worstQuality } = query;
  const conditions = [`time >= ${from}ms`, `time < ${to}ms`];
  for (const tag in where) {
    conditions.push(`${quoteName(tag)}::tag = ${quoteText(where[tag] ?? "")}`);
  }
  if (worstQuality !== undefined) conditions.push(`("q"::integer > ${worstQuality}) = false`);
  return `FROM ${sourceOf(measurement, policies)} WHERE ${conditions.join(" AND ")}`;
}

function groupBy(query: AskedQuery, window: number | undefined): string {
  const groups = query.groupBy.map(quoteName);
  if (window !== undefined) groups.push(`time(${window}ms)`);
  const grouping = groups.length > 0 ? `GROUP BY ${groups.join(", ")} ` : "";
  return `${grouping}${window === undefined ? "" : "fill(none) "}LIMIT ${queryLimits.rows + 1}`;
}

interface Building {
  readonly tags: Record<string, string>;
  readonly rows: Map<number, Omit<QueryRow, "time">>;
  /** For rows with their own time: which field gave it, by place in the query. */
  timeOf: number;
  time: number;
}

/**
 * The series of an answer.
 * @throws E_QUERY when it is too long
 */
export function answerOf(query: AskedQuery, results: readonly ResultSeries[][]): QuerySeries[] {
  const found = new Map<string, Building>();
  let rows = 0;
  for (const [statement, series] of results.entries()) {
    for (const one of series) {
      rows += one.values.length;
      refuseLong(rows);
      const building = buildingOf(query, one, found);
      for (const row of one.values) take(query, building, { row, statement });
    }
  }
  const series = [...found.values()].map((building) => finished(query, building));
  return inOrder(series, query.groupBy);
}

function buildingOf(
  query: AskedQuery,
  series: ResultSeries,
  found: Map<string, Building>,
): Building {
  const tags = Object.fromEntries(
    query.groupBy.map((tag) => {
      const value = series.tags[tag];
      return [tag, typeof value === "string" ? value : ""];
    }),
  );
  const key = JSON.stringify(tags);
  const known = found.get(key);
  if (known !== undefined) return known;
  const made: Building = {
    tags,
    rows: new Map(),
    timeOf: Number.POSITIVE_INFINITY,
    time: query.from,
  };
  found.set(key, made);
  return made;
}

/** Takes one row `[time, …]` of a statement into its series. */
function take(
  query: AskedQuery,
  building: Building,
  { row, statement }: { readonly row: readonly unknown[]; readonly statement: number },
): void {
  const [time, ...columns] = row;
  if (statement > 0) {
    if (columns[0] !== null && statement < building.timeOf) {
      building.timeOf = statement;
      building.time = Number(time);
    }
    return;
  }
  const values: Record<string, number | string> = {};
  const counts: Record<string, number> = {};
  query.fields.forEach((field, i) => {
    const [count, value] = [columns[i], columns[query.fields.length + i]];
    if (typeof value !== "number" && typeof value !== "string") return;
    values[field] = value;
    counts[field] = Number(count);
  });
  building.rows.set(query.every === undefined ? query.from : Number(time), { values, counts });
}

function finished(query: AskedQuery, building: Building): QuerySeries {
  const rows: QueryRow[] = [...building.rows]
    .map(([time, row]) => ({ time: hasOwnTime(query) ? building.time : time, ...row }))
    .filter(({ values }) => Object.keys(values).length > 0);
  return { tags: building.tags, rows };
}
