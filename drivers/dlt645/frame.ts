/**
 * Frames of DL/T 645-2007, "multi-function watt-hour meter communication protocol", and of its
 * edition of 1997, which differs in control codes and in the length of data identifiers.
 *
 *   | 68 | A0 … A5 | 68 | C | L | DATA … | CS | 16 |     FE … FE may stand before it
 *
 *   A     meter number, six bytes of two decimal digits, lowest first; AA stands for any
 *   DATA  L bytes, each sent as its value + 33h; L ≤ 200 when read   [DLT645-2007 5.2.5]
 *   CS    sum of all bytes from the first 68, modulo 256             [DLT645-2007 5.2.6]
 *
 * 68 and 16 also occur inside address and data: a frame is known by its length and checksum, never
 * by a byte. Multi-byte values travel lowest byte first.
 */
import { GatewayError, invariant } from "../../telemetry/index.ts";

const start = 0x68;
const end = 0x16;
/** Added to each byte of DATA on the wire. [DLT645-2007 5.2.5] */
const dataOffset = 0x33;
const addressBytes = 6;
/** Everything but DATA. */
const frameBytes = 12;
/** The most DATA of one frame that is read. [DLT645-2007 5.2.4] */
export const mostData = 200;
/** Wakes a receiver that dozes between characters. [DLT645-2007 5.3.1] */
const wakeByte = 0xfe;
const wakeBytes = 4;

/** A byte of an address that fits every meter. [DLT645-2007 5.2.2] */
export const anyDigits = 0xaa;

/** One frame, without what the wire adds. */
export interface Frame {
  /** Six bytes, lowest first. */
  readonly address: Uint8Array;
  readonly control: number;
  readonly data: Uint8Array;
}

/** Bits of the control code. [DLT645-2007 5.2.3] */
export const control = {
  fromMeter: 0x80,
  abnormal: 0x40,
  moreFollows: 0x20,
  read: 0x11,
  readMore: 0x12,
  /** 1997's read. */
  readOld: 0x01,
} as const;

/** The bytes of a frame, with bytes before it that wake the meter. */
export function encodeFrame({ address, control, data }: Frame, wake = wakeBytes): Uint8Array {
  invariant(address.length === addressBytes, "an address has six bytes");
  invariant(data.length <= mostData, "a frame carries at most 200 bytes");
  const bytes = new Uint8Array(wake + frameBytes + data.length).fill(wakeByte, 0, wake);
  const frame = bytes.subarray(wake);
  frame[0] = start;
  frame.set(address, 1);
  frame.set([start, control, data.length], 7);
  frame.set(
    data.map((byte) => byte + dataOffset),
    10,
  );
  frame[frame.length - 2] = sumOf(frame.subarray(0, -2));
  frame[frame.length - 1] = end;
  return bytes;
}

/** The first whole frame that pleases `wanted`; damaged and other ones are passed over. */
export function findFrame(
  received: Uint8Array,
  wanted: (frame: Frame) => boolean,
): Frame | undefined {
  for (let at = 0; at + frameBytes <= received.length; at += 1) {
    const frame = frameAt(received.subarray(at));
    if (frame !== undefined && wanted(frame)) return frame;
  }
  return undefined;
}

function frameAt(bytes: Uint8Array): Frame | undefined {
  const length = frameBytes + (bytes[9] ?? 0);
  if (bytes[0] !== start || bytes[7] !== start || length > bytes.length) return undefined;
  const frame = bytes.subarray(0, length);
  if (frame.at(-1) !== end || frame.at(-2) !== sumOf(frame.subarray(0, -2))) return undefined;
  return {
    address: frame.slice(1, 7),
    control: frame[8] ?? 0,
    data: frame.slice(10, -2).map((byte) => byte - dataOffset),
  };
}

function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

/** A meter number of up to twelve digits as six bytes; undefined stands for any meter. */
export function addressOf(meter: string | undefined): Uint8Array {
  if (meter === undefined) return new Uint8Array(addressBytes).fill(anyDigits);
  invariant(/^\d{1,12}$/.test(meter), "a meter number has up to twelve digits");
  return Uint8Array.from(Buffer.from(meter.padStart(12, "0"), "hex")).toReversed();
}

/** Whether a frame's address is one that was asked for. */
export function isFrom(asked: Uint8Array, address: Uint8Array): boolean {
  return asked.every((byte, at) => byte === anyDigits || byte === address[at]);
}

/** `02010100` as it travels: lowest byte first. */
export function identifierBytes(identifier: string): Uint8Array {
  return Uint8Array.from(Buffer.from(identifier, "hex")).toReversed();
}

/** What the bits of the error word of an abnormal answer mean. */
const errorWords = [
  "other error",
  "no such data",
  "password wrong or not authorised",
  "speed cannot be changed",
  "too many yearly time zones",
  "too many daily periods",
  "too many tariffs",
] as const;

/** An abnormal answer in words. */
export function errorText(word: number): string {
  const said = errorWords.filter((_, bit) => (word & (1 << bit)) !== 0);
  return said.length === 0 ? "an error without a reason" : said.join(", ");
}

/**
 * The number that a value's bytes hold: two decimal digits each, lowest byte first; a sign stands
 * in the top bit of the last. Undefined: every byte is FF, the meter has no such value.
 * @throws E_VALUE
 */
export function decodeDecimal(bytes: Uint8Array, signed: boolean): number | undefined {
  if (bytes.every((byte) => byte === 0xff)) return undefined;
  const digits = bytes.toReversed();
  const negative = signed && ((digits[0] ?? 0) & 0x80) !== 0;
  if (negative) digits[0] = (digits[0] ?? 0) & 0x7f;
  const text = Buffer.from(digits).toString("hex");
  if (!/^\d+$/.test(text)) throw new GatewayError("E_VALUE", `${text} is not decimal`);
  return negative ? -Number(text) : Number(text);
}

/** The bytes of a whole number: the inverse of `decodeDecimal`. */
export function encodeDecimal(value: number, length: number): Uint8Array {
  const text = String(Math.abs(value)).padStart(length * 2, "0");
  invariant(/^\d+$/.test(text) && text.length === length * 2, `${value} does not fit`);
  const bytes = Uint8Array.from(Buffer.from(text, "hex")).toReversed();
  if (value < 0) bytes[length - 1] = (bytes[length - 1] ?? 0) | 0x80;
  return bytes;
}
