/**
 * Everything that registers may mean at an address: each type and byte order that gives a sound
 * number. Costs are in nats (logarithms of odds): the plain and the usual costs least.
 *
 * Forms that give the same number are one reading under the simplest name: an int16 below 0x8000 is
 * a uint16, and zero is zero in every form.
 */
import { GatewayError } from "../../../telemetry/index.ts";
import type { Order, ValueType } from "../values.ts";
import { decodeRaw, typeWords } from "../values.ts";
import type { RegisterTable, Snapshot } from "./snapshot.ts";

export interface Form {
  readonly type: Exclude<ValueType, "string">;
  readonly order: Order;
  /** @unit nat */
  readonly cost: number;
}

export interface RawReading extends Form {
  readonly table: RegisterTable;
  readonly at: number;
  readonly raw: number;
  /** Bits that the number really uses: 16 for a 32-bit value whose high word is empty. */
  readonly bits: number;
  readonly float: boolean;
  /** Types that give the same number. */
  readonly also: readonly string[];
}

const typeCosts = [
  ["uint16", 0],
  ["int16", 0.2],
  ["float32", 0.2],
  ["uint32", 0.4],
  ["int32", 0.5],
  ["bcd16", 2.5],
  ["bcd32", 2.7],
  ["uint64", 1.4],
  ["int64", 1.5],
  ["float64", 1.6],
] as const;

const orderCosts = [
  ["ABCD", 0],
  ["CDAB", 0.4],
  ["BADC", 2],
  ["DCBA", 1.6],
] as const;

/** All forms, the simplest first. */
export const forms: readonly Form[] = typeCosts
  .flatMap(([type, cost]) =>
    orderCosts
      // Of 16 bits only the swap of bytes matters.
      .filter(([order]) => typeWords[type] > 1 || order === "ABCD" || order === "BADC")
      .map(([order, more]): Form => ({ type, order, cost: cost + more })),
  )
  .toSorted((a, b) => a.cost - b.cost);

/** Sizes of a measured number as devices give it; beyond, a float is taken for something else. */
const smallestFloat = 1e-5;
const largestFloat = 1e12;
const smallestWhole16 = 0x8000;

/** The registers of a value, or undefined when one of them was not read. */
export function wordsAt(
  { words }: Snapshot,
  table: RegisterTable,
  { at, count }: { readonly at: number; readonly count: number },
): Uint16Array | undefined {
  const found = new Uint16Array(count);
  for (let index = 0; index < count; index += 1) {
    const word = words[table].get(at + index);
    if (word === undefined) return undefined;
    found[index] = word;
  }
  return found;
}

/** The readings at one address, the simplest of equal ones alone. */
export function readingsAt(snapshot: Snapshot, table: RegisterTable, at: number): RawReading[] {
  const readings: RawReading[] = [];
  for (const form of forms) {
    const reading = readAs(snapshot, { table, at }, form);
    if (reading !== undefined) readings.push(reading);
  }
  return readings;
}

/** The reading of one form, or undefined when it is no sound number. */
export function readAs(
  snapshot: Snapshot,
  { table, at }: Pick<RawReading, "table" | "at">,
  form: Form,
): RawReading | undefined {
  const words = wordsAt(snapshot, table, { at, count: typeWords[form.type] });
  const raw = words && rawOf(words, form);
  if (words === undefined || raw === undefined) return undefined;
  const float = form.type.startsWith("float");
  return { ...form, table, at, raw, bits: bitsUsed(words, raw, float), float, also: alsoOf(form) };
}

function rawOf(words: Uint16Array, { type, order }: Form): number | undefined {
  // The same number as a simpler form: say it once.
  const first = order === "ABCD" || order === "BADC" ? words[0] : words.at(-1);
  const high = ((order === "BADC" || order === "DCBA" ? swapped(first ?? 0) : first) ?? 0) & 0xffff;
  if (type.startsWith("int") && high < smallestWhole16) return undefined;
  const empty = words.every((word) => word === 0);
  if (empty && (type !== "uint16" || order !== "ABCD")) return undefined;
  try {
    const raw = Number(decodeRaw(words, type, order));
    return isSound(raw, words, type) ? raw : undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.code === "E_VALUE") return undefined;
    throw error;
  }
}

function isSound(raw: number, words: Uint16Array, type: ValueType): boolean {
  if (type.startsWith("float")) {
    const size = Math.abs(raw);
    return Number.isFinite(raw) && size >= smallestFloat && size <= largestFloat;
  }
  // Single digits are the same in both.
  if (type.startsWith("bcd")) return raw > 9;
  // 0xFFFF.. means "no value" on most devices.
  return words.some((word) => word !== 0xffff) && Math.abs(raw) <= Number.MAX_SAFE_INTEGER;
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

function bitsUsed(words: Uint16Array, raw: number, float: boolean): number {
  const width = words.length * 16;
  if (float) return width;
  const used = Math.ceil(Math.log2(Math.abs(raw) + 1));
  return Math.min(width, Math.max(16, Math.ceil(used / 16) * 16));
}

function alsoOf({ type }: Form): string[] {
  return type.startsWith("uint") ? [type.slice(1)] : [];
}
