/**
 * A chunk: up to 4,096 rows of one series, sealed. Its head tells what many questions ask, so that
 * the body is read only for the others; the times stand once for all fields.
 *
 *   head: u8 version (1) · u8 packing (0 column by column, 1 the whole body) · u32 plain length of
 *         the body · u32 length of the times · u32 fields, then 73 bytes a field:
 *         u32 id · u8 text · u32 values · u32 offset · u32 length · f64 sum, min, max, first, last,
 *         time of the first, time of the last
 *   body: times, then each field: [bits of the rows that have it, unless all have] · column
 */
import type { Block, Column, Texts } from "./block.ts";
import { emptyColumn, partOf } from "./block.ts";
import { ByteReader, ByteWriter, damaged } from "./bytes.ts";
import { readNumbers, readTexts, writeNumbers, writeTexts } from "./column.ts";
import type { Packing } from "./planes.ts";
import { compress, decompress, readPlane, writePlane } from "./planes.ts";

/** Rows of a chunk. */
export const maxChunkRows = 4096;
/** Rows below which columns are too short to be worth a zstd frame each. */
const fewRows = 200;
const headVersion = 1;

/** What a head says of one field. A text has no sum, least, greatest, first or last. */
export interface FieldHead {
  readonly id: number;
  readonly text: boolean;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly offset: number;
  readonly length: number;
}

export interface ChunkHead {
  readonly packing: Packing;
  readonly bodyLength: number;
  readonly timesLength: number;
  readonly fields: ReadonlyMap<number, FieldHead>;
}

/** A chunk as it rests in the file. */
export interface SealedChunk {
  readonly from: number;
  /** Time of the last row. */
  readonly last: number;
  readonly rows: number;
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

/** A block in chunks; the block is not empty. */
export function sealBlock(block: Block): SealedChunk[] {
  const rows = block.times.length;
  const pieces = Math.ceil(rows / maxChunkRows);
  return Array.from({ length: pieces }, (_, i) =>
    sealPart(partOf(block, Math.floor((i * rows) / pieces), Math.floor(((i + 1) * rows) / pieces))),
  );
}

function sealPart({ times, columns }: Block): SealedChunk {
  const packing: Packing = times.length < fewRows ? "plain" : "packed";
  const body = new ByteWriter();
  writeNumbers(body, times, packing);
  const timesLength = body.length;
  const fields: FieldHead[] = [];
  for (const [id, column] of columns) {
    const offset = body.length;
    const summary = writeColumn(body, { times, column }, packing);
    if (summary.count > 0) fields.push({ ...summary, id, offset, length: body.length - offset });
  }
  const plain = body.finish();
  const head = new ByteWriter();
  head.u8(headVersion);
  head.u8(packing === "packed" ? 0 : 1);
  head.u32(plain.length);
  head.u32(timesLength);
  head.u32(fields.length);
  for (const field of fields) writeFieldHead(head, field);
  return {
    from: times[0] ?? 0,
    last: times.at(-1) ?? 0,
    rows: times.length,
    head: head.finish(),
    body: packing === "packed" ? plain : compress(plain),
  };
}

type Summary = Omit<FieldHead, "id" | "offset" | "length">;

function writeColumn(
  out: ByteWriter,
  { times, column }: { readonly times: Float64Array; readonly column: Column },
  packing: Packing,
): Summary {
  const present = placesIn(column);
  const summary = summaryOf(times, column, present);
  if (present.length === 0) return summary;
  if (present.length < times.length) writePlane(out, bitsOf(present, times.length), packing);
  if (column instanceof Float64Array) {
    const dense =
      present.length === times.length
        ? column
        : Float64Array.from(present, (place) => column[place] ?? 0);
    writeNumbers(out, dense, packing);
  } else {
    writeTexts(
      out,
      Array.from(present, (place) => column[place] ?? ""),
      packing,
    );
  }
  return summary;
}

function placesIn(column: Column): Uint32Array {
  const places = new Uint32Array(column.length);
  let count = 0;
  for (let i = 0; i < column.length; i += 1) {
    const value = column[i];
    if (value === undefined || value !== value) continue;
    places[count] = i;
    count += 1;
  }
  return places.subarray(0, count);
}

function summaryOf(times: Float64Array, column: Column, present: Uint32Array): Summary {
  const count = present.length;
  const [start = 0, end = 0] = [present[0], present.at(-1)];
  const bounds = { count, firstTime: times[start] ?? 0, lastTime: times[end] ?? 0 };
  if (!(column instanceof Float64Array)) {
    return { ...bounds, text: true, sum: 0, min: 0, max: 0, first: 0, last: 0 };
  }
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const place of present) {
    const value = column[place] ?? 0;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const [first = 0, last = 0] = [column[start], column[end]];
  return { ...bounds, text: false, sum, min, max, first, last };
}

function bitsOf(present: Uint32Array, rows: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rows / 8));
  for (const place of present) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  return bits;
}

function writeFieldHead(out: ByteWriter, field: FieldHead): void {
  out.u32(field.id);
  out.u8(Number(field.text));
  for (const number of [field.count, field.offset, field.length]) out.u32(number);
  const { sum, min, max, first, last, firstTime, lastTime } = field;
  for (const number of [sum, min, max, first, last, firstTime, lastTime]) out.f64(number);
}

/** @throws E_STORE_CONFIG */
export function readHead(bytes: Uint8Array): ChunkHead {
  const from = new ByteReader(bytes);
  if (from.u8() !== headVersion) throw damaged("a chunk of a version that is not known");
  const packing: Packing = from.u8() === 0 ? "packed" : "plain";
  const [bodyLength, timesLength, count] = [from.u32(), from.u32(), from.u32()];
  const fields = new Map<number, FieldHead>();
  for (let i = 0; i < count; i += 1) {
    const field: FieldHead = {
      id: from.u32(),
      text: from.u8() === 1,
      count: from.u32(),
      offset: from.u32(),
      length: from.u32(),
      sum: from.f64(),
      min: from.f64(),
      max: from.f64(),
      first: from.f64(),
      last: from.f64(),
      firstTime: from.f64(),
      lastTime: from.f64(),
    };
    fields.set(field.id, field);
  }
  return { packing, bodyLength, timesLength, fields };
}

/**
 * The rows of a chunk with the fields wanted, those that it has.
 * @throws E_STORE_CONFIG
 */
export function readChunk(
  {
    head,
    body,
    rows,
  }: { readonly head: ChunkHead; readonly body: Uint8Array; readonly rows: number },
  wanted: (id: number) => boolean,
): Block {
  const plain = head.packing === "packed" ? body : decompress(body, head.bodyLength);
  if (plain.length !== head.bodyLength) throw damaged("a chunk's body has another length");
  const times = readNumbers(new ByteReader(plain.subarray(0, head.timesLength)), rows);
  const columns = new Map<number, Column>();
  for (const field of head.fields.values()) {
    if (!wanted(field.id)) continue;
    const bytes = plain.subarray(field.offset, field.offset + field.length);
    columns.set(field.id, readColumn(new ByteReader(bytes), field, rows));
  }
  return { times, columns };
}

function readColumn(from: ByteReader, { text, count }: FieldHead, rows: number): Column {
  const places = count < rows ? placesOf(readPlane(from, Math.ceil(rows / 8))) : undefined;
  const dense: Float64Array | Texts = text ? readTexts(from, count) : readNumbers(from, count);
  if (places === undefined) return dense;
  if (places.length !== count) throw damaged("a column has more rows than values");
  const column = emptyColumn(text, rows);
  places.forEach((place, i) => {
    const value = dense[i];
    if (value !== undefined) column[place] = value;
  });
  return column;
}

function placesOf(bits: Uint8Array): number[] {
  const places: number[] = [];
  bits.forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (1 << bit)) !== 0) places.push(at * 8 + bit);
  });
  return places;
}
