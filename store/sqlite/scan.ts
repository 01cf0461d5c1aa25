/**
 * Reads rows back as lines, in order of time, a piece at a time: the piece ends with a whole
 * moment once it holds `pieceLines` lines, or at the end of a day.
 */
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";
import type { AskedSpan } from "../asked.ts";
import { tagsOf } from "./read.ts";
import type { Sql } from "./schema.ts";
import { dayMs, dayTable, daysOf } from "./schema.ts";

/** Lines of a piece; those of its last moment may go over it. */
const pieceLines = 2000;

interface Piece {
  readonly lines: readonly Line[];
  /** Where the rest begins; undefined at the end. @unit ms since 1970-01-01 UTC */
  readonly next: number | undefined;
}

/** One field of one series. */
interface Column {
  readonly series: number;
  readonly name: string;
  readonly tags: Tags;
}

/** The first piece of a span; `pause` is awaited between days. */
export async function scan(sql: Sql, span: AskedSpan, pause: () => Promise<void>): Promise<Piece> {
  const columns = columnsOf(sql, span);
  if (columns.size === 0) return { lines: [], next: undefined };
  for (const day of daysOf(sql)) {
    const [from, to] = [Math.max(day * dayMs, span.from), Math.min((day + 1) * dayMs, span.to)];
    if (from >= to) continue;
    const piece = scanDay(sql, { ...span, from, to }, { day, columns });
    if (piece.next !== undefined) return piece;
    if (piece.lines.length > 0) return { lines: piece.lines, next: to < span.to ? to : undefined };
    await pause();
  }
  return { lines: [], next: undefined };
}

/** The columns of a span by field id, noted in `temp.wanted` too. */
function columnsOf(sql: Sql, { measurement, fields, where }: AskedSpan): Map<number, Column> {
  const found = sql.prepare(
    `SELECT f.id AS fid, f.name AS name, s.id AS series, s.tags AS tags
     FROM series s JOIN field f ON f.series_id = s.id WHERE s.measurement = ?`,
  );
  sql.exec("DELETE FROM temp.wanted");
  const insert = sql.prepare("INSERT INTO temp.wanted(fid, slot) VALUES (?, 0)");
  const columns = new Map<number, Column>();
  for (const row of found.all(measurement)) {
    const name = String(row["name"]);
    const tags = tagsOf(row);
    if (fields !== undefined && !fields.includes(name)) continue;
    if (!Object.keys(where).every((tag) => (tags.get(tag) ?? "") === where[tag])) continue;
    const fid = Number(row["fid"]);
    insert.run(fid);
    columns.set(fid, { series: Number(row["series"]), name, tags: Object.fromEntries(tags) });
  }
  return columns;
}

function scanDay(
  sql: Sql,
  { measurement, from, to }: AskedSpan,
  { day, columns }: { readonly day: number; readonly columns: ReadonlyMap<number, Column> },
): Piece {
  const rows = sql.prepare(
    `SELECT h.ts AS ts, h.fid AS fid, h.v AS v
     FROM ${dayTable(day)} h CROSS JOIN temp.wanted w ON w.fid = h.fid
     WHERE h.ts >= ? AND h.ts < ? ORDER BY h.ts`,
  );
  const lines: Line[] = [];
  let moment = from;
  let fieldsOf = new Map<number, Record<string, FieldValue>>();
  for (const { ts, fid, v } of rows.iterate(from, to)) {
    const column = columns.get(Number(fid));
    if (column === undefined) continue;
    const time = Number(ts);
    if (time !== moment) {
      if (lines.length >= pieceLines) return { lines, next: time };
      moment = time;
      fieldsOf = new Map();
    }
    let fields = fieldsOf.get(column.series);
    if (fields === undefined) {
      fields = {};
      fieldsOf.set(column.series, fields);
      lines.push({ measurement, tags: column.tags, fields, time });
    }
    fields[column.name] = typeof v === "string" ? v.slice(1) : Number(v);
  }
  return { lines, next: undefined };
}
