/**
 * What any engine takes of a line's fields and time, so that all of them refuse the same: types
 * follow the register, and a number that is not finite is left out (and counted) while the rest
 * of its line is kept.
 */
import { Buffer } from "node:buffer";
import type { FieldValue, Line } from "../telemetry/index.ts";
import { columnFacts, maxColumns, maxRollupFields, maxText, rollupOf } from "../telemetry/index.ts";
import type { Rejected, WriteResult } from "./contract.ts";

/** Last instant InfluxDB can hold, 2^63 ns after 1970. @unit ms since 1970-01-01 UTC */
export const latestTime = 9_223_372_036_854;

export type ColumnType = "float" | "integer" | "text" | "any";

/** A legal field of a measurement. */
export interface Column {
  readonly type: ColumnType;
  /** What stands before the value in line protocol, `,field=`: ASCII. */
  readonly key: Uint8Array;
}

const columns = new Map<string, Map<string, Column>>();
let columnCount = 0;
/** Far above the register's own size; when it is reached all are looked up anew. */
const columnLimit = 20_000;

/** The columns of a measurement met so far; fetched once a line, not once a field. */
export function columnsOf(measurement: string): ReadonlyMap<string, Column> {
  if (columnCount >= columnLimit) {
    columns.clear();
    columnCount = 0;
  }
  let known = columns.get(measurement);
  if (known === undefined) {
    known = new Map();
    columns.set(measurement, known);
    columnCount += 1;
  }
  return known;
}

/** The column of a field, or undefined when the register does not allow it there. */
export function columnOf(measurement: string, field: string): Column | undefined {
  const known = columns.get(measurement);
  const found = known?.get(field);
  if (found !== undefined) return found;
  const facts = columnFacts(measurement, field);
  if (facts === undefined) return undefined;
  const column = { type: facts.type, key: Buffer.from(`,${field}=`) };
  known?.set(field, column);
  columnCount += 1;
  return column;
}

export type Judgement = "take" | "drop" | "refuse";

/** Whether a value can stand in its column; `drop` leaves out the field, `refuse` the line. */
export function judge(type: ColumnType, value: FieldValue | undefined): Judgement {
  if (typeof value === "number") {
    if (type === "text") return "refuse";
    if (!Number.isFinite(value)) return "drop";
    return type === "integer" && !Number.isSafeInteger(value) ? "refuse" : "take";
  }
  if (typeof value !== "string" || (type !== "text" && type !== "any")) return "refuse";
  return value.length <= maxText ? "take" : "refuse";
}

const wanted: Readonly<Record<ColumnType, string>> = {
  float: "must be a number",
  integer: "must be a whole number",
  text: `must be a text of at most ${maxText} characters`,
  any: `must be a number or a text of at most ${maxText} characters`,
};

/** The sentence for a field that was refused. */
export function refusalOf(measurement: string, field: string): string {
  const column = columnOf(measurement, field);
  if (column === undefined) return `${measurement} has no field ${field}`;
  return `${field} ${wanted[column.type]}`;
}

/** Why a line's time or its number of fields cannot be stored, or undefined. */
export function shapeProblem(line: Line, fieldCount: number): string | undefined {
  if (!Number.isSafeInteger(line.time) || line.time < 0 || line.time > latestTime) {
    return "time must be whole ms since 1970, before the year 2262";
  }
  if (fieldCount === 0) return "no field is left to store";
  if (fieldCount <= maxColumns) return undefined;
  const most = rollupOf(line.measurement) === undefined ? maxColumns : maxRollupFields;
  return fieldCount > most ? `a line has at most ${most} fields` : undefined;
}

/** What an engine gathers while it writes the lines of one call. */
export interface WriteProgress {
  readonly lines: readonly Line[];
  readonly rejected: Rejected[];
  droppedFields: number;
}

/** The result of a call whose lines are all settled. */
export function writeResult({ lines, rejected, droppedFields }: WriteProgress): WriteResult {
  const result = {
    accepted: lines.length - rejected.length,
    rejected: rejected.toSorted((a, b) => a.index - b.index),
  };
  return droppedFields === 0 ? result : { ...result, droppedFields };
}
