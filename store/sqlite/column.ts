/**
 * One column of a chunk, bit for bit: finite numbers, or texts. Numbers that are decimal fractions
 * of up to nine places become whole numbers; of them their own values, their differences or the
 * differences of those are kept, whichever vary least. Other numbers keep their eight bytes.
 *
 *   numbers: u8 kind (0 whole, 1 eight bytes, 2 all the same)
 *            whole: u8 places · u8 order (0, 1, 2 differences) · f64 least · f64 heads[order] ·
 *            planes
 *            eight bytes: 8 planes     all the same: f64
 *   texts:   u32 length of the dictionary · u32 stored length · JSON (zstd) · numbers: places in it
 *
 * Minus zero never comes here: it is zero in every engine.
 */
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { damaged } from "./bytes.ts";
import type { Packing } from "./planes.ts";
import { compress, decompress, readPlane, readWhole, writePlane, writeWhole } from "./planes.ts";

const kinds = { whole: 0, doubles: 1, same: 2 } as const;
const maxPlaces = 9;
/** Differences of second order of such numbers are still exact. */
const greatest = 2 ** 50;
const powers = Array.from({ length: maxPlaces + 1 }, (_, places) => 10 ** places);

export function writeNumbers(out: ByteWriter, values: Float64Array, packing: Packing): void {
  const [first = 0] = values;
  if (values.every((value) => value === first)) {
    out.u8(kinds.same);
    out.f64(first);
    return;
  }
  const places = placesOf(values);
  if (places === undefined) return writeDoubles(out, values, packing);
  const power = powers[places] ?? 1;
  const whole = new Float64Array(values.length);
  for (let i = 0; i < whole.length; i += 1) whole[i] = Math.round((values[i] ?? 0) * power);
  writeWholes(out, { whole, places }, packing);
}

/** How many decimal places every value has; undefined: more than are tried. */
function placesOf(values: Float64Array): number | undefined {
  let places = 0;
  let power = 1;
  for (let i = 0; i < values.length;) {
    const value = values[i] ?? 0;
    const whole = Math.round(value * power);
    if (Math.abs(whole) > greatest) return undefined;
    if (whole / power === value) {
      i += 1;
      continue;
    }
    // A value with fewer places also has more; only its size must be looked at again.
    places += 1;
    if (places > maxPlaces) return undefined;
    power = powers[places] ?? 1;
  }
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    const whole = Math.round(value * power);
    if (Math.abs(whole) > greatest || whole / power !== value) return undefined;
  }
  return places;
}

function writeWholes(
  out: ByteWriter,
  { whole, places }: { readonly whole: Float64Array; readonly places: number },
  packing: Packing,
): void {
  const first = differences(whole, 0);
  const orders = [whole, first, differences(first, 1)];
  const spreads = orders.map((numbers, order) => spreadOf(numbers, order));
  const order = spreads.indexOf(Math.min(...spreads));
  const chosen = (orders[order] ?? whole).subarray(order);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < chosen.length; i += 1) least = Math.min(least, chosen[i] ?? 0);
  const offset = chosen.length === 0 ? 0 : least;
  out.u8(kinds.whole);
  out.u8(places);
  out.u8(order);
  out.f64(offset);
  for (let i = 0; i < order; i += 1) out.f64((i === 0 ? whole : first)[i] ?? 0);
  writeWhole(
    out,
    chosen.map((number) => number - offset),
    packing,
  );
}

/** Each number less the one before it; those before `from` stay. */
function differences(numbers: Float64Array, from: number): Float64Array {
  const found = numbers.slice();
  for (let i = numbers.length - 1; i > from; i -= 1) {
    found[i] = (numbers[i] ?? 0) - (numbers[i - 1] ?? 0);
  }
  return found;
}

/** How much numbers vary: about the bits that each of them takes, weighed by their count. */
function spreadOf(numbers: Float64Array, from: number): number {
  let sum = 0;
  for (let i = from; i < numbers.length; i += 1) sum += numbers[i] ?? 0;
  const mean = sum / Math.max(1, numbers.length - from);
  let spread = 0;
  for (let i = from; i < numbers.length; i += 1) spread += Math.abs((numbers[i] ?? 0) - mean);
  return spread;
}

function writeDoubles(out: ByteWriter, values: Float64Array, packing: Packing): void {
  out.u8(kinds.doubles);
  const bytes = new Uint8Array(values.slice().buffer);
  const plane = new Uint8Array(values.length);
  for (let place = 0; place < 8; place += 1) {
    for (let i = 0; i < plane.length; i += 1) plane[i] = bytes[i * 8 + place] ?? 0;
    writePlane(out, plane, packing);
  }
}

/** @throws E_STORE_CONFIG */
export function readNumbers(from: ByteReader, length: number): Float64Array<ArrayBuffer> {
  const kind = from.u8();
  if (kind === kinds.same) return new Float64Array(length).fill(from.f64());
  if (kind === kinds.doubles) return readDoubles(from, length);
  if (kind !== kinds.whole) throw damaged("a column is of no kind that is known");
  const power = powers[from.u8()] ?? 1;
  const order = from.u8();
  const offset = from.f64();
  const heads = Array.from({ length: order }, () => from.f64());
  const rest = readWhole(from, Math.max(0, length - order));
  const whole = new Float64Array(length);
  heads.forEach((head, i) => {
    whole[i] = head;
  });
  for (let i = order; i < length; i += 1) whole[i] = (rest[i - order] ?? 0) + offset;
  for (let at = order; at > 0; at -= 1) sumUp(whole, at);
  if (power !== 1) for (let i = 0; i < length; i += 1) whole[i] = (whole[i] ?? 0) / power;
  return whole;
}

function sumUp(numbers: Float64Array, from: number): void {
  for (let i = from; i < numbers.length; i += 1) {
    numbers[i] = (numbers[i] ?? 0) + (numbers[i - 1] ?? 0);
  }
}

function readDoubles(from: ByteReader, length: number): Float64Array<ArrayBuffer> {
  const bytes = new Uint8Array(length * 8);
  for (let place = 0; place < 8; place += 1) {
    const plane = readPlane(from, length);
    for (let i = 0; i < length; i += 1) bytes[i * 8 + place] = plane[i] ?? 0;
  }
  return new Float64Array(bytes.buffer);
}

export function writeTexts(out: ByteWriter, texts: readonly string[], packing: Packing): void {
  const places = new Map<string, number>();
  for (const text of texts) if (!places.has(text)) places.set(text, places.size);
  const json = Buffer.from(JSON.stringify([...places.keys()]));
  const packed = compress(json);
  out.u32(json.length);
  out.u32(packed.length);
  out.bytes(packed);
  writeNumbers(
    out,
    Float64Array.from(texts, (text) => places.get(text) ?? 0),
    packing,
  );
}

/** @throws E_STORE_CONFIG */
export function readTexts(from: ByteReader, length: number): string[] {
  const jsonLength = from.u32();
  const json = decompress(from.bytes(from.u32()), jsonLength);
  const dictionary: unknown = JSON.parse(Buffer.from(json).toString());
  if (!Array.isArray(dictionary)) throw damaged("a dictionary is no list");
  return Array.from(readNumbers(from, length), (place) => String(dictionary[place] ?? ""));
}
