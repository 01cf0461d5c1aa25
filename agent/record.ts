/**
 * One record of a spool segment. Little endian.
 *
 *   0        4        8        12                20                28
 *   | magic  | length | crc32  | seq (u64)       | time (f64)      | payload (length bytes)
 *
 * The checksum covers everything after itself. A segment is records, then zeros; whatever else
 * stands in it is damage, behind which the next magic may begin a good record.
 */
import { crc32 } from "node:zlib";
import { invariant } from "../telemetry/index.ts";

export const headerLength = 28;
const magic = 0x31_50_53_52;
const checkedFrom = 12;
const magicBytes = Buffer.from("RSP1", "latin1");

/**
 * Longest payload of a record: 180 KiB. With 64 KiB of company it stays below the 256 KiB that a
 * hub takes as one MQTT packet.
 */
export const maxPayload = 180 * 1024;

export interface SpoolRecord {
  readonly seq: number;
  /** When the device answered. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly payload: Uint8Array;
}

/** A record to be written, its payload still a text. */
export interface TextRecord {
  readonly seq: number;
  readonly time: number;
  readonly text: string;
  /** Of the text in UTF-8. @unit bytes */
  readonly length: number;
}

/** Bytes of a record with a payload of so many. */
export function recordLength(payload: number): number {
  return headerLength + payload;
}

/** Writes a record into `target` at `offset`; returns the offset behind it. */
export function writeRecord(target: Buffer, offset: number, record: TextRecord): number {
  const { seq, time, text, length } = record;
  const end = offset + recordLength(length);
  invariant(end <= target.length, "a record must fit its buffer");
  target.writeUInt32LE(magic, offset);
  target.writeUInt32LE(length, offset + 4);
  target.writeUInt32LE(seq % 2 ** 32, offset + 12);
  target.writeUInt32LE(Math.floor(seq / 2 ** 32), offset + 16);
  target.writeDoubleLE(time, offset + 20);
  const written = target.write(text, offset + headerLength, length, "utf8");
  invariant(written === length, "a record must be as long as its header says");
  target.writeUInt32LE(crc32(target.subarray(offset + checkedFrom, end)), offset + 8);
  return end;
}

/** What stands at an offset: a record, nothing, more than the source holds, or damage. */
export type Read =
  | { readonly kind: "record"; readonly record: SpoolRecord; readonly next: number }
  | { readonly kind: "empty" }
  | { readonly kind: "short" }
  | { readonly kind: "damage" };

/** Reads what stands at `offset` of `source`. Total: any bytes give an answer. */
export function readRecord(source: Buffer, offset: number): Read {
  if (offset + headerLength > source.length) return { kind: "short" };
  const mark = source.readUInt32LE(offset);
  if (mark === 0) return { kind: "empty" };
  if (mark !== magic) return { kind: "damage" };
  const length = source.readUInt32LE(offset + 4);
  if (length > maxPayload) return { kind: "damage" };
  const next = offset + headerLength + length;
  if (next > source.length) return { kind: "short" };
  if (crc32(source.subarray(offset + checkedFrom, next)) !== source.readUInt32LE(offset + 8)) {
    return { kind: "damage" };
  }
  const record = {
    seq: source.readUInt32LE(offset + 16) * 2 ** 32 + source.readUInt32LE(offset + 12),
    time: source.readDoubleLE(offset + 20),
    payload: source.subarray(offset + headerLength, next),
  };
  return { kind: "record", record, next };
}

/** Where the next record may begin after damage at `offset`, or -1. */
export function nextMagic(source: Buffer, offset: number): number {
  return source.indexOf(magicBytes, offset + 1);
}
