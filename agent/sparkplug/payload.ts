/**
 * The Sparkplug B payload: the messages of `sparkplug_b.proto` (Eclipse Tahu) as tables, and the
 * data types of Sparkplug 3.0 section 6.4.16.
 */
import type { Decoded } from "../../telemetry/index.ts";
import type { Field, Form, Message } from "./protobuf.ts";
import { decode, encode } from "./protobuf.ts";

/** Indexes of data types; integers with a sign travel as their two's complement. */
export const dataTypes = { int32: 3, int64: 4, double: 10, boolean: 11, string: 12 } as const;

/** A payload of ours or of a host; field names are those of the `.proto`. */
export type Payload = Message;

export function encodePayload(payload: Payload): Uint8Array {
  return encode(payloadForm, payload);
}

/** Any bytes give a payload or a reason. Never throws. */
export function decodePayload(bytes: Uint8Array): Decoded<Payload> {
  return decode(payloadForm, bytes);
}

/** The two's complement of a whole number in 64 bits, as Int64 is put into `long_value`. */
export function int64(value: number): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

/** What a message may hold at most one of: the alternatives of `oneof value`. */
function oneOf(first: number, ...types: readonly (readonly [string, Field["type"]])[]) {
  return Object.fromEntries(
    types.map(([name, type], index): [string, Field] => [
      name,
      { number: first + index, type, oneof: "value" },
    ]),
  );
}

const simple = [
  ["int_value", "uint32"],
  ["long_value", "uint64"],
  ["float_value", "float"],
  ["double_value", "double"],
  ["boolean_value", "bool"],
  ["string_value", "string"],
] as const;

/** Holds nothing but what others add to it. */
export const extensionForm: Form = () => ({});

export const payloadForm: Form = () => ({
  timestamp: { number: 1, type: "uint64" },
  metrics: { number: 2, type: metricForm, repeated: true },
  seq: { number: 3, type: "uint64" },
  uuid: { number: 4, type: "string" },
  body: { number: 5, type: "bytes" },
});

export const metricForm: Form = () => ({
  name: { number: 1, type: "string" },
  alias: { number: 2, type: "uint64" },
  timestamp: { number: 3, type: "uint64" },
  datatype: { number: 4, type: "uint32" },
  is_historical: { number: 5, type: "bool" },
  is_transient: { number: 6, type: "bool" },
  is_null: { number: 7, type: "bool" },
  metadata: { number: 8, type: metaDataForm },
  properties: { number: 9, type: propertySetForm },
  ...oneOf(
    10,
    ...simple,
    ["bytes_value", "bytes"],
    ["dataset_value", dataSetForm],
    ["template_value", templateForm],
    ["extension_value", extensionForm],
  ),
});

export const metaDataForm: Form = () => ({
  is_multi_part: { number: 1, type: "bool" },
  content_type: { number: 2, type: "string" },
  size: { number: 3, type: "uint64" },
  seq: { number: 4, type: "uint64" },
  file_name: { number: 5, type: "string" },
  file_type: { number: 6, type: "string" },
  md5: { number: 7, type: "string" },
  description: { number: 8, type: "string" },
});

export const propertySetForm: Form = () => ({
  keys: { number: 1, type: "string", repeated: true },
  values: { number: 2, type: propertyValueForm, repeated: true },
});

export const propertySetListForm: Form = () => ({
  propertyset: { number: 1, type: propertySetForm, repeated: true },
});

export const propertyValueForm: Form = () => ({
  type: { number: 1, type: "uint32" },
  is_null: { number: 2, type: "bool" },
  ...oneOf(
    3,
    ...simple,
    ["propertyset_value", propertySetForm],
    ["propertysets_value", propertySetListForm],
    ["extension_value", extensionForm],
  ),
});

export const dataSetForm: Form = () => ({
  num_of_columns: { number: 1, type: "uint64" },
  columns: { number: 2, type: "string", repeated: true },
  types: { number: 3, type: "uint32", repeated: true },
  rows: { number: 4, type: rowForm, repeated: true },
});

export const rowForm: Form = () => ({
  elements: { number: 1, type: dataSetValueForm, repeated: true },
});

export const dataSetValueForm: Form = () => oneOf(1, ...simple, ["extension_value", extensionForm]);

export const templateForm: Form = () => ({
  version: { number: 1, type: "string" },
  metrics: { number: 2, type: metricForm, repeated: true },
  parameters: { number: 3, type: parameterForm, repeated: true },
  template_ref: { number: 4, type: "string" },
  is_definition: { number: 5, type: "bool" },
});

export const parameterForm: Form = () => ({
  name: { number: 1, type: "string" },
  type: { number: 2, type: "uint32" },
  ...oneOf(3, ...simple, ["extension_value", extensionForm]),
});
