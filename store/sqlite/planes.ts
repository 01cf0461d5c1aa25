/**
 * Whole numbers as byte planes: all lowest bytes together, then all second ones, and so on. Each
 * plane is one repeated byte, a zstd frame, or the bytes themselves, whichever is shortest; so a
 * noisy low byte does not spoil the coding of the quiet bytes above it.
 *
 *   plane: u8 mode (0 bytes, 1 zstd, 2 one byte repeated) · u32 length · bytes
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { damaged } from "./bytes.ts";

const modes = { bytes: 0, zstd: 1, same: 2 } as const;

/** Bytes of a plane below which a zstd frame costs more than it saves. */
const leastPlane = 48;
/** Bits a byte from which a plane is left as it is; trying zstd would only cost time. */
const noise = 7.6;

const zstdOptions = {
  params: {
    [constants.ZSTD_c_compressionLevel]: 1,
    [constants.ZSTD_c_contentSizeFlag]: 0,
  },
};

export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, zstdOptions);
}

/** @param length of the bytes before they were compressed. @throws E_STORE_CONFIG */
export function decompress(bytes: Uint8Array, length: number): Uint8Array {
  let found: Uint8Array;
  try {
    found = zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw damaged(`a compressed part cannot be read (${String(cause)})`);
  }
  if (found.length !== length) throw damaged("a compressed part has another length");
  return found;
}

/** Planes one by one, or as they are when the whole will be compressed. */
export type Packing = "packed" | "plain";

export function writePlane(out: ByteWriter, plane: Uint8Array, packing: Packing): void {
  const bits = bitsPerByte(plane);
  if (bits === 0 && plane.length > 0) return put(out, modes.same, plane.subarray(0, 1));
  const tryIt = packing === "packed" && plane.length >= leastPlane && bits < noise;
  const packed = tryIt ? compress(plane) : plane;
  if (packed.length < plane.length) put(out, modes.zstd, packed);
  else put(out, modes.bytes, plane);
}

function put(out: ByteWriter, mode: number, bytes: Uint8Array): void {
  out.u8(mode);
  out.u32(bytes.length);
  out.bytes(bytes);
}

/** @throws E_STORE_CONFIG */
export function readPlane(from: ByteReader, length: number): Uint8Array {
  const mode = from.u8();
  const bytes = from.bytes(from.u32());
  if (mode === modes.zstd) return decompress(bytes, length);
  if (mode === modes.same) return new Uint8Array(length).fill(bytes[0] ?? 0);
  if (bytes.length !== length) throw damaged("a plane has another length");
  return bytes;
}

const counts = new Uint32Array(256);

/** Entropy of single bytes; 0 when all are the same. @unit bits a byte */
function bitsPerByte(plane: Uint8Array): number {
  counts.fill(0);
  for (let i = 0; i < plane.length; i += 1) {
    const byte = plane[i] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let bits = 0;
  for (let i = 0; i < 256; i += 1) {
    const share = (counts[i] ?? 0) / plane.length;
    if (share > 0) bits -= share * Math.log2(share);
  }
  return bits;
}

/**
 * Whole numbers from 0 on, below 2^53, in as many planes as the greatest of them needs.
 */
export function writeWhole(out: ByteWriter, numbers: Float64Array, packing: Packing): void {
  let greatest = 0;
  for (let i = 0; i < numbers.length; i += 1) greatest = Math.max(greatest, numbers[i] ?? 0);
  let width = 0;
  for (let left = greatest; left >= 1; left /= 256) width += 1;
  out.u8(width);
  const plane = new Uint8Array(numbers.length);
  for (let place = 0; place < width; place += 1) {
    fillPlane(plane, numbers, place);
    writePlane(out, plane, packing);
  }
}

function fillPlane(plane: Uint8Array, numbers: Float64Array, place: number): void {
  if (place < 4) {
    const shift = place * 8;
    // A remainder is exact, and `>>>` wants 32 bits.
    for (let i = 0; i < plane.length; i += 1) plane[i] = ((numbers[i] ?? 0) % 2 ** 32) >>> shift;
    return;
  }
  const unit = 256 ** place;
  for (let i = 0; i < plane.length; i += 1) plane[i] = Math.floor((numbers[i] ?? 0) / unit) % 256;
}

/** @throws E_STORE_CONFIG */
export function readWhole(from: ByteReader, length: number): Float64Array<ArrayBuffer> {
  const width = from.u8();
  if (width > 7) throw damaged("a number is too wide");
  const numbers = new Float64Array(length);
  for (let place = 0; place < width; place += 1) {
    const plane = readPlane(from, length);
    const unit = 256 ** place;
    for (let i = 0; i < length; i += 1) numbers[i] = (numbers[i] ?? 0) + (plane[i] ?? 0) * unit;
  }
  return numbers;
}
