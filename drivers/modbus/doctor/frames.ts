/** Finds valid RTU frames in any bytes, whoever sent them. Pure. */
import { crcFits, encodeRtu } from "../rtu.ts";
import { replyLength } from "../pdu.ts";

export interface Found {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface FoundFrame extends Found {
  readonly unit: number;
  readonly kind: "request" | "reply";
}

/** The bytes of chunks, one after the other. */
export function joined(chunks: readonly { readonly bytes: Uint8Array }[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks.map(({ bytes }) => bytes)));
}

/** Replies to one request, exceptions included, in their order. */
export function repliesTo(
  bytes: Uint8Array,
  { unit, pdu }: { readonly unit: number; readonly pdu: Uint8Array },
): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== unit) continue;
    const length = replyLength(pdu, bytes.subarray(at + 1));
    if (length === undefined || length === 0) continue;
    const frame = bytes.subarray(at, at + length + 3);
    if (frame.length < length + 3 || !crcFits(frame)) continue;
    found.push({ at, bytes: frame });
    at += length + 2;
  }
  return found;
}

/** Functions whose request is eight bytes: reading, and writing one. [MODBUS-AP 6.1] */
const shortRequests: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6]);
const longRequests: ReadonlySet<number> = new Set([15, 16]);
const readReplies: ReadonlySet<number> = new Set([1, 2, 3, 4]);
const largestUnit = 247;

/**
 * Frames of any master and device. One in 65,536 places fits by chance, so that a single one in a
 * noisy record proves little.
 */
export function framesIn(bytes: Uint8Array): FoundFrame[] {
  const found: FoundFrame[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 1) {
    const frame = frameAt(bytes, at);
    if (frame === undefined) continue;
    found.push(frame);
    at += frame.bytes.length - 1;
  }
  return found;
}

function frameAt(bytes: Uint8Array, at: number): FoundFrame | undefined {
  const [unit = 0, code = 0, count = 0] = bytes.subarray(at, at + 3);
  if (unit > largestUnit) return undefined;
  const lengths: (readonly ["request" | "reply", number])[] = [];
  if (shortRequests.has(code)) lengths.push(["request", 8]);
  if (longRequests.has(code)) lengths.push(["request", 9 + (bytes[at + 6] ?? 0)]);
  if (readReplies.has(code)) lengths.push(["reply", count + 5]);
  for (const [kind, length] of lengths) {
    const frame = bytes.subarray(at, at + length);
    if (frame.length === length && crcFits(frame)) return { kind, unit, at, bytes: frame };
  }
  return undefined;
}

/**
 * How many bytes are missing at the head of a reply, 0 when that does not explain these bytes: the
 * head is known beforehand, so that the checksum proves what is missing.
 */
export function missingHead(
  bytes: Uint8Array,
  { unit, pdu }: { readonly unit: number; readonly pdu: Uint8Array },
  dataLength: number,
): number {
  const [code = 0] = pdu;
  const reply = headMissing(bytes, Uint8Array.of(unit, code, dataLength), dataLength + 5);
  return reply > 0 ? reply : headMissing(bytes, Uint8Array.of(unit, code | exceptionBit), 5);
}

const exceptionBit = 0x80;

function headMissing(bytes: Uint8Array, head: Uint8Array, length: number): number {
  for (let missing = 1; missing <= head.length; missing += 1) {
    // What is left of a byte that was cut into may come in its place.
    for (let garbage = 0; garbage <= missing; garbage += 1) {
      const rest = bytes.subarray(garbage, garbage + length - missing);
      if (rest.length < length - missing) continue;
      const whole = new Uint8Array(length);
      whole.set(head.subarray(0, missing));
      whole.set(rest, missing);
      if (crcFits(whole)) return missing;
    }
  }
  return 0;
}

/** Whether bytes begin with a request's own bytes. */
export function echoes(bytes: Uint8Array, frame: Uint8Array): boolean {
  return bytes.length >= frame.length && frame.every((byte, at) => bytes[at] === byte);
}

/** The request for a PDU, as RTU. */
export function requestFrame(unit: number, pdu: Uint8Array): Uint8Array {
  return encodeRtu(unit, pdu);
}
