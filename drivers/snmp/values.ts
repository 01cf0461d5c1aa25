/** Values of SNMP (RFC 2578 7.1) as numbers and texts. */
import type { Varbind } from "./door.ts";

/** Tags of the types that matter here. */
export const types = {
  octets: 0x04,
  oid: 0x06,
  counter32: 0x41,
  opaque: 0x44,
  counter64: 0x46,
} as const;

/** A float in an Opaque is wrapped as 9f 78 04 and four bytes, a double as 9f 79 08 and eight. */
const floatMarks = { single: [0x9f, 0x78, 4], double: [0x9f, 0x79, 8] } as const;

/** The number or text that a value holds; undefined when it holds neither. */
export function plainOf({ type, value }: Varbind): number | bigint | string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "string") return value;
  if (!(value instanceof Uint8Array)) return undefined;
  if (type === types.counter64) return bigintOf(value);
  if (type === types.opaque) return floatOf(value);
  return textOf(value);
}

/** The value as a text for names, without what does not print. */
export function shownText(varbind: Varbind): string {
  const plain = plainOf(varbind);
  return plain === undefined ? "" : String(plain);
}

/** For people: what was on the wire. */
export function rawOf({ value }: Varbind): string {
  if (!(value instanceof Uint8Array)) return String(value);
  const text = textOf(value);
  if (text !== "" && Buffer.from(text).equals(value)) return JSON.stringify(text);
  return value.length === 0 ? '""' : Buffer.from(value).toString("hex");
}

/** How a value counts on, by its own type; undefined: it is no counter. @unit bits */
export function counterBits({ type }: Varbind): number | undefined {
  if (type === types.counter32) return 32;
  return type === types.counter64 ? 64 : undefined;
}

const decimal = /^[-+]?\d{1,15}(\.\d{1,9})?$/;

/** A number written as a text, as some agents do; undefined: it is none. */
export function numberIn(text: string): number | undefined {
  const plain = text.trim();
  return decimal.test(plain) ? Number(plain) : undefined;
}

function bigintOf(bytes: Uint8Array): bigint | undefined {
  // A ninth byte is the sign's, and 0. [X.690 8.3]
  if (bytes.length === 0 || bytes.length > 9) return undefined;
  return BigInt.asUintN(64, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
}

function floatOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begins = (marks: readonly number[], length: number): boolean =>
    bytes.length === length && marks.every((mark, at) => bytes[at] === mark);
  let number: number | undefined;
  // Seven digits are what a single holds.
  if (begins(floatMarks.single, 7)) number = Number(view.getFloat32(3).toPrecision(7));
  if (begins(floatMarks.double, 11)) number = view.getFloat64(3);
  return Number.isFinite(number) ? number : undefined;
}

/** Control characters and what is no UTF-8 go; agents pad with zeros. */
function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 1024));
  return text.replaceAll(/[\p{Cc}\ufffd]+/gu, " ").trim();
}
