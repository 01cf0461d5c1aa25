/**
 * A file of schema 1 into schema 2: each table of a day (a row a value) becomes chunks and goes, a
 * day a transaction, so that a crash costs one day's work and no row. Runs when the file is opened.
 */
import type { Warn } from "./bounds.ts";
import type { Field, Series } from "./catalog.ts";
import { StoreFile } from "./file.ts";
import { Generation } from "./head.ts";
import { sealRows } from "./seal.ts";
import type { Sql } from "./schema.ts";

/** Memory of rows that wait to be sealed. @unit bytes */
const maxBytes = 64 * 1024 ** 2;
/** Moments read at once. */
const momentsAtOnce = 200;

/** Turns what is left of schema 1 into chunks. */
export function migrate(sql: Sql, warn: Warn): void {
  const tables = sql
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'hot_[0-9]*'")
    .all()
    .map(({ name }) => String(name));
  if (tables.length === 0) return;
  const file = new StoreFile(sql);
  for (const [done, table] of tables.toSorted().entries()) {
    warn("store turns a day of an older version into its own form", {
      table,
      left: tables.length - done,
    });
    file.transaction(() => {
      moveDay(file, table);
      sql.exec(`DROP TABLE ${table}`);
    });
  }
}

function moveDay(file: StoreFile, table: string): void {
  const day = new OldDay(file);
  // Sealing makes tables, which no open statement would bear: rows are fetched in pieces.
  const moments = file.sql.prepare(
    `SELECT DISTINCT ts FROM ${table} WHERE ts > ? ORDER BY ts LIMIT ${momentsAtOnce}`,
  );
  const rows = file.sql.prepare(
    `SELECT ts, fid, v FROM ${table} WHERE ts > ? AND ts <= ? ORDER BY ts`,
  );
  for (let after = -1; ;) {
    const last = moments.all(after).at(-1)?.["ts"];
    if (last === undefined) break;
    for (const { ts, fid, v } of rows.all(after, last)) day.add(Number(ts), Number(fid), v);
    after = Number(last);
    day.endMoment();
    if (day.bytes > maxBytes) day.seal();
  }
  day.seal();
}

/** The values of one series at one moment. */
interface OldRow {
  readonly series: Series;
  readonly fields: Field[];
  readonly values: number[];
  readonly texts: string[];
}

/** Gathers the values of a day into rows. */
class OldDay {
  readonly #file: StoreFile;
  readonly #fields = new Map<number, { series: Series; field: Field }>();
  #rows = new Generation();
  #moment = new Map<number, OldRow>();
  #time = -1;

  constructor(file: StoreFile) {
    this.#file = file;
    const found = file.sql.prepare("SELECT id, series_id, name FROM field").all();
    for (const { id, series_id, name } of found) {
      const series = file.catalog.seriesOf(Number(series_id));
      const field = series?.fields.get(String(name));
      if (series !== undefined && field !== undefined) {
        this.#fields.set(Number(id), { series, field });
      }
    }
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  add(time: number, fieldId: number, value: unknown): void {
    const known = this.#fields.get(fieldId);
    if (known === undefined) return;
    if (time !== this.#time) this.endMoment();
    this.#time = time;
    const { series, field } = known;
    let row = this.#moment.get(series.id);
    if (row === undefined) {
      row = { series, fields: [], values: [], texts: [] };
      this.#moment.set(series.id, row);
    }
    row.fields.push(field);
    if (typeof value === "string") {
      row.values.push(row.texts.length);
      row.texts.push(value.slice(1));
    } else row.values.push(Number(value));
  }

  endMoment(): void {
    for (const { series, fields, values, texts } of this.#moment.values()) {
      const row = { values: Float64Array.from(values), texts, start: 0 };
      this.#rows.bytes += this.#rows.add(series, this.#time).append(this.#time, fields, row);
    }
    this.#moment = new Map();
  }

  seal(): void {
    for (const rows of this.#rows.buffers()) sealRows(this.#file, rows);
    this.#rows = new Generation();
  }
}
