/**
 * Registers to raw values and back. A raw value is what the maker's manual prints: a number, a
 * bigint where 64 bits may need it, or a text.
 *
 * Byte orders, for a value whose bytes are A (highest) to D, as two registers on the wire:
 *   ABCD  [AB][CD]  big-endian, the standard's own        CDAB  [CD][AB]  low word first
 *   BADC  [BA][DC]  bytes swapped in each register        DCBA  [DC][BA]  little-endian
 * 64 bits: the same two choices, words reversed and bytes swapped. 16 bits and texts: only the
 * swap of bytes matters.
 */
import { assertNever, GatewayError } from "../../telemetry/index.ts";

export const orders = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
export type Order = (typeof orders)[number];

/** Types by name, with the registers each takes; a text takes as many as its field says. */
export const typeWords = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float16: 1,
  float32: 2,
  float64: 4,
  bcd16: 1,
  bcd32: 2,
  bcd64: 4,
  string: 0,
} as const;

export type ValueType = keyof typeof typeWords;

export const typeNames = [
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float16",
  "float32",
  "float64",
  "bcd16",
  "bcd32",
  "bcd64",
  "string",
] as const satisfies readonly ValueType[];
export type Raw = number | bigint | string;

/** The value's bytes, highest first, from registers in their order on the wire. */
function straighten(words: Uint16Array, order: Order, reversible: boolean): DataView {
  const reverse = reversible && (order === "CDAB" || order === "DCBA");
  const swap = order === "BADC" || order === "DCBA";
  const view = new DataView(new ArrayBuffer(words.length * 2));
  for (let index = 0; index < words.length; index += 1) {
    const word = words[reverse ? words.length - 1 - index : index] ?? 0;
    view.setUint16(index * 2, word, swap);
  }
  return view;
}

/** The registers in their order on the wire, from bytes, highest first. */
function wordsOf(view: DataView, order: Order, reversible: boolean): Uint16Array {
  const reverse = reversible && (order === "CDAB" || order === "DCBA");
  const swap = order === "BADC" || order === "DCBA";
  const words = new Uint16Array(view.byteLength / 2);
  for (let index = 0; index < words.length; index += 1) {
    words[reverse ? words.length - 1 - index : index] = view.getUint16(index * 2, swap);
  }
  return words;
}

/** The bits of a value as one unsigned number, for markers and bit fields. */
export function patternOf(words: Uint16Array, order: Order): bigint {
  const view = straighten(words, order, true);
  let pattern = 0n;
  for (let at = 0; at < view.byteLength; at += 2) {
    pattern = (pattern << 16n) | BigInt(view.getUint16(at));
  }
  return pattern;
}

/** The registers of a bit pattern; the inverse of `patternOf`. */
export function wordsOfPattern(pattern: bigint, length: number, order: Order): Uint16Array {
  const view = new DataView(new ArrayBuffer(length * 2));
  let rest = pattern;
  for (let at = length * 2 - 2; at >= 0; at -= 2) {
    view.setUint16(at, Number(rest & 0xffffn));
    rest >>= 16n;
  }
  return wordsOf(view, order, true);
}

/**
 * The raw value of registers. Texts end at the first NUL and lose trailing blanks.
 * @throws E_VALUE when a BCD digit is above 9
 */
export function decodeRaw(words: Uint16Array, type: ValueType, order: Order): Raw {
  const view = straighten(words, order, type !== "string");
  switch (type) {
    case "int16":
      return view.getInt16(0);
    case "uint16":
      return view.getUint16(0);
    case "int32":
      return view.getInt32(0);
    case "uint32":
      return view.getUint32(0);
    case "int64":
      return view.getBigInt64(0);
    case "uint64":
      return view.getBigUint64(0);
    case "float16":
      return float16Of(view.getUint16(0));
    case "float32":
      return shortestFloat32(view.getFloat32(0));
    case "float64":
      return view.getFloat64(0);
    case "bcd16":
    case "bcd32":
      return Number(bcdDigits(view));
    case "bcd64":
      return BigInt(bcdDigits(view));
    case "string":
      return textOf(view);
    default:
      return assertNever(type);
  }
}

/**
 * The registers that hold a raw value; the inverse of `decodeRaw`. `length` matters for texts.
 * @throws E_VALUE when the type cannot hold the value
 */
export function encodeRaw(raw: Raw, type: ValueType, form: EncodeForm): Uint16Array {
  const length = type === "string" ? form.length : typeWords[type];
  const view = new DataView(new ArrayBuffer(length * 2));
  if (typeof raw === "string" || type === "string") {
    const bytes = Buffer.from(String(raw), "latin1");
    if (type !== "string" || bytes.length > length * 2) throw unfit(raw, type);
    bytes.copy(Buffer.from(view.buffer));
    return wordsOf(view, form.order, false);
  }
  writeNumber(view, raw, type);
  return wordsOf(view, form.order, true);
}

export interface EncodeForm {
  readonly order: Order;
  readonly length: number;
}

function writeNumber(view: DataView, raw: number | bigint, type: Exclude<ValueType, "string">) {
  if (type === "float16") return view.setUint16(0, float16Bits(Number(raw)));
  if (type === "float32") return view.setFloat32(0, Number(raw));
  if (type === "float64") return view.setFloat64(0, Number(raw));
  const [low, high] = rawRange(type);
  if (typeof raw === "number" && !Number.isInteger(raw)) throw unfit(raw, type);
  let whole = BigInt(raw);
  if (whole < low || whole > high) throw unfit(raw, type);
  if (type.startsWith("bcd")) whole = BigInt(`0x${whole.toString()}`);
  const bits = BigInt.asUintN(view.byteLength * 8, whole);
  for (let at = 0; at < view.byteLength; at += 2) {
    view.setUint16(at, Number((bits >> BigInt((view.byteLength - 2 - at) * 8)) & 0xffffn));
  }
}

/** Lowest and highest whole number of a type that holds whole numbers. */
export function rawRange(type: Exclude<ValueType, "string">): readonly [bigint, bigint] {
  const bits = BigInt(typeWords[type] * 16);
  if (type.startsWith("bcd")) return [0n, 10n ** (bits / 4n) - 1n];
  return type.startsWith("int")
    ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]
    : [0n, (1n << bits) - 1n];
}

function unfit(raw: Raw, type: ValueType): GatewayError {
  return new GatewayError("E_VALUE", `${String(raw)} does not fit ${type}`);
}

/** The shortest decimal that is this single: 230.1, not 230.10000610351562. */
function shortestFloat32(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  for (const digits of [7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
function float16Of(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  const steps = Math.round((size / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + steps);
}

function bcdDigits(view: DataView): string {
  let digits = "";
  for (let at = 0; at < view.byteLength; at += 1) {
    digits += view.getUint8(at).toString(16).padStart(2, "0");
  }
  if (/^\d+$/.test(digits)) return digits;
  throw new GatewayError("E_VALUE", `0x${digits} is not binary-coded decimal`);
}

function textOf(view: DataView): string {
  const text = Buffer.from(view.buffer).toString("latin1");
  const end = text.indexOf("\0");
  return (end === -1 ? text : text.slice(0, end)).trimEnd();
}
