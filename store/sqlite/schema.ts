/**
 * The tables of the embedded store and the sentences that keep and refuse them.
 *
 *   series(id, measurement, tags as JSON, key = line protocol, unique)
 *   field(id, series_id, name, seen = last day that holds a value)
 *   kind(measurement, name, text): one type for ever per field of a measurement
 *   hot_YYYYMMDD(ts, fid, v): one table a UTC day, so that dropping a day is dropping a table
 *
 * Rows stand in order of time: appending is then ten times faster than in order of series, and a
 * query reads the span it asks for. `v` is REAL, which SQLite stores as a short whole number when
 * it is one; a text stands behind an apostrophe, so that REAL never turns "12" into a number.
 */

import { GatewayError } from "../../telemetry/index.ts";

/** What this file needs of a database; `worker.ts` holds the real one. */
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
const schemaVersion = 1;

export const dayMs = 86_400_000;

/**
 * Prepares an open database: settings of the connection, and the tables when the file is new.
 * WAL with FULL: a commit is on disk when it returns.
 * @throws E_STORE_CONFIG
 */
export function prepareSchema(sql: Sql, path: string): void {
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
  sql.exec("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000");
  if (tables === 0) {
    sql.exec("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL");
  }
  sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  if (tables === 0) createTables(sql);
  sql.exec(
    "CREATE TEMP TABLE wanted(fid INTEGER PRIMARY KEY, slot INTEGER NOT NULL, quality INTEGER)",
  );
}

function createTables(sql: Sql): void {
  sql.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE series(
      id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL,
      key TEXT NOT NULL UNIQUE);
    CREATE INDEX series_measurement ON series(measurement);
    CREATE TABLE field(
      id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL, name TEXT NOT NULL,
      seen INTEGER NOT NULL, UNIQUE(series_id, name));
    CREATE TABLE kind(
      measurement TEXT NOT NULL, name TEXT NOT NULL, text INTEGER NOT NULL,
      PRIMARY KEY(measurement, name)) WITHOUT ROWID;
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    COMMIT;`);
}

/** The table of a day. @param day whole days since 1970-01-01 UTC */
export function dayTable(day: number): string {
  const date = new Date(day * dayMs).toISOString().slice(0, 10);
  return `hot_${date.replaceAll("-", "")}`;
}

export function hasDay(sql: Sql, day: number): boolean {
  const found = sql.prepare("SELECT 1 FROM sqlite_master WHERE name = ?");
  return found.get(dayTable(day)) !== undefined;
}

/** Days that have a table, in order. */
export function daysOf(sql: Sql): number[] {
  const rows = sql
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'hot_[0-9]*'")
    .all();
  const days = rows.map(({ name }) => {
    const [, year, month, date] = /^hot_(\d{4})(\d\d)(\d\d)$/.exec(String(name)) ?? [];
    return Date.UTC(Number(year), Number(month) - 1, Number(date)) / dayMs;
  });
  return days.filter((day) => Number.isInteger(day)).toSorted((a, b) => a - b);
}

export function createDay(sql: Sql, day: number): void {
  sql.exec(
    `CREATE TABLE IF NOT EXISTS ${dayTable(day)}(
      ts INTEGER NOT NULL, fid INTEGER NOT NULL, v REAL NOT NULL, PRIMARY KEY(ts, fid)
    ) WITHOUT ROWID`,
  );
}

/** Pages given back to the file system after a day was dropped; keeps the pause short. */
const vacuumPages = 2000;

/** Drops a day, and with it the fields and series that have no value on any later day. */
export function dropDay(sql: Sql, day: number): void {
  sql.exec(`
    DROP TABLE IF EXISTS ${dayTable(day)};
    DELETE FROM field WHERE seen <= ${day};
    DELETE FROM series WHERE id NOT IN (SELECT series_id FROM field);`);
}

export function giveBackSpace(sql: Sql): void {
  sql.prepare(`PRAGMA incremental_vacuum(${vacuumPages})`).all();
}

/** Space that rows take: the file without its free pages. @unit bytes */
export function usedBytes(sql: Sql): number {
  const pages = numberOf(sql, "PRAGMA page_count") - numberOf(sql, "PRAGMA freelist_count");
  return pages * numberOf(sql, "PRAGMA page_size");
}

/** The first column of the only row. */
export function numberOf(sql: Sql, query: string): number {
  const [value] = Object.values(sql.prepare(query).get() ?? {});
  return Number(value ?? 0);
}
