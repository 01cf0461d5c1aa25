/**
 * Answers a neutral query from the day tables. Rows are read in order of time, six hours at once,
 * and summed up here rather than in SQL: grouping in SQL would sort every row first. Between
 * slices the thread takes other work, so that a long question never holds up writing.
 *
 * Ties of `first` and `last` between series go to the greater value, as InfluxDB does it.
 */
import type { Tags } from "../../telemetry/index.ts";
import type { AskedQuery, AskedSummary } from "../asked.ts";
import { inOrder, refuseLong, refuseText, tagNamesOf } from "../asked.ts";
import type { QueryRow, QuerySeries, Summary, SummarySeries } from "../contract.ts";
import type { Sql, SqlRow } from "./schema.ts";
import { dayMs, dayTable, daysOf, hasDay } from "./schema.ts";

/** Span that is read without a pause. @unit ms */
const sliceMs = 6 * 3_600_000;

interface Sum {
  count: number;
  sum: number;
  min: number;
  max: number;
  /** Of one series: how much was risen from row to row. */
  rise: number;
  first: number | string;
  firstTime: number;
  last: number | string;
  lastTime: number;
}

interface Group {
  readonly tags: Tags;
  /** Window start to one sum a field. */
  readonly windows: Map<number, (Sum | undefined)[]>;
}

interface Wanted {
  readonly groups: readonly Group[];
  /** Fields to read: id, place of group and field in one number, id of the row's quality. */
  readonly rows: readonly (readonly [fid: number, slot: number, quality: number | null])[];
}

/** What both kinds of question say of the rows that count. */
type Asked = Pick<AskedQuery, "measurement" | "fields" | "from" | "to" | "every" | "where"> &
  Pick<AskedQuery, "worstQuality">;

/** The tags that make a group of a series. */
type GroupOf = (tags: ReadonlyMap<string, string>) => Tags;

/**
 * The answer; `pause` is awaited between slices and throws when the asker went away.
 * @throws E_QUERY
 */
export async function read(
  sql: Sql,
  query: AskedQuery,
  pause: () => Promise<void>,
): Promise<QuerySeries[]> {
  refuseTexts(sql, query, query.aggregate);
  const groupOf: GroupOf = (tags) =>
    Object.fromEntries(query.groupBy.map((tag) => [tag, tags.get(tag) ?? ""]));
  const groups = await summedUp(sql, query, { groupOf, pause });
  const series = groups.map((group) => finished(query, group));
  return inOrder(series, query.groupBy);
}

/**
 * The summaries of each series.
 * @throws E_QUERY
 */
export async function summarize(
  sql: Sql,
  query: AskedSummary,
  pause: () => Promise<void>,
): Promise<SummarySeries[]> {
  refuseTexts(sql, query, "sum");
  const groups = await summedUp(sql, query, { groupOf: (tags) => Object.fromEntries(tags), pause });
  const series = groups.map(({ tags, windows }) => ({
    tags,
    rows: [...windows]
      .toSorted(([a], [b]) => a - b)
      .map(([time, sums]) => ({ time, fields: summariesOf(query.fields, sums) })),
  }));
  return inOrder(series, tagNamesOf(series));
}

async function summedUp(
  sql: Sql,
  query: Asked,
  how: { readonly groupOf: GroupOf; readonly pause: () => Promise<void> },
): Promise<readonly Group[]> {
  const wanted = wantedOf(sql, query, how.groupOf);
  if (wanted.rows.length === 0) return [];
  sql.exec("DELETE FROM temp.wanted");
  const insert = sql.prepare("INSERT INTO temp.wanted(fid, slot, quality) VALUES (?, ?, ?)");
  for (const row of wanted.rows) insert.run(...row);
  let windows = 0;
  for (const day of daysOf(sql)) {
    const end = Math.min((day + 1) * dayMs, query.to);
    for (let at = Math.max(day * dayMs, query.from); at < end; at += sliceMs) {
      // A day may be dropped during a pause.
      if (!hasDay(sql, day)) break;
      const slice = [at, Math.min(at + sliceMs, end)] as const;
      windows += readSlice(sql, query, { day, slice, groups: wanted.groups });
      refuseLong(windows);
      await how.pause();
    }
  }
  return wanted.groups;
}

function refuseTexts(sql: Sql, { measurement, fields }: Asked, aggregate: string): void {
  const kind = sql.prepare("SELECT text FROM kind WHERE measurement = ? AND name = ?");
  for (const field of fields) {
    if (kind.get(measurement, field)?.["text"] === 1) refuseText(aggregate, field);
  }
}

function wantedOf(sql: Sql, query: Asked, groupOf: GroupOf): Wanted {
  const marks = query.fields.map(() => "?").join(", ");
  const found = sql.prepare(
    `SELECT f.id AS fid, f.name AS name, s.tags AS tags, q.id AS quality
     FROM series s JOIN field f ON f.series_id = s.id
     LEFT JOIN field q ON q.series_id = s.id AND q.name = 'q'
     WHERE s.measurement = ? AND f.name IN (${marks})`,
  );
  const groups: Group[] = [];
  const places = new Map<string, number>();
  const rows: [number, number, number | null][] = [];
  for (const row of found.iterate(query.measurement, ...query.fields)) {
    const tags = tagsOf(row);
    if (!Object.keys(query.where).every((tag) => (tags.get(tag) ?? "") === query.where[tag])) {
      continue;
    }
    const group = groupOf(tags);
    const key = JSON.stringify(group);
    const place = places.get(key) ?? groups.length;
    if (place === groups.length) {
      places.set(key, place);
      groups.push({ tags: group, windows: new Map() });
    }
    const field = query.fields.indexOf(String(row["name"]));
    const quality = row["quality"];
    rows.push([
      Number(row["fid"]),
      place * query.fields.length + field,
      typeof quality === "number" ? quality : null,
    ]);
  }
  return { groups, rows };
}

/** The tags of a row of `series`. */
export function tagsOf(row: SqlRow): ReadonlyMap<string, string> {
  const parsed: unknown = JSON.parse(String(row["tags"]));
  if (typeof parsed !== "object" || parsed === null) return new Map();
  return new Map(Object.entries(parsed).map(([tag, value]) => [tag, String(value)]));
}

/** Reads one slice of a day; returns how many windows it began. */
function readSlice(
  sql: Sql,
  query: Asked,
  at: {
    readonly day: number;
    readonly slice: readonly [from: number, to: number];
    readonly groups: readonly Group[];
  },
): number {
  const table = dayTable(at.day);
  const { worstQuality, every, from, fields } = query;
  const good =
    worstQuality === undefined
      ? ""
      : `AND NOT EXISTS (SELECT 1 FROM ${table} x
           WHERE x.ts = h.ts AND x.fid = w.quality AND x.v > ${worstQuality})`;
  // CROSS JOIN keeps the order of the loops: the day by time, the wanted fields by their key.
  const rows = sql.prepare(
    `SELECT h.ts AS ts, w.slot AS slot, h.v AS v
     FROM ${table} h CROSS JOIN temp.wanted w ON w.fid = h.fid
     WHERE h.ts >= ? AND h.ts < ? ${good} ORDER BY h.ts`,
  );
  let begun = 0;
  for (const { ts, slot, v } of rows.iterate(...at.slice)) {
    if (typeof ts !== "number" || typeof slot !== "number") continue;
    const window = every === undefined ? from : Math.floor(ts / every) * every;
    const windows = at.groups[Math.floor(slot / fields.length)]?.windows;
    let sums = windows?.get(window);
    if (sums === undefined) {
      sums = [];
      windows?.set(window, sums);
      begun += 1;
    }
    const value = typeof v === "string" ? v.slice(1) : Number(v);
    const place = slot % fields.length;
    sums[place] = added(sums[place], ts, value);
  }
  return begun;
}

function added(sum: Sum | undefined, time: number, value: number | string): Sum {
  const number = typeof value === "number" ? value : 0;
  if (sum === undefined) {
    return {
      count: 1,
      sum: number,
      min: number,
      max: number,
      rise: 0,
      first: value,
      firstTime: time,
      last: value,
      lastTime: time,
    };
  }
  sum.count += 1;
  sum.sum += number;
  if (typeof sum.last === "number" && number > sum.last) sum.rise += number - sum.last;
  if (number < sum.min) sum.min = number;
  if (number > sum.max) sum.max = number;
  // Rows come in order of time: `first` changes only on a tie.
  if (time === sum.firstTime && value > sum.first) sum.first = value;
  if (time > sum.lastTime || value > sum.last) sum.last = value;
  sum.lastTime = time;
  return sum;
}

function finished(query: AskedQuery, { tags, windows }: Group): QuerySeries {
  const { aggregate, every, fields } = query;
  const own = every === undefined && (aggregate === "first" || aggregate === "last");
  const rows: QueryRow[] = [...windows]
    .toSorted(([a], [b]) => a - b)
    .map(([window, sums]) => {
      const values: Record<string, number | string> = {};
      const counts: Record<string, number> = {};
      sums.forEach((sum, place) => {
        if (sum === undefined) return;
        values[fields[place] ?? ""] = valueOf(sum, query);
        counts[fields[place] ?? ""] = sum.count;
      });
      const leading = sums.find((sum) => sum !== undefined);
      const ownTime = aggregate === "first" ? leading?.firstTime : leading?.lastTime;
      return {
        time: own ? (ownTime ?? window) : window,
        values,
        counts,
      };
    });
  return { tags, rows };
}

function valueOf(sum: Sum, { aggregate }: AskedQuery): number | string {
  return aggregate === "mean" ? sum.sum / sum.count : sum[aggregate];
}

function summariesOf(
  fields: readonly string[],
  sums: readonly (Sum | undefined)[],
): Record<string, Summary> {
  const found: Record<string, Summary> = {};
  sums.forEach((sum, place) => {
    if (sum === undefined) return;
    const { count, min, max, rise } = sum;
    const [first, last] = [Number(sum.first), Number(sum.last)];
    found[fields[place] ?? ""] = { count, sum: sum.sum, min, max, first, last, rise };
  });
  return found;
}
