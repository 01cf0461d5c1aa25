/**
 * From a resource to rows of the register by tables of rules: which field a property is. A property
 * is a number, or an excerpt of a sensor or control: `{DataSourceUri, Reading}`, `{SetPoint}`.
 * [DSP0266 excerpts]
 */
import type { Point } from "../../telemetry/index.ts";
import { fieldFacts, withRangeQuality } from "../../telemetry/index.ts";
import type { Trace } from "../contract.ts";
import type { Json } from "./json.ts";
import { durationOf, member, numberOf, pathOf } from "./json.ts";

export interface Value {
  readonly value: number;
  /** `/redfish/v1/Chassis/1U/Power#/PowerControl/0/PowerConsumedWatts`. */
  readonly at: string;
  /** What stood there. */
  readonly raw: string;
  /** The sensor it is an excerpt of. */
  readonly source: string | undefined;
  /** Makes the value of what stands there, in a metric report too. */
  readonly read: (raw: unknown) => number | undefined;
  /** A state or a setting of the resource, which no report carries. */
  readonly state: boolean;
}

export type Channel = readonly [tag: string, name: string];

export interface Row {
  readonly measurement: string;
  readonly channel?: Channel | undefined;
  readonly values: Readonly<Record<string, Value>>;
}

export interface Rule {
  readonly field: string;
  /** Where the property stands: `PowerWatts`, `PowerControl/0/PowerConsumedWatts`. */
  readonly at: string;
  readonly scale?: number;
  readonly read?: (raw: unknown) => number | undefined;
}

/** A body, and where it was read. */
export interface Resource {
  readonly path: string;
  readonly body: Json;
}

/** `1U CPU Temp` as a tag: no spaces, at most 64 characters. */
export function tagText(text: string): string {
  return (
    text
      .trim()
      .replaceAll(/[^\w.:/+-]+/g, "_")
      .replace(/^_+(?=.)|_+$/g, "")
      .slice(0, 64) || "_"
  );
}

/** The row of a measurement that a resource gives, or none. The first rule of a field counts. */
export function rowOf(
  resource: Resource,
  { measurement, channel }: Pick<Row, "measurement" | "channel">,
  rules: readonly Rule[],
): Row[] {
  const values: Record<string, Value> = {};
  for (const rule of rules) {
    if (Object.hasOwn(values, rule.field)) continue;
    const found = valueOf(resource, measurement, rule);
    if (found !== undefined) values[rule.field] = found;
  }
  if (Object.keys(values).length === 0) return [];
  const named = channel && ([channel[0], tagText(channel[1])] as const);
  return [{ measurement, channel: named, values }];
}

/** Members of an excerpt that hold its value. */
const excerpts = ["Reading", "SetPoint"] as const;

function valueOf({ path, body }: Resource, measurement: string, rule: Rule): Value | undefined {
  const { field, at, scale = 1, read } = rule;
  const whole = fieldFacts(measurement, field)?.type === "integer";
  const convert = (raw: unknown): number | undefined => {
    const number = read === undefined ? numberOf(raw) : read(raw);
    if (number === undefined) return undefined;
    // Whole as the schemas write it, without what binary fractions add: 1.1 kWh is 1100 Wh.
    const scaled = scale === 1 ? number : Number((number * scale).toPrecision(12));
    if (!whole) return scaled;
    return Number.isSafeInteger(Math.round(scaled)) ? Math.round(scaled) : undefined;
  };
  const property = member(body, at);
  const inner = excerpts.find((name) => member(property, name) !== undefined);
  const raw = inner === undefined ? property : member(property, inner);
  const value = raw === null ? undefined : convert(raw);
  if (value === undefined) return undefined;
  return {
    value,
    at: `${path}#/${inner === undefined ? at : `${at}/${inner}`}`,
    raw: shown(raw),
    source: inner === "Reading" ? pathOf(member(property, "DataSourceUri")) : undefined,
    read: convert,
    // What was set stands, as what is stated, until it is read again.
    state: inner === "SetPoint" || (read !== undefined && read !== durationOf),
  };
}

function shown(raw: unknown): string {
  return (typeof raw === "string" ? raw : JSON.stringify(raw)).slice(0, 100);
}

/** The same series of several resources as one row; the first value of a field counts. */
export function merged(rows: readonly Row[]): Row[] {
  const bySeries = new Map<string, Row>();
  for (const row of rows) {
    const key = seriesOf(row);
    const known = bySeries.get(key);
    const values = { ...known?.values };
    for (const [field, value] of Object.entries(row.values)) values[field] ??= value;
    bySeries.set(key, { ...row, values });
  }
  return [...bySeries.values()];
}

export function seriesOf({ measurement, channel }: Pick<Row, "measurement" | "channel">): string {
  return `${measurement} ${channel?.[1] ?? ""}`;
}

/** The point of a row; `trace` is told of each value. */
export function pointOf(row: Row, trace: (trace: Trace) => void): Point {
  const { measurement, channel } = row;
  const fields: Record<string, number> = {};
  for (const [field, { value, at, raw }] of Object.entries(row.values)) {
    fields[field] = value;
    trace({ measurement, channel: channel?.[1] ?? "", field, at, raw });
  }
  const judged = withRangeQuality(measurement, fields);
  if (channel === undefined) return { measurement, fields: judged };
  return { measurement, tags: { [channel[0]]: channel[1] }, fields: judged };
}

/** Reads a text as the number a table gives it; anything else gives none. */
export function stateOf(
  states: Readonly<Record<string, number>>,
): (raw: unknown) => number | undefined {
  const numbers = new Map<unknown, number>(Object.entries(states));
  return (raw) => numbers.get(raw);
}

const healths = stateOf({ OK: 0, Warning: 1, Critical: 2 });

/** `Status` as the register's health: what is not there is absent, whatever its health. */
export function healthOf(status: unknown): number | undefined {
  if (member(status, "State") === "Absent") return 3;
  return healths(member(status, "HealthRollup") ?? member(status, "Health"));
}

/** The same of the part alone. */
export function ownHealthOf(status: unknown): number | undefined {
  if (member(status, "State") === "Absent") return 3;
  return healths(member(status, "Health"));
}

/** What is absent or switched off has no readings, though some controllers show 0 for them. */
export function isThere(body: unknown): boolean {
  const state = member(body, "Status/State");
  return state !== "Absent" && state !== "Disabled" && state !== "UnavailableOffline";
}
