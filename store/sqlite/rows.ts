/**
 * Writes the lines of a message in one transaction, and keeps the file within its bounds: days
 * older than `retention` and, past `maxSize`, the oldest day are dropped and counted.
 */
import { invariant } from "../../telemetry/index.ts";
import type { Rejected } from "../contract.ts";
import type { NewField, OpenRequest, Reply, WriteRequest } from "./messages.ts";
import type { Sql, Statement } from "./schema.ts";
import { createDay, dayMs, dayTable, daysOf, dropDay, giveBackSpace, usedBytes } from "./schema.ts";

/** Days with a table; clocks that err over centuries must not fill the file with tables. */
const maxDays = 4_000;
/** Day tables whose insert statement is kept. */
const maxStatements = 32;

export type Warn = (event: string, fields: Record<string, string | number>) => void;

interface Handle {
  readonly definition: NewField;
  /** 0 until the field's row is known. */
  fid: number;
  /** Last day noted in `field.seen`. */
  seen: number;
}

/** The writing side of one open file. */
export class Rows {
  readonly #sql: Sql;
  readonly #limits: OpenRequest;
  readonly #warn: Warn;
  readonly #statements: Statements;
  /** By handle; slot 0 is never used. */
  #handles: (Handle | undefined)[] = [];
  #epoch = 0;
  #stale = 0;
  #days: number[];
  #inserts = new Map<number, Statement>();
  droppedDays = 0;

  constructor(sql: Sql, limits: OpenRequest, warn: Warn) {
    this.#sql = sql;
    this.#limits = limits;
    this.#warn = warn;
    this.#statements = statementsOf(sql);
    this.#days = daysOf(sql);
  }

  /** Writes a message; when it returns, all but the rejected lines are durable. */
  write(request: WriteRequest): Reply {
    if (request.epoch <= this.#stale) return { kind: "again" };
    this.#learn(request);
    this.#keepBounds(request.now);
    if (request.epoch <= this.#stale) return { kind: "again" };
    this.#sql.exec("BEGIN IMMEDIATE");
    try {
      const rejected = this.#insertAll(request);
      this.#sql.exec("COMMIT");
      return { kind: "written", rejected };
    } catch (error) {
      // What was learned in the transaction is gone with it.
      this.#forget();
      this.#days = [];
      rollBack(this.#sql);
      this.#days = daysOf(this.#sql);
      throw error;
    }
  }

  #learn({ epoch, fresh }: WriteRequest): void {
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      this.#handles = [];
    }
    for (const definition of fresh) {
      this.#handles[definition.handle] = { definition, fid: 0, seen: -1 };
    }
  }

  /** Every handle of this epoch must be spelled out again. */
  #forget(): void {
    this.#stale = this.#epoch;
    this.#handles = [];
    this.#inserts.clear();
  }

  #insertAll(request: WriteRequest): Rejected[] {
    const { times, ends } = request;
    const oldest = this.#oldestTime(request.now);
    const rejected: Rejected[] = [];
    let start = 0;
    for (let line = 0; line < times.length; line += 1) {
      const end = ends[line] ?? start;
      const time = times[line] ?? 0;
      const problem =
        time < oldest ? "older than the store's retention" : this.#conflict(request, start, end);
      if (problem === undefined) this.#insert(request, time, [start, end]);
      else rejected.push({ index: line, reason: problem });
      start = end;
    }
    return rejected;
  }

  /** The first field whose type differs from what it always was. */
  #conflict({ handles }: WriteRequest, start: number, end: number): string | undefined {
    for (let i = start; i < end; i += 1) {
      const handle = this.#handleAt(handles, i);
      if (handle.fid > 0) continue;
      const { measurement, field, text } = handle.definition;
      const known = this.#statements.kind.get(measurement, field);
      if (known !== undefined && known["text"] !== Number(text)) {
        return `field type conflict: ${field} of ${measurement} is a ${text ? "number" : "text"}`;
      }
    }
    return undefined;
  }

  #insert(request: WriteRequest, time: number, [start, end]: readonly [number, number]): void {
    const day = Math.floor(time / dayMs);
    const statement = this.#insertInto(day);
    for (let i = start; i < end; i += 1) {
      const handle = this.#handleAt(request.handles, i);
      if (handle.fid === 0) this.#resolve(handle);
      if (day > handle.seen) {
        this.#statements.see.run(day, handle.fid, day);
        handle.seen = day;
      }
      const value = request.values[i] ?? 0;
      const stored = handle.definition.text ? `'${request.texts[value] ?? ""}` : value;
      statement.run(time, handle.fid, stored);
    }
  }

  #handleAt(handles: Uint32Array, i: number): Handle {
    const handle = this.#handles[handles[i] ?? 0];
    invariant(handle !== undefined, "a handle was used before it was spelled out");
    return handle;
  }

  #resolve(handle: Handle): void {
    const { series, measurement, tags, field, text } = handle.definition;
    this.#statements.addKind.run(measurement, field, Number(text));
    this.#statements.addSeries.run(measurement, JSON.stringify(tags), series);
    const seriesId = this.#statements.series.get(series)?.["id"] ?? null;
    this.#statements.addField.run(seriesId, field);
    const row = this.#statements.field.get(seriesId, field);
    handle.fid = Number(row?.["id"]);
    handle.seen = Number(row?.["seen"]);
  }

  #insertInto(day: number): Statement {
    const known = this.#inserts.get(day);
    if (known !== undefined) return known;
    if (!this.#days.includes(day)) {
      createDay(this.#sql, day);
      this.#days = [...this.#days, day].toSorted((a, b) => a - b);
    }
    if (this.#inserts.size >= maxStatements) this.#inserts.clear();
    const made = this.#sql.prepare(
      `INSERT INTO ${dayTable(day)}(ts, fid, v) VALUES (?, ?, ?)
       ON CONFLICT(ts, fid) DO UPDATE SET v = excluded.v`,
    );
    this.#inserts.set(day, made);
    return made;
  }

  /**
   * Start of the oldest day that is kept. Age is counted from the newest day stored when the
   * clock is past it, so that a clock that jumps ahead drops nothing.
   */
  #oldestTime(now: number): number {
    const newest = this.#days.at(-1);
    const reference = newest === undefined ? now : Math.min(now, (newest + 1) * dayMs);
    return Math.floor((reference - this.#limits.retention) / dayMs) * dayMs;
  }

  #keepBounds(now: number): void {
    const oldest = this.#oldestTime(now) / dayMs;
    for (;;) {
      const [day] = this.#days;
      if (day === undefined) return;
      if (day < oldest) this.#drop(day, "retention");
      else if (this.#days.length > maxDays) this.#drop(day, "days");
      else if (usedBytes(this.#sql) > this.#limits.maxSize) this.#drop(day, "size");
      else return;
    }
  }

  #drop(day: number, reason: "retention" | "size" | "days"): void {
    this.#forget();
    this.#sql.exec("BEGIN IMMEDIATE");
    try {
      dropDay(this.#sql, day);
      this.#sql.exec("COMMIT");
    } catch (error) {
      rollBack(this.#sql);
      throw error;
    }
    giveBackSpace(this.#sql);
    this.#days = this.#days.filter((other) => other !== day);
    this.droppedDays += 1;
    const date = new Date(day * dayMs).toISOString().slice(0, 10);
    this.#warn("store dropped its oldest day", { day: date, reason, dropped: this.droppedDays });
  }
}

interface Statements {
  readonly kind: Statement;
  readonly addKind: Statement;
  readonly series: Statement;
  readonly addSeries: Statement;
  readonly field: Statement;
  readonly addField: Statement;
  readonly see: Statement;
}

function statementsOf(sql: Sql): Statements {
  return {
    kind: sql.prepare("SELECT text FROM kind WHERE measurement = ? AND name = ?"),
    addKind: sql.prepare("INSERT OR IGNORE INTO kind(measurement, name, text) VALUES (?, ?, ?)"),
    series: sql.prepare("SELECT id FROM series WHERE key = ?"),
    addSeries: sql.prepare("INSERT OR IGNORE INTO series(measurement, tags, key) VALUES (?, ?, ?)"),
    field: sql.prepare("SELECT id, seen FROM field WHERE series_id = ? AND name = ?"),
    addField: sql.prepare("INSERT OR IGNORE INTO field(series_id, name, seen) VALUES (?, ?, -1)"),
    see: sql.prepare("UPDATE field SET seen = ? WHERE id = ? AND seen < ?"),
  };
}

/** SQLite may have rolled back by itself (disk full); a second time is an error we expect. */
function rollBack(sql: Sql): void {
  try {
    sql.exec("ROLLBACK");
  } catch {
    // No transaction is open any more.
  }
}
