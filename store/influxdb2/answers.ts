/** The rows of a summing script back as series, and those of a page as lines. */
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";
import type { AskedQuery, AskedSummary } from "../asked.ts";
import { inOrder, refuseLong, tagNamesOf } from "../asked.ts";
import type { Aggregate, QueryRow, QuerySeries, Summary, SummarySeries } from "../contract.ts";
import type { CsvRow } from "./csv.ts";

/** Which column holds an aggregate; the mean is made of two. */
const columnOf: Readonly<Record<Exclude<Aggregate, "mean">, string>> = {
  count: "n",
  sum: "s",
  min: "lo",
  max: "hi",
  first: "f",
  last: "l",
};

/** A group's rows by window, then by field. */
interface Group<Cell> {
  readonly tags: Tags;
  readonly windows: Map<number, Map<string, Cell>>;
}

/** The series of a query's answer. @throws E_QUERY when it is too long */
export function answerOf(query: AskedQuery, rows: readonly CsvRow[]): QuerySeries[] {
  const groups = groupsOf(query, query.groupBy, rows);
  const series = groups.map(({ tags, windows }) => ({
    tags,
    rows: inTime(windows).map(([window, cells]) => queryRow(query, window, cells)),
  }));
  return inOrder(series, query.groupBy);
}

/** The series of an answer to a question for summaries. @throws E_QUERY when it is too long */
export function summariesOf(
  query: AskedSummary,
  tags: readonly string[],
  rows: readonly CsvRow[],
): SummarySeries[] {
  const series = groupsOf(query, tags, rows).map((group) => ({
    tags: Object.fromEntries(Object.entries(group.tags).filter(([, value]) => value !== "")),
    rows: inTime(group.windows).map(([time, cells]) => ({
      time,
      fields: Object.fromEntries([...cells].map(([field, cell]) => [field, summaryOf(cell)])),
    })),
  }));
  return inOrder(series, tagNamesOf(series));
}

function groupsOf(
  { fields }: { readonly fields: readonly string[] },
  names: readonly string[],
  rows: readonly CsvRow[],
): Group<CsvRow>[] {
  refuseLong(rows.length);
  const groups = new Map<string, Group<CsvRow>>();
  for (const row of rows) {
    const field = fields[Number(String(row["result"]).slice(1))];
    if (field === undefined) continue;
    const tags = Object.fromEntries(names.map((tag, at) => [tag, String(row[`g${at}`] ?? "")]));
    const key = JSON.stringify(tags);
    const group = groups.get(key) ?? { tags, windows: new Map<number, Map<string, CsvRow>>() };
    const window = Number(row["w"]);
    const cells = group.windows.get(window) ?? new Map<string, CsvRow>();
    groups.set(key, group);
    group.windows.set(window, cells.set(field, row));
  }
  return [...groups.values()];
}

function inTime<Cell>(windows: ReadonlyMap<number, Cell>): [number, Cell][] {
  return [...windows].toSorted(([a], [b]) => a - b);
}

function queryRow(query: AskedQuery, window: number, cells: ReadonlyMap<string, CsvRow>): QueryRow {
  const { aggregate, every } = query;
  // In the order of the question: the field named first gives the time.
  const own = query.fields.flatMap((field) => {
    const cell = cells.get(field);
    return cell === undefined ? [] : [{ field, cell }];
  });
  const times = { first: "ft", last: "lt" } as const;
  const timed = every === undefined && (aggregate === "first" || aggregate === "last");
  const time = timed ? Number(own[0]?.cell[times[aggregate]]) : query.from;
  return {
    time: every === undefined ? time : window,
    values: Object.fromEntries(own.map(({ field, cell }) => [field, valueOf(aggregate, cell)])),
    counts: Object.fromEntries(own.map(({ field, cell }) => [field, Number(cell["n"])])),
  };
}

function valueOf(aggregate: Aggregate, cell: CsvRow): FieldValue {
  if (aggregate === "mean") return Number(cell["s"]) / Number(cell["n"]);
  // An empty text comes as no value.
  return cell[columnOf[aggregate]] ?? "";
}

function summaryOf(cell: CsvRow): Summary {
  const of = (aggregate: Exclude<Aggregate, "mean">): number => Number(cell[columnOf[aggregate]]);
  return {
    count: of("count"),
    sum: of("sum"),
    min: of("min"),
    max: of("max"),
    first: of("first"),
    last: of("last"),
  };
}

/** Columns that are neither tags nor fields. */
const foreign: ReadonlySet<string> = new Set(["result", "table", "_time"]);

/** The line of one row of a page. */
export function lineOf(measurement: string, tags: ReadonlySet<string>, row: CsvRow): Line {
  const entries = Object.entries(row).filter(([name]) => !foreign.has(name));
  const own = entries.filter(([name]) => tags.has(name));
  return {
    measurement,
    tags: Object.fromEntries(own.map(([name, value]) => [name, String(value)])),
    fields: Object.fromEntries(entries.filter(([name]) => !tags.has(name))),
    time: Date.parse(String(row["_time"])),
  };
}
