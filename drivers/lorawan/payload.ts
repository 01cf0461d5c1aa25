/**
 * The bytes of an uplink as a profile divides them: one block, or records of channel and type.
 *
 *   | channel | type | data … | channel | type | data … |       length by channel and type
 *
 * A record of unknown length ends the reading: where the next begins cannot be told.
 */
import { invariant } from "../../telemetry/index.ts";
import type { BytesForm, LorawanHeader, ValueType } from "./profile.ts";

/** Data of the records by `channel type` in hexadecimal; all of the payload stands under "". */
export interface Divided {
  readonly records: ReadonlyMap<string, Uint8Array>;
  /** The record that ended the reading early. */
  readonly stuck: string | undefined;
}

/**
 * Cayenne Low Power Payload 2.0 by type, and the types that CayenneLPP of Electronic Cats adds to
 * it; high byte first. @unit bytes
 */
const cayenneLengths: Readonly<Record<string, number>> = {
  "00": 1, // digital input
  "01": 1, // digital output
  "02": 2, // analogue input, 0.01 signed
  "03": 2, // analogue output, 0.01 signed
  "64": 4, // generic sensor
  "65": 2, // illuminance, lx
  "66": 1, // presence
  "67": 2, // temperature, 0.1 °C signed
  "68": 1, // humidity, 0.5 %
  "71": 6, // accelerometer, 0.001 g signed, x y z
  "73": 2, // barometer, 0.1 hPa
  "74": 2, // voltage, 0.01 V
  "75": 2, // current, 0.001 A
  "76": 4, // frequency, Hz
  "78": 1, // percentage
  "79": 2, // altitude, m signed
  "7d": 2, // concentration, ppm
  "80": 2, // power, W
  "82": 4, // distance, 0.001 m
  "83": 4, // energy, 0.001 kWh
  "84": 2, // direction, °
  "85": 4, // time, s since 1970
  "86": 6, // gyrometer, 0.01 °/s signed, x y z
  "87": 3, // colour
  "88": 9, // position
  "8e": 1, // switch
};

export function divide(header: LorawanHeader, data: Uint8Array): Divided {
  const records = new Map<string, Uint8Array>();
  if (header.form === "fixed") return { records: records.set("", data), stuck: undefined };
  let at = 0;
  while (at < data.length) {
    const key = hex(data.subarray(at, at + 2));
    const length = lengthOf(header, key);
    const end = at + 2 + (length ?? 0);
    if (length === undefined || end > data.length) return { records, stuck: key };
    records.set(key, data.subarray(at + 2, end));
    at = end;
  }
  return { records, stuck: undefined };
}

function lengthOf({ form, records }: LorawanHeader, key: string): number | undefined {
  if (form === "cayenne" && key.length === 4) return cayenneLengths[key.slice(2)];
  return records[key];
}

/** The record a form is about; `xx` takes the first of its type, whatever the channel. */
export function recordOf({ records }: Divided, key = ""): Uint8Array | undefined {
  if (!key.startsWith("xx")) return records.get(key);
  for (const [found, data] of records) if (found.endsWith(key.slice(2))) return data;
  return undefined;
}

const widths: Readonly<Record<ValueType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint24: 3,
  int24: 3,
  uint32: 4,
  int32: 4,
  float32: 4,
};

/** Where a value stands: `byte 2`, `record 0367 byte 0`. */
export function placeOf({ record, at }: BytesForm): string {
  return record === undefined ? `byte ${at}` : `record ${record} byte ${at}`;
}

/** The bytes of a value, or undefined when the payload does not have them. */
export function bytesOf(form: BytesForm, divided: Divided): Uint8Array | undefined {
  const data = recordOf(divided, form.record);
  const end = form.at + widths[form.type];
  if (data === undefined || end > data.length) return undefined;
  return form.when.every((one) => holds(one, data)) ? data.subarray(form.at, end) : undefined;
}

function holds(
  { at, mask, equals, lengths }: BytesForm["when"][number],
  data: Uint8Array,
): boolean {
  if (lengths !== undefined && !lengths.includes(data.length)) return false;
  if (at === undefined || equals === undefined) return true;
  const byte = data[at];
  return byte !== undefined && equals.includes(byte & mask);
}

/** The raw number in a value's bytes. */
export function rawOf({ type, bits }: BytesForm, bytes: Uint8Array, little: boolean): number {
  invariant(bytes.length === widths[type], "a value has another width");
  const ordered = little ? bytes.toReversed() : bytes;
  if (type === "float32") return new DataView(Uint8Array.from(ordered).buffer).getFloat32(0);
  let raw = 0;
  for (const byte of ordered) raw = raw * 256 + byte;
  if (bits !== undefined) return Math.floor(raw / 2 ** bits.from) % 2 ** bits.count;
  const span = 2 ** (8 * bytes.length);
  return type.startsWith("int") && raw >= span / 2 ? raw - span : raw;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
