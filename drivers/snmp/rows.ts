/** Rows of a profile as points, of what an agent said. */
import type { Fault, FieldValue, Point, Tags } from "../../telemetry/index.ts";
import { fieldFacts, GatewayError, maxText, withRangeQuality } from "../../telemetry/index.ts";
import type { Trace } from "../contract.ts";
import { valueOf } from "../polled.ts";
import type { PlacedField } from "../polled.ts";
import type { Cells } from "./cells.ts";
import { channelOf, hasRows, nameColumns } from "./channel.ts";
import type { Counters } from "./counters.ts";
import type { Varbind } from "./door.ts";
import { compareOids } from "./oid.ts";
import type { SnmpField, SnmpForm, SnmpProfile } from "./profile.ts";
import type { Collected, Wanted } from "./reader.ts";
import { counterBits, numberIn, plainOf, rawOf } from "./values.ts";

/** A row of the profile, once for the device or once for each row of a table. */
export interface PlannedRow {
  readonly measurement: string;
  /** The channel's tag and its template. */
  readonly tag: readonly [name: string, template: string] | undefined;
  readonly isTable: boolean;
  readonly every: number | undefined;
  readonly fields: readonly PlacedField<SnmpField>[];
}

export function rowsOf({ points }: SnmpProfile): PlannedRow[] {
  return points.map(({ measurement, tags, every, fields }) => {
    const [tag] = Object.entries(tags ?? {});
    return {
      measurement,
      tag,
      isTable: tag !== undefined && hasRows(tag[1]),
      every,
      fields: Object.entries(fields).map(([name, entry]) => {
        return { name, entry, wanted: fieldFacts(measurement, name)?.type ?? "any" };
      }),
    };
  });
}

/** All that these rows are made of. */
export function wantedOf(rows: readonly PlannedRow[]): Wanted {
  const objects = new Set<string>();
  const columns = new Set<string>();
  for (const { tag, isTable, fields } of rows) {
    const names = isTable ? columns : objects;
    for (const name of nameColumns(tag?.[1] ?? "")) columns.add(name);
    for (const { at, when, powers } of fields.flatMap(({ entry }) => entry)) {
      names.add(at);
      for (const { at: other } of [...when, ...powers]) {
        (isObject(other) ? objects : names).add(other);
      }
    }
  }
  return { objects: [...objects], columns: [...columns].toSorted(compareOids) };
}

/** Whether a name beside a column is of one object, the same for all rows. [RFC 2578 7.1.2] */
function isObject(name: string): boolean {
  return name.endsWith(".0");
}

export interface Making {
  readonly collected: Collected;
  /** Left out where counters are not to be touched; they give no value then. */
  readonly counters?: Counters | undefined;
  /** When it was read. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly trace: (trace: Trace) => void;
  readonly fault: (fault: Fault) => void;
}

export function pointsOf(rows: readonly PlannedRow[], making: Making): Point[] {
  const points = new Map<string, Point>();
  for (const row of rows) {
    const taken = new Set<string>();
    for (const index of indexesOf(row, making.collected.cells)) {
      const named = channelAt(row, index, making);
      if (named === undefined) continue;
      // Two of one name stay two.
      const channel = taken.has(named) ? `${named.slice(0, 32)} ${index}`.slice(0, 64) : named;
      taken.add(channel);
      const point = pointAt(row, { index, channel }, making);
      if (point === undefined) continue;
      // Rows of the same part, as of two tables, are one line.
      const key = `${row.measurement} ${channel}`;
      const before = points.get(key);
      const fields = { ...before?.fields, ...point.fields };
      points.set(key, { ...point, fields: withRangeQuality(row.measurement, fields) });
    }
  }
  return [...points.values()];
}

/** Indexes of a table's rows; one that is empty for a row that is no table's. */
function indexesOf({ isTable, fields }: PlannedRow, cells: Cells): readonly string[] {
  if (!isTable) return [""];
  const indexes = new Set<string>();
  for (const { at, tail } of fields.flatMap(({ entry }) => entry)) {
    for (const index of cells.rowsOf(at)) {
      if (tail === undefined) indexes.add(index);
      else if (index.endsWith(`.${tail}`)) indexes.add(index.slice(0, -tail.length - 1));
    }
  }
  return [...indexes].toSorted(compareOids);
}

function channelAt(row: PlannedRow, index: string, making: Making): string | undefined {
  if (row.tag === undefined) return "";
  const [, template] = row.tag;
  if (!row.isTable) return template;
  const named = channelOf(template, index, making.collected.cells);
  // A trap does not bring the name along; in a walk a row without a name goes by its number.
  return named ?? (making.counters === undefined ? undefined : index);
}

interface Spot {
  readonly index: string;
  readonly channel: string;
}

function pointAt(row: PlannedRow, spot: Spot, making: Making): Point | undefined {
  const fields: Record<string, FieldValue> = {};
  for (const field of row.fields) {
    const value = valueAt(row, { ...spot, field }, making);
    if (value !== undefined) fields[field.name] = value;
  }
  if (Object.keys(fields).length === 0) return undefined;
  const { measurement, tag } = row;
  const tags: Tags | undefined = tag && { [tag[0]]: spot.channel };
  return tags === undefined ? { measurement, fields } : { measurement, tags, fields };
}

interface FieldSpot extends Spot {
  readonly field: PlacedField<SnmpField>;
}

function valueAt(row: PlannedRow, spot: FieldSpot, making: Making): FieldValue | undefined {
  const { index, channel, field } = spot;
  const { collected, fault } = making;
  for (const form of field.entry) {
    const full = [index, form.tail].filter(Boolean).join(".");
    const name = row.isTable ? `${form.at}.${full}` : form.at;
    const cell = collected.cells.at(name);
    if (cell === undefined) continue;
    const beside = (at: string): number | undefined => {
      const other = collected.cells.at(row.isTable && !isObject(at) ? `${at}.${full}` : at);
      return other === undefined ? undefined : asNumber(plainOf(other));
    };
    if (!fits(form, beside)) continue;
    try {
      const value = valueOfCell(cell, { form, field, beside, making });
      if (value === undefined) continue;
      const place = { measurement: row.measurement, channel, field: field.name, at: name };
      making.trace({ ...place, raw: rawOf(cell) });
      return value;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_VALUE") throw error;
      fault({ code: error.code, at: name });
      return undefined;
    }
  }
  tellAbsent(row, field.entry, making);
  return undefined;
}

/** An object that should be there and is not. An empty place in a table is no fault. */
function tellAbsent({ isTable }: PlannedRow, forms: SnmpField, { collected, fault }: Making): void {
  const [first] = forms;
  if (isTable || first === undefined || forms.some(({ optional }) => optional)) return;
  if (!forms.every(({ at }) => collected.absent.has(at))) return;
  fault({ code: "E_DEVICE_REFUSED", at: `${first.at}: no such object` });
}

type Beside = (at: string) => number | undefined;

function fits({ when }: SnmpForm, beside: Beside): boolean {
  return when.every(({ at, equals }) => {
    const there = beside(at);
    return Array.isArray(equals) ? equals.some((one) => one === there) : equals === there;
  });
}

interface Converting {
  readonly form: SnmpForm;
  readonly field: PlacedField<SnmpField>;
  readonly beside: Beside;
  readonly making: Making;
}

/** @throws E_VALUE */
function valueOfCell(cell: Varbind, converting: Converting): FieldValue | undefined {
  const { form, field, beside, making } = converting;
  const plain = plainOf(cell);
  if (plain === undefined) return undefined;
  const isText = field.wanted === "text" || field.wanted === "any";
  if (typeof plain === "string" && isText)
    return plain === "" ? undefined : plain.slice(0, maxText);
  const number = asNumber(plain);
  if (number === undefined) {
    if (plain === "") return undefined;
    throw new GatewayError("E_VALUE", "a text is not a number");
  }
  if (form.none?.includes(number) === true) return undefined;
  const exponent = exponentOf(form, beside);
  if (exponent === undefined) return undefined;
  const bits = form.wraps ?? (field.name.endsWith("_total") ? counterBits(cell) : undefined);
  const counted = bits === undefined ? number : countedOf(cell, { bits, plain, making, field });
  if (counted === undefined) return undefined;
  const scale = (form.scale ?? 1) * 10 ** exponent;
  return valueOf(counted, { ...form, scale, none: [] }, field.wanted);
}

interface Counting {
  readonly bits: number;
  readonly plain: number | bigint | string;
  readonly making: Making;
  readonly field: PlacedField<SnmpField>;
}

function countedOf(cell: Varbind, { bits, plain, making, field }: Counting): number | undefined {
  if (making.counters === undefined) return undefined;
  const number = asNumber(plain);
  // What is no whole number of counts does not wrap.
  if (typeof plain !== "bigint" && !Number.isSafeInteger(number)) return number;
  const raw = typeof plain === "bigint" ? plain : BigInt(number ?? 0);
  if (raw < 0n || raw >= 1n << BigInt(bits)) return Number(raw);
  const name = `${cell.oid} ${field.name}`;
  return Number(making.counters.next(name, bits, { raw, time: making.time }));
}

/** The power of ten; undefined when one of its parts is not there. */
function exponentOf({ powers }: SnmpForm, beside: Beside): number | undefined {
  let sum = 0;
  for (const { at, exponents, times } of powers) {
    const there = beside(at);
    const exponent = exponents === undefined || there === undefined ? there : exponents[there];
    if (exponent === undefined || Math.abs(exponent) > 30) return undefined;
    sum += times * exponent;
  }
  return sum;
}

function asNumber(plain: number | bigint | string | undefined): number | undefined {
  if (typeof plain === "string") return numberIn(plain);
  return plain === undefined ? undefined : Number(plain);
}
