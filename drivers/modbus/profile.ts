/**
 * The Modbus part of a profile file: its header, the form of a field, and what both mean once
 * repeated rows are written out. Addresses are wire addresses, from 0.
 */
import type { Profile, ProfileParts, ProfilePoint, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import { fieldFacts, GatewayError } from "../../telemetry/index.ts";
import { serialSettings } from "../transport/options.ts";
import type { FieldForm } from "./field.ts";
import { markersOf } from "./field.ts";
import type { Span, Table } from "./pdu.ts";
import { placeOf, pduLimits, tableNames, tables } from "./pdu.ts";
import type { PlanLimits } from "./plan.ts";
import type { Order } from "./values.ts";
import { orders, typeNames, typeWords } from "./values.ts";
import type { WriteTarget } from "./write.ts";
import { writeTarget } from "./write.ts";

const registerAddress = whole(0, 0xffff);
const tableSchema = v.picklist(tableNames);
export const typeSchema = v.picklist(typeNames);
export const orderSchema = v.picklist(orders);
export const bitsSchema = v.strictObject({
  from: whole(0, 63),
  count: v.optional(whole(1, 32), 1),
});

/** A raw value: a number, or its bits as `0x…`. */
const marker = v.union([v.number(), v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/i))]);

const identifyRule = v.strictObject({
  table: v.optional(tableSchema, "holding"),
  at: registerAddress,
  type: v.optional(typeSchema, "uint16"),
  length: v.optional(whole(1, pduLimits.registers)),
  equals: v.optional(v.union([v.number(), v.string(), v.array(v.union([v.number(), v.string()]))])),
  starts: v.optional(v.string()),
});

const headerForm = v.strictObject({
  table: v.optional(option(tableSchema, { about: "Table of fields that name none." }), "holding"),
  type: v.optional(option(typeSchema, { about: "Type of fields that name none." }), "uint16"),
  order: v.optional(option(orderSchema, { about: "Byte order, highest byte A." }), "ABCD"),
  maxRegisters: v.optional(
    option(whole(1, pduLimits.registers), {
      about: "Most registers the device gives in one answer.",
    }),
    pduLimits.registers,
  ),
  maxBits: v.optional(
    option(whole(1, pduLimits.bits), {
      about: "Most coils or inputs the device gives in one answer.",
    }),
    pduLimits.bits,
  ),
  minRegisters: v.optional(
    option(whole(1, pduLimits.registers), {
      about: "Fewest registers the device gives in one answer.",
    }),
    1,
  ),
  gap: v.optional(
    option(whole(0, pduLimits.registers), {
      about: "Most registers to read across to save a request; what pays when left out.",
    }),
  ),
  even: v.optional(
    option(v.boolean(), {
      about: "Blocks start and have a length at even registers.",
    }),
    false,
  ),
  forbid: v.optional(
    option(v.array(v.tuple([registerAddress, registerAddress])), {
      about: "Addresses never touched, both ends included.",
    }),
    [],
  ),
  models: v.optional(
    option(v.record(v.string(), v.pipe(v.array(whole(1, 0xfffe)), v.minLength(1))), {
      about:
        "SunSpec: families of models by a name; a field's `model` is one of them, and its `at` " +
        "counts from the model's id.",
    }),
  ),
  serial: v.optional(option(serialSettings, { about: "Line settings as the maker ships it." })),
  identify: v.optional(
    option(v.array(identifyRule), {
      about: "Registers that tell the product.",
    }),
    [],
  ),
});

export type ModbusHeader = v.InferOutput<typeof headerForm>;

const fieldForm = v.strictObject({
  at: registerAddress,
  model: v.optional(v.string()),
  table: v.optional(tableSchema),
  type: v.optional(typeSchema),
  order: v.optional(orderSchema),
  length: v.optional(whole(1, pduLimits.registers)),
  bits: v.optional(bitsSchema),
  scale: v.optional(
    v.pipe(
      v.number(),
      v.check((scale) => scale !== 0, "must not be 0"),
    ),
  ),
  offset: v.optional(v.number()),
  scaleFrom: v.optional(v.strictObject({ at: registerAddress, table: v.optional(tableSchema) })),
  none: v.optional(v.array(marker)),
  states: v.optional(v.record(v.string(), v.number())),
  wraps: v.optional(v.picklist([16, 32, 64])),
});

export type ModbusField = v.InferOutput<typeof fieldForm>;
export type ModbusProfile = Profile<ModbusHeader, ModbusField, WriteTarget>;

const header: Schema<ModbusHeader> = v.optional(headerForm, {});
const field: Schema<ModbusField> = fieldForm;

/** What this driver adds to the common form of a profile. */
export const modbusProfile: ProfileParts<ModbusHeader, ModbusField, WriteTarget> = {
  header,
  field,
  target: writeTarget,
};

/** A field at its place: what to read for it and how to make its value. */
export interface PlacedField {
  readonly name: string;
  readonly span: Span;
  readonly form: FieldForm;
  /** The register that holds the power of ten. */
  readonly exponent: Span | undefined;
  /** Width of a counter that wraps. @unit bits */
  readonly wraps: 16 | 32 | 64 | undefined;
}

/** A point at its place. */
export interface Row {
  readonly measurement: string;
  readonly tags: Tags | undefined;
  /** The value of the channel tag, or empty. */
  readonly channel: string;
  readonly every: number | undefined;
  readonly fields: readonly PlacedField[];
}

/** A hole in a bit table costs an eighth of a byte, one in registers two bytes. */
const bitsPerRegister = 16;

/** How a profile wants its registers read. */
export function limitsOf(header: ModbusHeader): PlanLimits {
  const { gap, maxRegisters, minRegisters, maxBits, even, forbid } = header;
  const bitGap = gap === undefined ? undefined : gap * bitsPerRegister;
  return { maxRegisters, minRegisters, maxBits, even, forbid, gap, bitGap };
}

/**
 * The rows of a profile, repeated ones written out. Equal places share one `Span` object.
 * @throws E_PROFILE for what only shows once all is put together
 */
export function rowsOf(profile: ModbusProfile): Row[] {
  const spans = new Map<string, Span>();
  const place = (table: Table, at: number, count: number): Span => {
    const key = `${table} ${at} ${count}`;
    const span = spans.get(key) ?? { table, at, count };
    spans.set(key, span);
    checkSpan(profile, span);
    return span;
  };
  const rows: Row[] = [];
  for (const point of profile.points) {
    const { count, stride, from } = point.repeat ?? { count: 1, stride: 0, from: 1 };
    for (let index = 0; index < count; index += 1) {
      const tags = numbered(point, from + index);
      const fields = Object.entries(point.fields).map(([name, entry]) => {
        const form = formOf(profile, point.measurement, { name, entry });
        const table = entry.table ?? profile.header.table;
        return {
          name,
          form,
          wraps: entry.wraps,
          span: place(table, entry.at + index * stride, form.length),
          exponent: entry.scaleFrom && place(entry.scaleFrom.table ?? table, entry.scaleFrom.at, 1),
        };
      });
      const channel = Object.values(tags ?? {})[0] ?? "";
      rows.push({ measurement: point.measurement, tags, channel, every: point.every, fields });
    }
  }
  return rows;
}

function numbered(point: ProfilePoint<ModbusField>, number: number): Tags | undefined {
  if (point.tags === undefined) return undefined;
  const entries = Object.entries(point.tags);
  return Object.fromEntries(
    entries.map(([tag, value]) => [tag, value.replaceAll("{n}", String(number))]),
  );
}

interface NamedEntry {
  readonly name: string;
  readonly entry: ModbusField;
}

function formOf(
  profile: ModbusProfile,
  measurement: string,
  { name, entry }: NamedEntry,
): FieldForm {
  const { header } = profile;
  const bit = tables[entry.table ?? header.table].bits;
  const type = bit ? "uint16" : (entry.type ?? header.type);
  const order: Order = entry.order ?? header.order;
  const length = bit ? 1 : typeWords[type] || (entry.length ?? 0);
  const complain = (problem: string): GatewayError =>
    new GatewayError("E_PROFILE", `${profile.id}: ${measurement}.${name}: ${problem}`);
  if (length === 0) throw complain("a text needs `length`");
  if (entry.bits !== undefined && entry.bits.from + entry.bits.count > length * 16) {
    throw complain("`bits` reaches beyond the registers");
  }
  return {
    type,
    order,
    length,
    bit,
    bits: bit ? undefined : entry.bits,
    scale: entry.scale ?? 1,
    offset: entry.offset ?? 0,
    none: markersOf(entry.none ?? [], type, order),
    states:
      entry.states && new Map(Object.entries(entry.states).map(([raw, to]) => [code(raw), to])),
    wanted: fieldFacts(measurement, name)?.type ?? "any",
  };
}

/** Codes may be written `16` or `"0x10"`. */
function code(raw: string): string {
  const number = Number(raw);
  return Number.isNaN(number) ? raw : String(number);
}

function checkSpan(profile: ModbusProfile, span: Span): void {
  const { header } = profile;
  const last = span.at + span.count - 1;
  const most = tables[span.table].bits ? header.maxBits : header.maxRegisters;
  const forbidden = header.forbid.some(([from, to]) => span.at <= to && last >= from);
  if (last <= 0xffff && span.count <= most && !forbidden) return;
  const why = forbidden ? "is forbidden" : "does not fit the address space or one answer";
  throw new GatewayError("E_PROFILE", `${profile.id}: ${placeOf(span)} ×${span.count} ${why}`);
}

/** A pace as a group's name: `60s`, or `default` for the device's interval. */
export function groupName(every: number | undefined): string {
  if (every === undefined) return "default";
  return every % 1000 === 0 ? `${every / 1000}s` : `${every}ms`;
}
