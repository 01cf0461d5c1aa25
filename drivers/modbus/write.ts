/**
 * Settings of a Modbus device: where each is written, and what is known afterwards. A value is
 * sent once. What was answered with an exception was not done; what was not answered, or not
 * clearly, is looked at where it can be read back, and is else unknown.
 */
import type { Schema } from "../../config/index.ts";
import { settingsOf, v, whole } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Code } from "../../telemetry/index.ts";
import type { Actuator, Setting, SetReport } from "../contract.ts";
import type { Exchange } from "./exchange.ts";
import type { FieldForm } from "./field.ts";
import { decodeField, encodeField } from "./field.ts";
import type { Span, WriteSpan } from "./pdu.ts";
import { checkWriteReply, decodeReadReply, encodeRead, encodeWrite, placeOf } from "./pdu.ts";
import { ModbusException } from "./pdu.ts";
import type { ModbusProfile } from "./profile.ts";
import { orders, typeNames, typeWords } from "./values.ts";
import type { Order, ValueType } from "./values.ts";

/** Where a setting is written. */
export interface WriteTarget {
  readonly table: "holding" | "coil";
  /** Wire address, from 0. */
  readonly at: number;
  readonly type: ValueType;
  /** The profile's when left out. */
  readonly order?: Order | undefined;
  readonly scale: number;
  readonly offset: number;
  /** Where it is shown, if elsewhere in the same table. */
  readonly shown?: number | undefined;
  /** False for what can only be written. */
  readonly readable: boolean;
}

export const writeTarget: Schema<WriteTarget> = v.strictObject({
  table: v.optional(v.picklist(["holding", "coil"]), "holding"),
  at: whole(0, 0xffff),
  type: v.optional(
    v.pipe(
      v.picklist(typeNames),
      v.check((type) => type !== "string", "a setting is a number"),
    ),
    "uint16",
  ),
  order: v.optional(v.picklist(orders)),
  scale: v.optional(
    v.pipe(
      v.number(),
      v.check((scale) => scale !== 0, "must not be 0"),
    ),
    1,
  ),
  offset: v.optional(v.number(), 0),
  shown: v.optional(whole(0, 0xffff)),
  readable: v.optional(v.boolean(), true),
});

export interface ActuatorParts {
  readonly profile: ModbusProfile;
  /** Everything of a request but what it asks for. */
  readonly unit: Omit<Exchange, "pdu">;
  readonly exchange: (exchange: Exchange, signal: AbortSignal) => Promise<Uint8Array>;
}

/** Faults that come before anything is sent; busy: too many requests wait for the line. */
const unsent: ReadonlySet<Code> = new Set([
  "E_CONNECT",
  "E_MODBUS_BUSY",
  "E_SERIAL",
  "E_SERIAL_BUSY",
  "E_SERIAL_MISSING",
  "E_SERIAL_PERMISSION",
]);

/** Exceptions that leave it open: acknowledge, and a target that is silent. [MODBUS-AP 7] */
const undecided: ReadonlySet<number> = new Set([5, 11]);

/** The settings of a profile at work; undefined when it has none. */
export function actuatorOf({ profile, unit, exchange }: ActuatorParts): Actuator | undefined {
  const all = settingsOf(profile);
  if (all.length === 0) return undefined;
  const settings = all.map(({ name, about, range }): Setting => ({ name, about, range }));
  const places = new Map(
    all.map(({ name, to, shift }) => [name, { to: shifted(to, shift), form: formOf(to, profile) }]),
  );
  return {
    settings,
    async set(name, value, signal) {
      const place = places.get(name);
      if (place === undefined) throw new GatewayError("E_BUG", `${profile.id} has no ${name}`);
      const { to, form } = place;
      const words = encodeField(form, value, { current: new Uint16Array(form.length) });
      const wire: Wire = { unit, exchange, signal };
      const error = await written({ table: to.table, at: to.at, words }, wire);
      const shown = to.readable ? await readBack(to, form, wire) : undefined;
      return reportOf(error, { shown, asked: words, form });
    },
  };
}

interface Wire {
  readonly unit: ActuatorParts["unit"];
  readonly exchange: ActuatorParts["exchange"];
  readonly signal: AbortSignal;
}

/**
 * Sends the write; what it gives left it open whether it was carried out.
 * @throws GatewayError when it surely was not
 */
async function written(span: WriteSpan, wire: Wire): Promise<GatewayError | undefined> {
  const pdu = encodeWrite(span);
  try {
    const reply = await wire.exchange({ ...wire.unit, pdu }, wire.signal);
    checkWriteReply(pdu, reply, placeOf(span));
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const open =
      error instanceof ModbusException ? undecided.has(error.exception) : !unsent.has(error.code);
    if (!open) throw error;
    return error;
  }
}

async function readBack(
  { table, at, shown = at }: WriteTarget,
  form: FieldForm,
  { unit, exchange, signal }: Wire,
): Promise<Uint16Array | undefined> {
  const span: Span = { table, at: shown, count: form.length };
  try {
    return decodeReadReply(span, await exchange({ ...unit, pdu: encodeRead(span) }, signal));
  } catch (error) {
    // It is no fault of the write that it cannot be looked at.
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

interface Seen {
  readonly shown: Uint16Array | undefined;
  readonly asked: Uint16Array;
  readonly form: FieldForm;
}

/** @throws E_MODBUS_TIMEOUT and its kin when the device shows that it was not done */
function reportOf(error: GatewayError | undefined, { shown, asked, form }: Seen): SetReport {
  const value = shown === undefined ? undefined : Number(decodeField(form, shown));
  if (error === undefined) return { outcome: "done", shown: value };
  if (shown === undefined) return { outcome: "unknown", error };
  if (shown.every((word, at) => word === asked[at])) return { outcome: "done", shown: value };
  const message = `${error.message}; the device shows ${value}`;
  throw new GatewayError(error.code, message, { cause: error });
}

function shifted(to: WriteTarget, by: number): WriteTarget {
  return { ...to, at: to.at + by, shown: (to.shown ?? to.at) + by };
}

function formOf(
  { table, type, order, scale, offset }: WriteTarget,
  profile: ModbusProfile,
): FieldForm {
  const bit = table === "coil";
  return {
    type: bit ? "uint16" : type,
    order: order ?? profile.header.order,
    length: bit ? 1 : typeWords[type],
    bit,
    bits: undefined,
    scale,
    offset,
    none: new Set(),
    states: undefined,
    wanted: "any",
  };
}
