/**
 * The head: rows that are in the log and not in chunks yet, in memory, by partition and series. It
 * has two generations: the younger takes what is written, the older is being sealed.
 *
 * Limits: a generation is closed at `headBytes` (`upkeep.ts`); numbers take eight bytes.
 */
import type { Block, Column } from "./block.ts";
import { emptyColumn, sortedBlock } from "./block.ts";
import type { Field, Series } from "./catalog.ts";
import type { Partition } from "./partition.ts";
import { partitionAt } from "./partition.ts";

const firstRoom = 8;
/** What a text is taken to need in memory. @unit bytes */
const textBytes = 64;

/** What the rows of a series take in memory besides their values. @unit bytes */
const seriesBytes = 600;

/** The rows of one series in one partition. */
export class HeadRows {
  readonly series: Series;
  readonly partition: Partition;
  #rows = 0;
  #times = new Float64Array(firstRoom);
  /** By slot of the field. */
  #columns: (Column | undefined)[] = [];
  #block: Block | undefined;

  constructor(series: Series, partition: Partition) {
    this.series = series;
    this.partition = partition;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Appends a row; returns how many bytes of memory it took. */
  append(time: number, fields: readonly Field[], row: RowValues): number {
    let grown = this.#rows === this.#times.length ? this.#grow() : 0;
    const at = this.#rows;
    this.#times[at] = time;
    this.#rows += 1;
    this.#block = undefined;
    const { values, texts } = row;
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i];
      if (field === undefined) continue;
      let column = this.#columns[field.slot];
      if (column === undefined) {
        column = emptyColumn(field.text, this.#times.length);
        this.#columns[field.slot] = column;
        grown += this.#times.length * 8;
      }
      const value = values[row.start + i] ?? Number.NaN;
      if (column instanceof Float64Array) column[at] = value;
      else {
        column[at] = texts[value] ?? "";
        grown += textBytes;
      }
    }
    return grown;
  }

  /** The rows in order; of two with one time the later value of a field stays. */
  block(): Block {
    if (this.#block !== undefined) return this.#block;
    const rows = this.#rows;
    const columns = new Map<number, Column>();
    this.#columns.forEach((column, slot) => {
      const field = this.series.slots[slot];
      if (column === undefined || field === undefined) return;
      const part =
        column instanceof Float64Array ? column.subarray(0, rows) : column.slice(0, rows);
      columns.set(field.id, part);
    });
    this.#block = sortedBlock({ times: this.#times.subarray(0, rows), columns });
    return this.#block;
  }

  #grow(): number {
    const room = this.#times.length * 2;
    const times = new Float64Array(room);
    times.set(this.#times);
    this.#times = times;
    let bytes = room * 4;
    this.#columns = this.#columns.map((column) => {
      if (!(column instanceof Float64Array)) return column;
      const grown = new Float64Array(room).fill(Number.NaN, column.length);
      grown.set(column);
      bytes += room * 4;
      return grown;
    });
    return bytes;
  }
}

/** Where the values of a row begin; the value of a text is its place in `texts`. */
export interface RowValues {
  readonly values: Float64Array;
  readonly texts: readonly string[];
  start: number;
}

/** Rows between two moments of writing. */
export class Generation {
  /** By name of the partition, then by id of the series. */
  readonly partitions = new Map<string, Map<number, HeadRows>>();
  bytes = 0;
  /** Last record of the log that is in it. */
  lastLog = 0;
  /** Others know that it is being sealed, and have no older generation of their own. */
  announced = false;
  /** When the oldest record was written. @unit ms since 1970-01-01 UTC */
  since: number | undefined;

  get empty(): boolean {
    return this.partitions.size === 0;
  }

  add(series: Series, time: number): HeadRows {
    const partition = partitionAt(series.tier, time);
    let buffers = this.partitions.get(partition.name);
    if (buffers === undefined) {
      buffers = new Map();
      this.partitions.set(partition.name, buffers);
    }
    let buffer = buffers.get(series.id);
    if (buffer === undefined) {
      buffer = new HeadRows(series, partition);
      this.bytes += seriesBytes;
      buffers.set(series.id, buffer);
    }
    return buffer;
  }

  remove({ partition: { name }, series: { id } }: HeadRows): void {
    const buffers = this.partitions.get(name);
    buffers?.delete(id);
    if (buffers?.size === 0) this.partitions.delete(name);
  }

  *buffers(): Generator<HeadRows> {
    for (const buffers of this.partitions.values()) yield* buffers.values();
  }
}

/** Both generations. */
export class Head {
  young = new Generation();
  /** What is being sealed. */
  old: Generation | undefined;

  /** Adds one row of the log. */
  add(series: Series, time: number, row: { readonly fields: readonly Field[] } & RowValues): void {
    this.young.bytes += this.young.add(series, time).append(time, row.fields, row);
  }

  /** The younger generation becomes the older one; the caller saw that there is none. */
  close(): Generation {
    const closed = this.young;
    this.old = closed;
    this.young = new Generation();
    this.young.lastLog = closed.lastLog;
    return closed;
  }

  /** What is held of a series in a partition, older first. */
  blocksOf(partition: string, series: number): Block[] {
    return [this.old, this.young].flatMap(
      (generation) => generation?.partitions.get(partition)?.get(series)?.block() ?? [],
    );
  }

  partitionNames(): Set<string> {
    return new Set([...(this.old?.partitions.keys() ?? []), ...this.young.partitions.keys()]);
  }

  /** Forgets a partition that was dropped. */
  drop(partition: string): void {
    this.old?.partitions.delete(partition);
    this.young.partitions.delete(partition);
  }
}
