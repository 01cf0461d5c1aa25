/**
 * One field of a profile: registers to the register's value and back. The order of steps is
 * marker ("no value") -> bits -> states -> counter unwrapping -> scale and offset -> rounding.
 * `value = raw * scale * 10^exponent + offset`; the exponent comes from a scale-factor register.
 */
import type { FieldValue } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { decimalOf, minus, nearestWhole } from "./decimal.ts";
import type { Order, ValueType } from "./values.ts";
import { decodeRaw, encodeRaw, patternOf, rawRange, typeWords, wordsOfPattern } from "./values.ts";

export interface Bits {
  /** Lowest bit, from 0. */
  readonly from: number;
  readonly count: number;
}

export interface FieldForm {
  readonly type: ValueType;
  readonly order: Order;
  /** @unit registers */
  readonly length: number;
  /** True for coils and discrete inputs: the value is 0 or 1. */
  readonly bit: boolean;
  readonly bits: Bits | undefined;
  readonly scale: number;
  readonly offset: number;
  /** Bit patterns that mean "no value". */
  readonly none: ReadonlySet<bigint>;
  /** Raw code, as text, to the register's state number. */
  readonly states: ReadonlyMap<string, number> | undefined;
  /** What the register of measurements wants. */
  readonly wanted: "float" | "integer" | "text" | "any";
}

export interface DecodeExtras {
  /** Power of ten from a scale-factor register. */
  readonly exponent?: number;
  /** Makes a wrapping counter continuous. */
  readonly unwrap?: (raw: bigint) => bigint;
}

/** A scale-factor register that is not implemented. [SunSpec Device Information Model 4.2.9] */
const noScaleFactor = 0x8000;

/** Scale factors beyond this are nonsense. [SunSpec Device Information Model 4.2.9] */
const largestExponent = 10;

/**
 * The power of ten in a scale-factor register, or undefined when the device has none.
 * @throws E_VALUE
 */
export function exponentOf(word: number): number | undefined {
  if (word === noScaleFactor) return undefined;
  const exponent = word > 0x7fff ? word - 0x1_0000 : word;
  if (Math.abs(exponent) <= largestExponent) return exponent;
  throw new GatewayError("E_VALUE", `scale factor ${exponent} is out of range`);
}

/**
 * The value of a field, or undefined when the device says it has none.
 * @throws E_VALUE
 */
export function decodeField(
  form: FieldForm,
  words: Uint16Array,
  extras: DecodeExtras = {},
): FieldValue | undefined {
  if (form.bit) return stateOf(form, words[0] ?? 0);
  if (form.none.size > 0 && form.none.has(patternOf(words, form.order))) return undefined;
  let raw = form.bits === undefined ? decodeRaw(words, form.type, form.order) : bitsOf(form, words);
  if (typeof raw === "string") return textValue(form, raw);
  if (form.states !== undefined) return stateOf(form, raw);
  if (extras.unwrap !== undefined && Number.isInteger(Number(raw))) {
    raw = extras.unwrap(BigInt(raw));
  }
  return numberValue(form, raw, extras.exponent ?? 0);
}

/**
 * The registers of a value: the inverse of `decodeField`. `current` keeps the bits beside a bit
 * field.
 * @throws E_VALUE when the value does not fit
 */
export function encodeField(
  form: FieldForm,
  value: FieldValue,
  { exponent = 0, current }: { readonly exponent?: number; readonly current: Uint16Array },
): Uint16Array {
  if (form.type === "string") return encodeRaw(value, form.type, form);
  const raw = rawOf(form, value, exponent);
  if (form.bit) return Uint16Array.of(Number(raw));
  if (form.bits === undefined) return encodeRaw(raw, form.type, form);
  const { from, count } = form.bits;
  if (raw < 0 || raw >= 2 ** count) {
    throw new GatewayError("E_VALUE", `${raw} does not fit ${count} bits`);
  }
  const mask = ((1n << BigInt(count)) - 1n) << BigInt(from);
  const pattern = (patternOf(current, form.order) & ~mask) | (BigInt(raw) << BigInt(from));
  return wordsOfPattern(pattern, form.length, form.order);
}

/** Lowest and highest value that the field can carry. */
export function carriedRange(form: FieldForm, exponent = 0): readonly [number, number] {
  if (form.bit) return [0, 1];
  const { type } = form;
  if (type === "string" || form.states !== undefined) return [-Infinity, Infinity];
  if (type === "float16") return [-65_504, 65_504];
  if (type.startsWith("float")) return [-3.4e38, 3.4e38];
  const ends =
    form.bits === undefined ? rawRange(type) : [0n, (1n << BigInt(form.bits.count)) - 1n];
  const values = ends.map((raw) =>
    scaled(Number(raw), factorOf(form.scale, exponent), form.offset),
  );
  return [Math.min(...values), Math.max(...values)];
}

function bitsOf(form: FieldForm, words: Uint16Array): number {
  const { from, count } = form.bits ?? { from: 0, count: 16 };
  return Number(BigInt.asUintN(count, patternOf(words, form.order) >> BigInt(from)));
}

function stateOf(form: FieldForm, raw: number | bigint): number {
  if (form.states === undefined) return Number(raw);
  const state = form.states.get(String(raw));
  if (state !== undefined) return state;
  throw new GatewayError("E_VALUE", `the profile gives code ${raw} no state`);
}

function textValue(form: FieldForm, text: string): FieldValue | undefined {
  if (form.wanted === "text" || form.wanted === "any") return text === "" ? undefined : text;
  throw new GatewayError("E_VALUE", "a text is not a number");
}

function numberValue(
  form: FieldForm,
  raw: number | bigint,
  exponent: number,
): FieldValue | undefined {
  if (form.wanted === "text") return String(raw);
  if (typeof raw === "number" && !Number.isFinite(raw)) return undefined;
  const value = scaled(raw, factorOf(form.scale, exponent), form.offset);
  const rounded = form.wanted === "integer" ? Math.round(value) : value;
  const exact = form.wanted === "integer" || typeof raw === "bigint";
  if (exact && Math.abs(rounded) > Number.MAX_SAFE_INTEGER) {
    throw new GatewayError("E_VALUE", `${raw} is beyond 2^53 after scaling`);
  }
  return Number.isFinite(rounded) ? rounded : undefined;
}

/** `raw * times / over`: dividing by a whole number is exact where multiplying by 0.1 is not. */
export interface Factor {
  readonly times: number;
  readonly over: number;
}

/** What a scale and a power of ten do to a raw number. */
export function factorOf(scale: number, exponent: number): Factor {
  const inverse = Math.round(1 / scale);
  const divides = Math.abs(scale) < 1 && Math.abs(1 / scale - inverse) < 1e-9 * Math.abs(inverse);
  return {
    times: (divides ? 1 : scale) * (exponent > 0 ? 10 ** exponent : 1),
    over: (divides ? inverse : 1) * (exponent < 0 ? 10 ** -exponent : 1),
  };
}

/** `raw * times / over + offset`, without rounding noise. */
export function scaled(raw: number | bigint, { times, over }: Factor, offset: number): number {
  const value = typeof raw === "bigint" ? scaledBig(raw, times, over) : (raw * times) / over;
  // Fifteen digits carry no rounding noise: 1.2345 * 1000 is 1234.5, not 1234.4999999999998.
  return times === 1 && offset === 0 ? value : Number((value + offset).toPrecision(15));
}

function scaledBig(raw: bigint, times: number, over: number): number {
  const safe = raw <= BigInt(Number.MAX_SAFE_INTEGER) && raw >= BigInt(Number.MIN_SAFE_INTEGER);
  if (safe || !Number.isInteger(times)) return (Number(raw) * times) / over;
  const product = raw * BigInt(times);
  const divisor = BigInt(over);
  return Number(product / divisor) + Number(product % divisor) / over;
}

function rawOf(form: FieldForm, value: FieldValue, exponent: number): number | bigint {
  const number = Number(value);
  if (form.states !== undefined) return rawOfState(form.states, number);
  if (form.type.startsWith("float") && form.bits === undefined) {
    if (form.wanted === "text") return number;
    const { times, over } = factorOf(form.scale, exponent);
    return ((number - form.offset) * over) / times;
  }
  return wholeOf(form, value, exponent);
}

/**
 * The whole raw number nearest to a value, also where a double could not hold it.
 * @throws E_VALUE
 */
export function wholeOf(form: FieldForm, value: FieldValue, exponent = 0): bigint {
  const number = Number(value);
  if (!Number.isFinite(number)) throw new GatewayError("E_VALUE", `${value} is not a number`);
  if (form.wanted === "text" && /^-?\d+$/.test(String(value))) return BigInt(value);
  const { times, over } = factorOf(form.scale, exponent);
  const above = minus(decimalOf(number), decimalOf(form.offset));
  return nearestWhole(above, decimalOf(over), decimalOf(times));
}

function rawOfState(states: ReadonlyMap<string, number>, wanted: number): number {
  for (const [raw, state] of states) if (state === wanted) return Number(raw);
  throw new GatewayError("E_VALUE", `no code of the profile means state ${wanted}`);
}

/** Raw values as "no value" markers: hexadecimal texts are patterns, numbers are raw values. */
export function markersOf(
  entries: readonly (number | string)[],
  type: ValueType,
  order: Order,
): ReadonlySet<bigint> {
  const bits = typeWords[type] * 16;
  const markers = new Set<bigint>();
  for (const entry of entries) {
    // A number may be meant as a pattern (0x7FC00000) or as a value (-9999): both are markers.
    const whole = typeof entry === "string" || Number.isInteger(entry) ? BigInt(entry) : undefined;
    if (whole !== undefined && (!type.startsWith("float") || whole >= 0n)) {
      markers.add(BigInt.asUintN(bits, whole));
    }
    if (typeof entry === "number" && type.startsWith("float")) {
      markers.add(patternOf(encodeRaw(entry, type, { order, length: 0 }), order));
    }
  }
  return markers;
}
