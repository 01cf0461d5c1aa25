/**
 * The chunks of the file: which partitions there are, and the heads and bodies in them.
 *
 * Limits: statements of 32 partitions are kept prepared.
 */
import type { ChunkHead, SealedChunk } from "./chunk.ts";
import { readChunk, readHead } from "./chunk.ts";
import type { Block } from "./block.ts";
import { damaged } from "./bytes.ts";
import type { Partition } from "./partition.ts";
import { partitionNamed } from "./partition.ts";
import type { Sql, SqlValue, Statement } from "./schema.ts";

const maxPrepared = 32;

/** A chunk without its body. */
export interface ChunkEntry {
  readonly id: number;
  readonly series: number;
  readonly from: number;
  /** Time of the last row. */
  readonly last: number;
  readonly rows: number;
  readonly head: ChunkHead;
}

/** What the file says of a partition. */
export interface PartitionEntry {
  readonly partition: Partition;
  /** When its chunks are to be joined; undefined: they are. @unit ms since 1970-01-01 UTC */
  readonly settleAt: number | undefined;
  /** Chunks that came after it was settled. */
  readonly late: number;
}

/** All chunks of one open file. */
export class Chunks {
  readonly #sql: Sql;
  readonly #prepared = new Map<string, Prepared>();
  #entries: Map<string, PartitionEntry> | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Partitions that have chunks, by name. */
  get entries(): ReadonlyMap<string, PartitionEntry> {
    this.#entries ??= entriesOf(this.#sql);
    return this.#entries;
  }

  /** What is known may be outdated: after a rollback, or a change by another process. */
  stale(): void {
    this.#entries = undefined;
    this.#prepared.clear();
  }

  /** Adds the tables of a partition when they are not there. */
  addPartition(partition: Partition, settleAt: number): PartitionEntry {
    const known = this.entries.get(partition.name);
    if (known !== undefined) return known;
    const { name } = partition;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS ${name}(
        sid INTEGER NOT NULL, first INTEGER NOT NULL, id INTEGER NOT NULL, last INTEGER NOT NULL,
        rows INTEGER NOT NULL, head BLOB NOT NULL, PRIMARY KEY(sid, first, id)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS ${name}_body(id INTEGER PRIMARY KEY, data BLOB NOT NULL)`);
    const entry = { partition, settleAt, late: 0 };
    this.note(entry);
    return entry;
  }

  /** Writes down what is known of a partition. */
  note(entry: PartitionEntry): void {
    const { partition, settleAt, late } = entry;
    this.#sql
      .prepare("INSERT OR REPLACE INTO partition(name, settle_at, late) VALUES (?, ?, ?)")
      .run(partition.name, settleAt ?? null, late);
    // A new partition makes a new list of them; `StoreFile.partitions` tells by that.
    const known = this.entries.has(partition.name);
    this.#entries = known ? this.#entries : new Map(this.entries);
    this.#entries?.set(partition.name, entry);
  }

  drop({ name }: Partition): void {
    this.#prepared.clear();
    this.#sql.exec(`DROP TABLE IF EXISTS ${name}; DROP TABLE IF EXISTS ${name}_body`);
    this.#sql.prepare("DELETE FROM partition WHERE name = ?").run(name);
    this.#entries = undefined;
  }

  add({ name }: Partition, series: number, chunk: SealedChunk): void {
    const { addHead, addBody } = this.#statements(name);
    const id = addBody.get(chunk.body)?.["id"] ?? 0;
    addHead.run(series, chunk.from, id, chunk.last, chunk.rows, chunk.head);
  }

  remove({ name }: Partition, { series, from, id }: ChunkEntry): void {
    const { removeHead, removeBody } = this.#statements(name);
    removeHead.run(series, from, id);
    removeBody.run(id);
  }

  /** The chunks of a series that have rows in a span, in order of time. @param to not included */
  of(name: string, series: number, { from, to }: { from: number; to: number }): ChunkEntry[] {
    if (!this.entries.has(name)) return [];
    return this.#statements(name)
      .list.all(series, from, to)
      .map((row) => ({
        id: Number(row["id"]),
        series,
        from: Number(row["first"]),
        last: Number(row["last"]),
        rows: Number(row["rows"]),
        head: readHead(bytesOf(row["head"])),
      }));
  }

  /** Ids of the series that have chunks, after one, in order. */
  seriesAfter(name: string, after: number, limit: number): number[] {
    if (!this.entries.has(name)) return [];
    return this.#statements(name)
      .series.all(after, limit)
      .map(({ sid }) => Number(sid));
  }

  /** The rows of a chunk; fields that are not wanted are left out. @throws E_STORE_CONFIG */
  read(name: string, { id, rows, head }: ChunkEntry, wanted: (field: number) => boolean): Block {
    const body = bytesOf(this.#statements(name).body.get(id)?.["data"]);
    return readChunk({ head, body, rows }, wanted);
  }

  #statements(name: string): Prepared {
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    if (this.#prepared.size >= maxPrepared) this.#prepared.clear();
    const made = prepare(this.#sql, name);
    this.#prepared.set(name, made);
    return made;
  }
}

function entriesOf(sql: Sql): Map<string, PartitionEntry> {
  const rows = sql.prepare("SELECT name, settle_at, late FROM partition").all();
  const entries = rows.flatMap((row): PartitionEntry[] => {
    const partition = partitionNamed(String(row["name"]));
    if (partition === undefined) return [];
    const settleAt = row["settle_at"];
    const at = typeof settleAt === "number" ? settleAt : undefined;
    return [{ partition, settleAt: at, late: Number(row["late"]) }];
  });
  return new Map(entries.map((entry) => [entry.partition.name, entry]));
}

function bytesOf(value: SqlValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw damaged("a chunk has no bytes");
}

interface Prepared {
  readonly list: Statement;
  readonly series: Statement;
  readonly body: Statement;
  readonly addHead: Statement;
  readonly addBody: Statement;
  readonly removeHead: Statement;
  readonly removeBody: Statement;
}

function prepare(sql: Sql, name: string): Prepared {
  return {
    list: sql.prepare(
      `SELECT first, id, last, rows, head FROM ${name}
       WHERE sid = ? AND last >= ? AND first < ? ORDER BY first, id`,
    ),
    series: sql.prepare(`SELECT DISTINCT sid FROM ${name} WHERE sid > ? ORDER BY sid LIMIT ?`),
    body: sql.prepare(`SELECT data FROM ${name}_body WHERE id = ?`),
    addHead: sql.prepare(
      `INSERT INTO ${name}(sid, first, id, last, rows, head) VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    addBody: sql.prepare(`INSERT INTO ${name}_body(data) VALUES (?) RETURNING id`),
    removeHead: sql.prepare(`DELETE FROM ${name} WHERE sid = ? AND first = ? AND id = ?`),
    removeBody: sql.prepare(`DELETE FROM ${name}_body WHERE id = ?`),
  };
}
