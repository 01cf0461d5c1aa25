/** What the parts of the driver hand on: a point in the making, with the raw side of each value. */
import { withRangeQuality } from "../../telemetry/index.ts";
import type { Point } from "../../telemetry/index.ts";
import type { Trace } from "../contract.ts";

export interface Value {
  readonly value: number;
  /** The file it came from. */
  readonly at: string;
  /** What stood there. */
  readonly raw: string;
}

export interface Row {
  readonly measurement: string;
  /** The channel tag and its value, where the measurement has one. */
  readonly channel?: readonly [tag: string, name: string];
  readonly values: Readonly<Record<string, Value>>;
}

/** The point of a row; `trace` is told of each value. */
export function pointOf(row: Row, trace?: (trace: Trace) => void): Point {
  const { measurement, channel } = row;
  const fields: Record<string, number> = {};
  for (const [field, { value, at, raw }] of Object.entries(row.values)) {
    fields[field] = value;
    trace?.({ measurement, channel: channel?.[1] ?? "", field, at, raw });
  }
  const judged = withRangeQuality(measurement, fields);
  if (channel === undefined) return { measurement, fields: judged };
  return { measurement, tags: { [channel[0]]: channel[1] }, fields: judged };
}

/** Rows of one part of the machine, read by different parts of the driver, become one. */
export function mergeRows(rows: readonly Row[]): Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const key = `${row.measurement} ${row.channel?.[1] ?? ""}`;
    const before = merged.get(key);
    merged.set(key, { ...row, values: { ...before?.values, ...row.values } });
  }
  return [...merged.values()];
}
