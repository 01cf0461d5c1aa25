/**
 * Answers a neutral query: partition by partition, series by series, each at one moment. Of a chunk
 * that lies within one window only the head is read. Between some rows the thread takes other work,
 * so that a long question never holds up writing.
 */
import type { Tags } from "../../telemetry/index.ts";
import type { AskedQuery, AskedSummary } from "../asked.ts";
import { inOrder, refuseLong, refuseText, tagNamesOf } from "../asked.ts";
import type { QuerySeries, SummarySeries } from "../contract.ts";
import type { Block } from "./block.ts";
import type { Series } from "./catalog.ts";
import type { ChunkHead } from "./chunk.ts";
import type { StoreFile } from "./file.ts";
import { tierOf } from "./partition.ts";
import type { Group as SourceGroup } from "./sources.ts";
import { blockOf, groupsOf, onlyChunk } from "./sources.ts";
import type { Group } from "./sums.ts";
import { finished, summariesOf, Summer, windowOf } from "./sums.ts";

/** Work between two pauses: rows read; a look for chunks counts as some. */
const rowsAtOnce = 30_000;
const rowsALook = 100;

/** What both kinds of question say of the rows that count. */
type Asked = Pick<AskedQuery, "measurement" | "fields" | "from" | "to" | "every" | "where"> &
  Pick<AskedQuery, "worstQuality">;

/** The tags that make a group of a series. */
type GroupOf = (tags: Tags) => Tags;

export type Pause = () => Promise<void>;

/**
 * The answer; `pause` is awaited now and then and throws when the asker went away.
 * @throws E_QUERY
 */
export async function read(
  file: StoreFile,
  query: AskedQuery,
  pause: Pause,
): Promise<QuerySeries[]> {
  refuseTexts(file, query, query.aggregate);
  const groupOf: GroupOf = (tags) =>
    Object.fromEntries(query.groupBy.map((tag) => [tag, tags[tag] ?? ""]));
  const groups = await summedUp(file, query, { groupOf, pause, heads: true });
  return inOrder(
    groups.map((group) => finished(query, group)),
    query.groupBy,
  );
}

/** Each series is a group of its own. */
function itself(tags: Tags): Tags {
  return tags;
}

/**
 * The summaries of each series.
 * @throws E_QUERY
 */
export async function summarize(
  file: StoreFile,
  query: AskedSummary,
  pause: Pause,
): Promise<SummarySeries[]> {
  refuseTexts(file, query, "sum");
  const groups = await summedUp(file, query, { groupOf: itself, pause, heads: false });
  const series = groups.map(({ tags, windows }) => ({
    tags,
    rows: [...windows]
      .toSorted(([a], [b]) => a - b)
      .map(([time, sums]) => ({ time, fields: summariesOf(query.fields, sums) })),
  }));
  return inOrder(series, tagNamesOf(series));
}

function refuseTexts(file: StoreFile, { measurement, fields }: Asked, aggregate: string): void {
  for (const field of fields) {
    if (file.catalog.isText(measurement, field) === true) refuseText(aggregate, field);
  }
}

/** A series that is asked for, and the group that it counts in. */
interface Wanted {
  readonly series: Series;
  readonly group: Group;
}

interface Summing {
  readonly groupOf: GroupOf;
  readonly pause: Pause;
  /** Whether the heads of chunks may answer: they know no rises. */
  readonly heads: boolean;
}

async function summedUp(
  file: StoreFile,
  query: Asked,
  { groupOf, pause, heads }: Summing,
): Promise<readonly Group[]> {
  const { groups, wanted } = wantedOf(file, query, groupOf);
  const summer = new Summer(query);
  let work = 0;
  const tier = tierOf(query.measurement);
  const partitions = file.partitions().filter((one) => one.tier === tier);
  for (const { name, start, end } of wanted.length === 0 ? [] : partitions) {
    const span = { from: Math.max(start, query.from), to: Math.min(end, query.to) };
    if (span.from >= span.to) continue;
    for (const one of wanted) {
      work += rowsALook + new SeriesReader(file, { query, summer, one, heads }).read(name, span);
      refuseLong(summer.begun);
      if (work < rowsAtOnce) continue;
      work = 0;
      await pause();
    }
  }
  return groups;
}

/** The series of a measurement whose tags have these values. */
export function seriesWith(file: StoreFile, asked: Pick<Asked, "measurement" | "where">): Series[] {
  const where = Object.entries(asked.where);
  return file.catalog
    .ofMeasurement(asked.measurement)
    .filter(({ tags }) => where.every(([tag, value]) => (tags[tag] ?? "") === value));
}

function wantedOf(
  file: StoreFile,
  query: Asked,
  groupOf: GroupOf,
): { readonly groups: readonly Group[]; readonly wanted: readonly Wanted[] } {
  const groups = new Map<string, Group>();
  const wanted: Wanted[] = [];
  for (const series of seriesWith(file, query)) {
    if (!query.fields.some((field) => series.fields.has(field))) continue;
    const tags = groupOf(series.tags);
    const key = JSON.stringify(tags);
    let group = groups.get(key);
    if (group === undefined) {
      group = { tags, windows: new Map() };
      groups.set(key, group);
    }
    wanted.push({ series, group });
  }
  return { groups: [...groups.values()], wanted };
}

/** Sums up one series. */
class SeriesReader {
  readonly #file: StoreFile;
  readonly #query: Asked;
  readonly #summer: Summer;
  readonly #one: Wanted;
  readonly #heads: boolean;
  /** Ids of the fields asked for, and their places in the question. */
  readonly #places: readonly (readonly [id: number, place: number])[];
  readonly #quality: number | undefined;
  readonly #wanted: (field: number) => boolean;

  constructor(
    file: StoreFile,
    asked: {
      readonly query: Asked;
      readonly summer: Summer;
      readonly one: Wanted;
      readonly heads: boolean;
    },
  ) {
    this.#file = file;
    this.#query = asked.query;
    this.#summer = asked.summer;
    this.#one = asked.one;
    this.#heads = asked.heads;
    const { fields } = asked.one.series;
    this.#places = asked.query.fields.flatMap((name, place): [number, number][] => {
      const field = fields.get(name);
      return field === undefined ? [] : [[field.id, place]];
    });
    this.#quality = asked.query.worstQuality === undefined ? undefined : fields.get("q")?.id;
    const ids = new Set([...this.#places.map(([id]) => id), this.#quality]);
    this.#wanted = (field) => ids.has(field);
  }

  /** Adds the rows of a span; returns how many were read. */
  read(partition: string, span: { readonly from: number; readonly to: number }): number {
    const { series } = this.#one;
    let rows = 0;
    for (const group of groupsOf(this.#file, { partition, series: series.id }, span)) {
      if (this.#heads && this.#addHead(group)) continue;
      const block = blockOf(this.#file, group, { partition, span, wanted: this.#wanted });
      this.#addRows(block);
      rows += group.rows * (this.#places.length + 1);
    }
    return rows;
  }

  /** Whether the head of a chunk told all that is asked. */
  #addHead(group: SourceGroup): boolean {
    const chunk = onlyChunk(group);
    if (chunk === undefined) return false;
    const { from, last, head, rows } = chunk;
    if (from < this.#query.from || last >= this.#query.to) return false;
    if (windowOf(this.#query, from) !== windowOf(this.#query, last)) return false;
    if (!this.#allGood(head, rows)) return false;
    if (this.#places.some(([id]) => head.fields.get(id)?.text === true)) return false;
    for (const [id, place] of this.#places) {
      const field = head.fields.get(id);
      if (field !== undefined) this.#summer.addHead(this.#one.group, place, field);
    }
    return true;
  }

  #allGood({ fields }: ChunkHead, rows: number): boolean {
    const { worstQuality } = this.#query;
    if (worstQuality === undefined) return true;
    const quality = this.#quality === undefined ? undefined : fields.get(this.#quality);
    // A row without quality counts as 0.
    if (worstQuality < 0 && (quality?.count ?? 0) < rows) return false;
    return quality === undefined || (!quality.text && quality.max <= worstQuality);
  }

  #addRows(block: Block): void {
    const good = this.#goodOf(block);
    for (const [field, place] of this.#places) {
      this.#summer.addRows(this.#one.group, place, { block, field, good });
    }
  }

  #goodOf({ columns }: Block): (row: number) => boolean {
    const { worstQuality } = this.#query;
    if (worstQuality === undefined) return always;
    const quality = this.#quality === undefined ? undefined : columns.get(this.#quality);
    return (row) => {
      const value = Number(quality?.[row] ?? 0);
      return (value === value ? value : 0) <= worstQuality;
    };
  }
}

function always(): boolean {
  return true;
}
