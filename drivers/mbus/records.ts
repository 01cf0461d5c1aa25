/**
 * Data records of a response (EN 13757-3; MBUS-DOC is "The M-Bus: A Documentation", rev. 4.8): each
 * says of itself what it is.
 *
 *   | DIF | DIFE … | VIF | (text) | VIFE … | data |
 *
 *   DIF   bits 0-3 length and coding, 4-5 function, 6 lowest bit of the storage number, 7 more
 *   DIFE  bits 0-3 storage number, 4-5 tariff, 6 subunit, 7 more
 *   VIF   bits 0-6 quantity and power of ten, 7 more
 *
 * Multi-byte values travel lowest byte first. A response that ends within a record gives the
 * records before it.
 */
import { decodeBcd, decodeFlags, decodeReal, decodeWhole } from "./numbers.ts";
import type { Quantity } from "./quantities.ts";
import { extensionTables, quantityOf } from "./quantities.ts";

export const functions = ["instantaneous", "maximum", "minimum", "error"] as const;
export type ValueFunction = (typeof functions)[number];

export interface DataRecord {
  readonly function: ValueFunction;
  /** 0 is now, others are set days and such. */
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
  /** VIF and VIFEs as they came, upper-case hexadecimal. */
  readonly vif: string;
  /** What it is and in which unit; undefined: the tables here do not know it. */
  readonly quantity: Quantity | undefined;
  /** A text the meter names the quantity by. */
  readonly named: string | undefined;
  /** Undefined: no data, or none that is a number or a text. */
  readonly value: number | string | undefined;
  /** The data as it came. */
  readonly raw: Uint8Array;
}

export interface Records {
  readonly records: readonly DataRecord[];
  /** More records follow in the next telegram. [MBUS-DOC 6.3] */
  readonly more: boolean;
}

const extended = 0x80;
/** Extensions of one record. [MBUS-DOC 6.3] */
const extensionLimit = 10;
/** Idle filler. */
const filler = 0x2f;
/** All that follows is the maker's own; with 1F there is another telegram. [MBUS-DOC 6.3] */
const makersData = 0x0f;
const moreFollows = 0x1f;
/** The quantity stands in a text. [MBUS-DOC 8.4] */
const plainText = 0x7c;

/** Length of fixed data by the low bits of the DIF. [MBUS-DOC 8.4] @unit bytes */
const dataLengths = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, undefined, 6, undefined] as const;
const realCoding = 5;
const variableCoding = 13;

/** Quantities whose bits stand for themselves, whatever their coding. */
const flagNames: ReadonlySet<string> = new Set(["error_flags", "digital_input", "digital_output"]);

/** The records of a response's data, header left out. */
export function decodeRecords(data: Uint8Array): Records {
  const records: DataRecord[] = [];
  const reader = new ByteReader(data);
  while (reader.left > 0) {
    const dif = reader.byte();
    if (dif === filler) continue;
    if (dif === makersData || dif === moreFollows) {
      return { records, more: dif === moreFollows };
    }
    const record = recordOf(dif, reader);
    if (record === undefined) break;
    records.push(record);
  }
  return { records, more: false };
}

/** The record that begins with this DIF; undefined: it is cut off, or of no known form. */
function recordOf(dif: number, reader: ByteReader): DataRecord | undefined {
  const place = placeOf(dif, reader);
  const information = informationOf(reader);
  if (place === undefined || information === undefined) return undefined;
  const coding = dif & 0x0f;
  const length = coding === variableCoding ? variableLength(reader) : dataLengths[coding];
  if (length === undefined || length > reader.left) return undefined;
  const raw = reader.take(length);
  const quantity = quantityOf(information.codes);
  const code = functions[(dif >> 4) & 3] ?? "error";
  return {
    function: code,
    ...place,
    vif: Buffer.from(information.codes).toString("hex").toUpperCase(),
    named: information.named,
    quantity,
    value: quantity?.missing === true ? undefined : valueOf(coding, raw, quantity),
    raw,
  };
}

interface Place {
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
}

function placeOf(dif: number, reader: ByteReader): Place | undefined {
  let storage = (dif >> 6) & 1;
  let [tariff, subunit] = [0, 0];
  let byte = dif;
  for (let index = 0; (byte & extended) !== 0; index += 1) {
    if (index >= extensionLimit || reader.left === 0) return undefined;
    byte = reader.byte();
    storage += (byte & 0x0f) * 2 ** (1 + 4 * index);
    tariff += ((byte >> 4) & 3) * 4 ** index;
    subunit += ((byte >> 6) & 1) * 2 ** index;
  }
  return { storage, tariff, subunit };
}

/**
 * VIF and VIFEs, and the text that names the quantity: behind the VIFEs, or, with older meters,
 * between VIF and VIFEs. A length and characters that can be printed tell the older form.
 */
function informationOf(
  reader: ByteReader,
): { readonly codes: Uint8Array; readonly named: string | undefined } | undefined {
  if (reader.left === 0) return undefined;
  const vif = reader.byte();
  const isText = (vif & ~extended) === plainText;
  const early = isText ? reader.text() : undefined;
  const codes = [vif];
  const most = extensionLimit + (extensionTables.has(vif) ? 2 : 1);
  while (((codes.at(-1) ?? 0) & extended) !== 0) {
    if (codes.length >= most || reader.left === 0) return undefined;
    codes.push(reader.byte());
  }
  const named = early ?? (isText ? reader.text() : undefined);
  if (isText && named === undefined) return undefined;
  return { codes: Uint8Array.from(codes), named };
}

/** Length of data that says its own; undefined for forms that are no text. [MBUS-DOC 6.3] */
function variableLength(reader: ByteReader): number | undefined {
  if (reader.left === 0) return undefined;
  const length = reader.byte();
  return length <= 0xbf ? length : undefined;
}

function valueOf(
  coding: number,
  raw: Uint8Array,
  quantity: Quantity | undefined,
): number | string | undefined {
  if (raw.length === 0) return undefined;
  if (quantity !== undefined && flagNames.has(quantity.name)) return decodeFlags(raw);
  if (coding === realCoding) return decodeReal(raw);
  if (coding === variableCoding) return textOf(raw);
  return coding < 8 ? decodeWhole(raw) : decodeBcd(raw);
}

/** A text travels with its last character first. [MBUS-DOC 6.3] */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.toReversed()).toString("latin1");
}

class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next byte; the caller has looked that there is one. */
  byte(): number {
    this.#at += 1;
    return this.#bytes[this.#at - 1] ?? 0;
  }

  /** A text with its length before it; undefined, and nothing taken: there is none here. */
  text(): string | undefined {
    const length = this.#bytes[this.#at] ?? 0;
    const text = textOf(this.#bytes.subarray(this.#at + 1, this.#at + 1 + length));
    if (length === 0 || text.length < length || !/^[ -~]+$/.test(text)) return undefined;
    this.#at += 1 + length;
    return text;
  }

  take(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }
}
