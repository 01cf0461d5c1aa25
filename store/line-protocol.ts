/**
 * Lines to InfluxDB line protocol, precision ms, UTF-8:
 *
 *   measurement,tag=value,… field=1.5,count=3i,text="…" 1763892000123
 *
 * Escapes: measurement `,` and space; tag name and value `,` `=` space; text `"` and `\`. What no
 * escape can carry was cleaned before (`admission.ts`). Lines end in LF: with CRLF the timestamp
 * is unreadable. Tags stand in the register's order.
 */
import { Buffer } from "node:buffer";
import type { FieldValue, Line } from "../telemetry/index.ts";
import { columnOf, columnsOf, judge, refusalOf, shapeProblem } from "./admission.ts";
import type { Column } from "./admission.ts";
import { LineBytes } from "./line-bytes.ts";
import { cleanText, SeriesCache, seriesOf } from "./series.ts";
import type { Series } from "./series.ts";
import type { Rejected } from "./contract.ts";

/** How many series keys are remembered; when it is reached all are forgotten. */
const seriesLimit = 50_000;

type EscapedSeries = Uint8Array | { readonly problem: string };

const [space, integerMark, lineEnd] = [0x20, 0x69, 0x0a];
const beforeTime = Buffer.from(" ");

/** Puts lines on a page one by one and keeps what was left out. */
export class LineEncoder {
  /** Why the last line was refused. */
  problem = "";
  /** Fields left out of encoded lines so far because they were not finite. */
  droppedFields = 0;
  /** The escaped series, or the reason why its lines may not be stored. */
  readonly #series = new SeriesCache<EscapedSeries>(seriesLimit);
  readonly #page = new LineBytes();

  /** What stands on the page. @unit bytes */
  get length(): number {
    return this.#page.length;
  }

  /** The page, each line with its LF; begins a new one. */
  take(): Buffer {
    return this.#page.take();
  }

  /** Adds a line to the page; false: it was refused, see `problem`. */
  add(line: Line): boolean {
    const begin = this.#page.length;
    const added = this.#add(line);
    if (!added) this.#page.cut(begin);
    return added;
  }

  #add(line: Line): boolean {
    const series = this.#seriesText(line);
    if ("problem" in series) return this.#refuse(series.problem);
    const bytes = this.#page;
    bytes.addBytes(series);
    const firstField = bytes.length;
    const columns = columnsOf(line.measurement);
    let count = 0;
    let dropped = 0;
    for (const name in line.fields) {
      const value = line.fields[name];
      const column = columns.get(name) ?? columnOf(line.measurement, name);
      if (column === undefined) return this.#refuse(refusalOf(line.measurement, name));
      const judgement = judge(column.type, value);
      if (judgement === "refuse") return this.#refuse(refusalOf(line.measurement, name));
      if (judgement === "drop") {
        dropped += 1;
        continue;
      }
      addField(bytes, column, value);
      count += 1;
    }
    const problem = shapeProblem(line, count);
    if (problem !== undefined) return this.#refuse(problem);
    this.droppedFields += dropped;
    bytes.setChar(firstField, space);
    bytes.addNumber(beforeTime, line.time);
    bytes.addChar(lineEnd);
    return true;
  }

  #refuse(problem: string): false {
    this.problem = problem;
    return false;
  }

  #seriesText(line: Line): EscapedSeries {
    const known = this.#series.get(line);
    if (known !== undefined) return known;
    const series = seriesOf(line);
    const made = typeof series === "string" ? { problem: series } : Buffer.from(seriesText(series));
    this.#series.set(line, made);
    return made;
  }
}

function addField(bytes: LineBytes, column: Column, value: FieldValue | undefined): void {
  if (typeof value === "string") {
    bytes.addText(column.key, `"${escapeText(value)}"`);
  } else if (value !== undefined) {
    bytes.addNumber(column.key, value);
    if (column.type === "integer") bytes.addChar(integerMark);
  }
}

/** Measurement and tags of a clean series, escaped. */
export function seriesText(series: Series): string {
  let text = series.measurement.replaceAll(/[, ]/g, String.raw`\$&`);
  for (const name in series.tags) {
    text += `,${escapeTag(name)}=${escapeTag(series.tags[name] ?? "")}`;
  }
  return text;
}

function escapeTag(text: string): string {
  return text.replaceAll(/[,= ]/g, String.raw`\$&`);
}

function escapeText(text: string): string {
  return cleanText(text).replaceAll(/["\\]/g, String.raw`\$&`);
}

export interface LineProtocol {
  /** Each line ends in LF. */
  readonly text: string;
  readonly rejected: readonly Rejected[];
  /** Fields left out because they were not finite. */
  readonly droppedFields: number;
}

const shared = new LineEncoder();

/** All lines as one text, precision ms. */
export function toLineProtocol(lines: readonly Line[]): LineProtocol {
  const rejected: Rejected[] = [];
  const before = shared.droppedFields;
  lines.forEach((line, index) => {
    if (!shared.add(line)) rejected.push({ index, reason: shared.problem });
  });
  const text = shared.take().toString();
  return { text, rejected, droppedFields: shared.droppedFields - before };
}
