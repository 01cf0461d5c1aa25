/**
 * One open file: its names, its chunks, and the head, which is what the log holds. Other processes
 * may write to the same file; before each answer and in each transaction the head is brought up to
 * the log, and made anew when records left it.
 */
import { damaged } from "./bytes.ts";
import type { Field, Series } from "./catalog.ts";
import { Catalog } from "./catalog.ts";
import { Chunks } from "./chunks.ts";
import { Head } from "./head.ts";
import type { LogRecord } from "./log.ts";
import { decodeRecord } from "./log.ts";
import type { Partition } from "./partition.ts";
import { partitionAt, partitionNamed } from "./partition.ts";
import type { Sql, Statement } from "./schema.ts";
import { numberOf, rollBack } from "./schema.ts";

/** Records of the log read at once, so that memory holds few of them. */
const recordsAtOnce = 50;

/** Lines of one series with the same fields. */
export interface Target {
  readonly series: Series;
  readonly fields: readonly Field[];
}

/** A line of a record: where it belongs, or how many values of it are void. */
type RecordLine = Target | number;

/** The file and what is in memory of it. */
export class StoreFile {
  readonly sql: Sql;
  readonly catalog: Catalog;
  readonly chunks: Chunks;
  head = new Head();
  readonly #dataVersion: Statement;
  readonly #records: Statement;
  /** What `partitions` found last, and what it looked at. */
  #partitions:
    | {
        readonly entries: Chunks["entries"];
        readonly head: Head;
        readonly sizes: string;
        readonly list: readonly Partition[];
      }
    | undefined;
  #seenVersion = -1;
  #epoch = 0;
  /** Epochs begun in the transaction. */
  #begun = 0;

  constructor(sql: Sql) {
    this.sql = sql;
    this.catalog = new Catalog(sql);
    this.chunks = new Chunks(sql);
    this.#dataVersion = sql.prepare("PRAGMA data_version");
    this.#records = sql.prepare("SELECT id, at, data FROM log WHERE id > ? ORDER BY id LIMIT ?");
  }

  /** Brings the head up to the log when another process wrote. */
  refresh(): void {
    if (this.#version() === this.#seenVersion) return;
    this.sql.exec("BEGIN");
    try {
      this.#catchUp();
    } finally {
      rollBack(this.sql);
    }
  }

  /** Runs in a transaction; when it throws, nothing of it was done. */
  transaction<T>(run: () => T): T {
    this.sql.exec("BEGIN IMMEDIATE");
    try {
      this.#catchUp();
      const result = run();
      this.sql.exec("COMMIT");
      this.catalog.keep();
      this.#epoch += this.#begun;
      this.#begun = 0;
      return result;
    } catch (error) {
      rollBack(this.sql);
      this.#begun = 0;
      this.catalog.takeBack();
      this.chunks.stale();
      throw error;
    }
  }

  /** In a transaction: what others have in memory of the head holds no more. */
  newEpoch(): void {
    this.#begun += 1;
    this.sql.exec("UPDATE state SET value = value + 1 WHERE key = 'epoch'");
  }

  /** In a transaction: the partition and all that the log holds of it is gone. */
  dropPartition(partition: Partition): void {
    this.chunks.drop(partition);
    this.sql
      .prepare("INSERT OR REPLACE INTO dropped(name, log_id) VALUES (?, ?)")
      .run(partition.name, this.head.young.lastLog);
    this.newEpoch();
  }

  /** All partitions that hold rows, in order of time. */
  partitions(): readonly Partition[] {
    const { entries } = this.chunks;
    const { old, young } = this.head;
    const sizes = `${old?.partitions.size ?? 0} ${young.partitions.size}`;
    const known = this.#partitions;
    if (known?.entries === entries && known.head === this.head && known.sizes === sizes) {
      return known.list;
    }
    const names = new Set([...entries.keys(), ...this.head.partitionNames()]);
    const list = [...names]
      .flatMap((name) => partitionNamed(name) ?? [])
      .toSorted((a, b) => a.start - b.start || a.end - b.end);
    this.#partitions = { entries, head: this.head, sizes, list };
    return list;
  }

  #version(): number {
    return Number(this.#dataVersion.get()?.["data_version"]);
  }

  #catchUp(): void {
    const version = this.#version();
    if (version === this.#seenVersion) return;
    const epoch = numberOf(this.sql, "SELECT value FROM state WHERE key = 'epoch'");
    this.chunks.stale();
    this.catalog.stale();
    if (epoch !== this.#epoch) {
      this.head = new Head();
      this.catalog.forget();
    }
    this.#replay();
    this.#epoch = epoch;
    this.#seenVersion = version;
  }

  #replay(): void {
    const rows = this.sql.prepare("SELECT name, log_id FROM dropped").all();
    const dropped = new Map(rows.map(({ name, log_id }) => [String(name), Number(log_id)]));
    const known = new Map<number, RecordLine>();
    for (;;) {
      const records = this.#records.all(this.head.young.lastLog, recordsAtOnce);
      for (const row of records) {
        const [id, at, data] = [Number(row["id"]), Number(row["at"]), row["data"]];
        if (!(data instanceof Uint8Array)) throw damaged("a record of the log has no bytes");
        const record = decodeRecord(data);
        const lines = Array.from(record.series, (series, i): RecordLine => {
          const line = this.#lineOf(known, series, record.shapes[i] ?? 0);
          if (typeof line === "number" || dropped.size === 0) return line;
          const { name } = partitionAt(line.series.tier, record.times[i] ?? 0);
          return id <= (dropped.get(name) ?? 0) ? line.fields.length : line;
        });
        this.apply({ id, at }, record, lines);
      }
      if (records.length < recordsAtOnce) return;
    }
  }

  /** Takes the lines of a record into the head. */
  apply(
    { id, at }: { readonly id: number; readonly at: number },
    { times, values, texts }: LogRecord,
    lines: readonly RecordLine[],
  ): void {
    const { young } = this.head;
    const row = { fields: noFields, values, texts, start: 0 };
    for (let i = 0; i < times.length; i += 1) {
      const line = lines[i] ?? 0;
      if (typeof line === "number") {
        row.start += line;
        continue;
      }
      row.fields = line.fields;
      this.head.add(line.series, times[i] ?? 0, row);
      row.start += line.fields.length;
    }
    young.lastLog = id;
    young.since ??= at;
  }

  /** A series or field that is not there went with the partition of its rows: they are void. */
  #lineOf(known: Map<number, RecordLine>, seriesId: number, shapeId: number): RecordLine {
    // Ids of shapes are far below 2^21, those of series below 2^32.
    const key = seriesId * 2 ** 21 + shapeId;
    const found = known.get(key);
    if (found !== undefined) return found;
    const shape = this.catalog.shapeOf(shapeId);
    if (shape === undefined) throw damaged("the log names fields that are not there");
    const series = this.catalog.seriesOf(seriesId);
    const fields = shape.names.flatMap((name) => {
      const field = series === undefined ? undefined : this.catalog.fieldOf(series, nameOf(name));
      return field ?? [];
    });
    const whole = series !== undefined && fields.length === shape.names.length;
    const line = whole ? { series, fields } : shape.names.length;
    known.set(key, line);
    return line;
  }
}

const noFields: readonly Field[] = [];

/** The name of a field in a shape, without the mark of a text. */
export function nameOf(name: string): string {
  return name.startsWith("'") ? name.slice(1) : name;
}
