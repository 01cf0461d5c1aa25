/**
 * The tables of the embedded store and the sentences that keep and refuse them, schema 2.
 *
 *   series(id, measurement, tags as JSON, key = line protocol, unique)
 *   field(id, series_id, name, seen = last UTC day known to hold a sealed value)
 *   kind(measurement, name, text): one type for ever per field of a measurement
 *   shape(id, names): which fields a line has, as JSON; log records name it by its id
 *   log(id, at, data): what was written and is not sealed yet, a record a write (`log.ts`)
 *   partition(name, settle_at, late): what holds chunks; when its chunks are to be joined
 *   dropped(name, log_id): records up to this one are void where they lie in this partition
 *   state(key, value): `epoch` grows when what others have of the head holds no more
 *
 * and for each partition P (`partition.ts`)
 *
 *   P(sid, first, id, last, rows, head): the heads of chunks (`chunk.ts`), a series' together
 *   P_body(id, data): their bodies; of two chunks with one row the higher id is right
 *
 * Schema 1 held a row a value in a table a day; `migrate.ts` turns it into this one.
 */
import { GatewayError } from "../../telemetry/index.ts";

/** What this room needs of a database; `worker.ts` holds the real one. */
export interface Sql {
  exec(sql: string): void;
  prepare(sql: string): Statement;
}

export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface Statement {
  run(...values: SqlValue[]): unknown;
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
  iterate(...values: SqlValue[]): Iterable<SqlRow>;
}

/** "RST1": tells our files from other SQLite files. */
const applicationId = 0x52_53_54_31;
export const schemaVersion = 2;

/** How long another process may hold the file. @unit ms */
export const busyTimeout = 5_000;

/**
 * Prepares an open database: settings of the connection, and the tables when the file is new or of
 * schema 1. WAL with FULL: a commit is on disk when it returns.
 * @throws E_STORE_CONFIG
 */
export function prepareSchema(sql: Sql, path: string): void {
  const version = numberOf(sql, "PRAGMA user_version");
  const tables = numberOf(sql, "SELECT count(*) FROM sqlite_master");
  refuseForeign(sql, path);
  sql.exec(`PRAGMA busy_timeout = ${busyTimeout}; PRAGMA temp_store = MEMORY`);
  sql.exec("PRAGMA cache_size = -16000");
  if (tables === 0) sql.exec("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL");
  sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  sql.exec("PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 33554432");
  if (tables === 0 || version < schemaVersion) createTables(sql);
}

/** @throws E_STORE_CONFIG */
export function refuseForeign(sql: Sql, path: string): void {
  const version = numberOf(sql, "PRAGMA user_version");
  const application = numberOf(sql, "PRAGMA application_id");
  const tables = numberOf(sql, "SELECT count(*) FROM sqlite_master");
  if (tables > 0 && application !== applicationId) {
    const sentence = "is a database of another program; give another path";
    throw new GatewayError("E_STORE_CONFIG", `${path} ${sentence}`);
  }
  if (version > schemaVersion) {
    throw new GatewayError(
      "E_STORE_CONFIG",
      `${path} was written by a newer rackstreet (schema ${version}, this one knows ` +
        `${schemaVersion}); run that version, or give another path`,
    );
  }
}

function createTables(sql: Sql): void {
  sql.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS series(
      id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL,
      key TEXT NOT NULL UNIQUE);
    CREATE INDEX IF NOT EXISTS series_measurement ON series(measurement);
    CREATE TABLE IF NOT EXISTS field(
      id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL, name TEXT NOT NULL,
      seen INTEGER NOT NULL, UNIQUE(series_id, name));
    CREATE TABLE IF NOT EXISTS kind(
      measurement TEXT NOT NULL, name TEXT NOT NULL, text INTEGER NOT NULL,
      PRIMARY KEY(measurement, name)) WITHOUT ROWID;
    CREATE TABLE shape(id INTEGER PRIMARY KEY AUTOINCREMENT, names TEXT NOT NULL UNIQUE);
    CREATE TABLE log(
      id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE TABLE partition(
      name TEXT PRIMARY KEY, settle_at INTEGER, late INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE dropped(name TEXT PRIMARY KEY, log_id INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO state VALUES ('epoch', 1);
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    COMMIT;`);
}

/** Tells the space that rows take: the file without its free pages. @unit bytes */
export function usedBytesOf(sql: Sql): () => number {
  const pages = sql.prepare("PRAGMA page_count");
  const free = sql.prepare("PRAGMA freelist_count");
  const pageSize = numberOf(sql, "PRAGMA page_size");
  return () => {
    const all = Number(pages.get()?.["page_count"]);
    return (all - Number(free.get()?.["freelist_count"])) * pageSize;
  };
}

export function freePages(sql: Sql): number {
  return numberOf(sql, "PRAGMA freelist_count");
}

/** The first column of the only row. */
export function numberOf(sql: Sql, query: string): number {
  const [value] = Object.values(sql.prepare(query).get() ?? {});
  return Number(value ?? 0);
}

/** SQLite may have rolled back by itself (disk full); a second time is an error we expect. */
export function rollBack(sql: Sql): void {
  try {
    sql.exec("ROLLBACK");
  } catch {
    // No transaction is open any more.
  }
}
