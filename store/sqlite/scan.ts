/**
 * Reads rows back, in order of time, a piece at a time. Rows are gathered for a stretch of
 * time that holds about `stretchRows` of them and given out in pieces, each of which ends with a
 * whole moment once it holds `pieceRows`. What is left of a stretch is kept for the next piece.
 */
import type { AskedSpan } from "../asked.ts";
import type { Block } from "./block.ts";
import type { Series } from "./catalog.ts";
import type { StoreFile } from "./file.ts";
import type { Partition } from "./partition.ts";
import { tierOf } from "./partition.ts";
import type { Pause } from "./read.ts";
import { seriesWith } from "./read.ts";
import type { ScannedRows, TakeRow } from "./scanned.ts";
import { RowGatherer } from "./scanned.ts";
import type { Span } from "./sources.ts";
import { blockOf, groupsOf } from "./sources.ts";

/** Rows of a piece; those of its last moment may go over it. */
const pieceRows = 2000;
/** Rows gathered at once; chunks that hold them are read anew for each stretch. */
const stretchRows = 40_000;
/** Scans that go on beside each other; with more of them, stretches are gathered anew. */
const maxLeft = 4;
/** Series looked at between two pauses. */
const seriesAtOnce = 50;

interface Piece {
  readonly rows: ScannedRows;
  /** Where the rest begins; undefined at the end. @unit ms since 1970-01-01 UTC */
  readonly next: number | undefined;
}

interface Part {
  readonly series: Series;
  readonly block: Block;
  readonly fields: readonly (readonly [id: number, name: string])[];
}

/** Rows of a stretch of time: row `rows[i]` of part `parts[i]`, in order of time. */
interface Stretch {
  readonly key: string;
  readonly parts: readonly Part[];
  readonly partOf: Uint32Array;
  readonly rowOf: Uint32Array;
  /** Where the stretch ends. */
  readonly to: number;
  /** The first row not given out yet. */
  at: number;
}

/** Scans one open file; keeps what the next piece of the same span needs. */
export class Scanner {
  readonly #file: StoreFile;
  /** What is left of stretches, by what was asked and where the rest begins. */
  readonly #left = new Map<string, Stretch>();

  constructor(file: StoreFile) {
    this.#file = file;
  }

  /** The first piece of a span; `pause` is awaited between series. */
  async scan(span: AskedSpan, pause: Pause): Promise<Piece> {
    const key = JSON.stringify([span.measurement, span.fields, span.where, span.to]);
    const left = this.#left.get(`${span.from} ${key}`);
    this.#left.delete(`${span.from} ${key}`);
    if (left !== undefined) return this.#give(left, span);
    const tier = tierOf(span.measurement);
    for (const partition of this.#file.partitions()) {
      if (partition.tier !== tier) continue;
      let from = Math.max(partition.start, span.from);
      const end = Math.min(partition.end, span.to);
      while (from < end) {
        const to = this.#stretchEnd({ from, to: end }, partition, span);
        const stretch = await this.#gather({ key, partition, span, from, to }, pause);
        if (stretch.partOf.length > 0) return this.#give(stretch, span);
        from = to;
      }
    }
    return { rows: new RowGatherer(span.measurement, 0).rows(), next: undefined };
  }

  /** Where a stretch ends that holds about as many rows as it may. */
  #stretchEnd({ from, to }: Span, { name }: Partition, asked: AskedSpan): number {
    let rows = 0;
    for (const { id } of seriesWith(this.#file, asked)) {
      for (const group of groupsOf(this.#file, { partition: name, series: id }, { from, to })) {
        const length = group.last - group.from + 1;
        const within = Math.min(to, group.last + 1) - Math.max(from, group.from);
        rows += (group.rows * within) / length;
      }
    }
    if (rows <= stretchRows) return to;
    return Math.min(to, from + Math.max(1, Math.floor(((to - from) * stretchRows) / rows)));
  }

  async #gather(
    what: {
      readonly key: string;
      readonly partition: Partition;
      readonly span: AskedSpan;
      readonly from: number;
      readonly to: number;
    },
    pause: Pause,
  ): Promise<Stretch> {
    const { key, from, to } = what;
    const parts: Part[] = [];
    let looked = 0;
    for (const series of seriesWith(this.#file, what.span)) {
      const fields = fieldsOf(series, what.span.fields);
      const ids = new Set(fields.map(([id]) => id));
      const at = { partition: what.partition.name, series: series.id };
      for (const group of groupsOf(this.#file, at, { from, to })) {
        const how = { ...at, span: { from, to }, wanted: (id: number) => ids.has(id) };
        parts.push({ series, fields, block: blockOf(this.#file, group, how) });
      }
      looked += 1;
      if (looked % seriesAtOnce === 0) await pause();
    }
    return { key, parts, ...inOrder(parts), to, at: 0 };
  }

  /** The next piece of a stretch that has rows. */
  #give(stretch: Stretch, span: AskedSpan): Piece {
    const { parts, partOf, rowOf, at } = stretch;
    const end = endOfPiece(stretch);
    const gatherer = new RowGatherer(span.measurement, end - at);
    const takers = new Map<number, TakeRow>();
    for (let i = at; i < end; i += 1) {
      const place = partOf[i] ?? 0;
      const part = parts[place];
      if (part === undefined) continue;
      const take = takers.get(place) ?? takerOf(part, gatherer);
      takers.set(place, take);
      const row = rowOf[i] ?? 0;
      take(part.block.times[row] ?? 0, row);
    }
    stretch.at = end;
    const rows = gatherer.rows();
    if (end >= partOf.length) return { rows, next: stretch.to < span.to ? stretch.to : undefined };
    const next = timeAt(stretch, end);
    if (this.#left.size >= maxLeft) this.#left.clear();
    this.#left.set(`${next} ${stretch.key}`, stretch);
    return { rows, next };
  }
}

/** Where a piece ends: with the last row of a moment. */
function endOfPiece(stretch: Stretch): number {
  const { length } = stretch.partOf;
  let end = Math.min(length, stretch.at + pieceRows);
  const last = timeAt(stretch, end - 1);
  while (end < length && timeAt(stretch, end) === last) end += 1;
  return end;
}

function timeAt({ parts, partOf, rowOf }: Stretch, place: number): number {
  return parts[partOf[place] ?? 0]?.block.times[rowOf[place] ?? 0] ?? 0;
}

function takerOf({ series, block, fields }: Part, gatherer: RowGatherer): TakeRow {
  const columns = fields.flatMap(([id, name]) => {
    const column = block.columns.get(id);
    return column === undefined ? [] : [[name, column] as const];
  });
  return gatherer.from(series.tags, columns);
}

function fieldsOf(
  { fields }: Series,
  names: readonly string[] | undefined,
): (readonly [number, string])[] {
  const wanted = names === undefined ? undefined : new Set(names);
  return [...fields.values()]
    .filter(({ name }) => wanted?.has(name) !== false)
    .map(({ id, name }) => [id, name]);
}

/** The rows of all parts in order of time. */
function inOrder(parts: readonly Part[]): Pick<Stretch, "partOf" | "rowOf"> {
  const length = parts.reduce((sum, { block }) => sum + block.times.length, 0);
  const times = new Float64Array(length);
  const [part, row] = [new Uint32Array(length), new Uint32Array(length)];
  let at = 0;
  parts.forEach(({ block }, place) => {
    for (let i = 0; i < block.times.length; i += 1) {
      times[at] = block.times[i] ?? 0;
      part[at] = place;
      row[at] = i;
      at += 1;
    }
  });
  const order = Uint32Array.from({ length }, (_, i) => i).toSorted(
    (a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b,
  );
  return {
    partOf: order.map((place) => part[place] ?? 0),
    rowOf: order.map((place) => row[place] ?? 0),
  };
}
