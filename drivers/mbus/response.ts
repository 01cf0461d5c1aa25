/**
 * What a meter responds (EN 13757-3 chapter 5): a header, then data records.
 *
 *   72  | identification 4 | manufacturer 2 | version | medium | access | status | signature 2 |
 *   7A  | access | status | signature 2 |
 *   78  no header
 *   73  no records but two counters, see fixed.ts
 *
 * Identification is BCD, all is sent lowest byte first.
 */
import { decodeFixed, fixedBytes, fixedStatus } from "./fixed.ts";
import type { LongFrame } from "./frame.ts";
import type { DataRecord } from "./records.ts";
import { decodeRecords } from "./records.ts";

/** Who a meter is; a part that is undefined fits every meter. */
export interface Identity {
  /** Eight digits; F fits every digit. */
  readonly id: string;
  /** Three letters of the FLAG association. */
  readonly manufacturer: string | undefined;
  readonly version: number | undefined;
  readonly medium: number | undefined;
}

export interface Response {
  readonly identity: Identity | undefined;
  /** The status byte; a response without a header has none. */
  readonly status: number;
  readonly records: readonly DataRecord[];
  readonly more: boolean;
}

const longHeader = 0x72;
const shortHeader = 0x7a;
const noHeader = 0x78;
const fixedStructure = 0x73;
const applicationError = 0x70;
const headerBytes: ReadonlyMap<number, number> = new Map([
  [longHeader, 12],
  [shortHeader, 4],
  [noHeader, 0],
]);

/** The meter's own doubt of its values: a permanent error. [MBUS-DOC 6.6] */
export const permanentError = 0x08;

/** What an application error means. [MBUS-DOC 6.6] */
const errors: ReadonlyMap<number, string> = new Map([
  [0, "an error it does not name"],
  [1, "it does not know the kind of request"],
  [8, "it is busy"],
  [9, "it was read too often"],
]);

/** Identification digits that fit every meter, and bytes that do. [MBUS-DOC 7.1] */
const anyByte = 0xff;

/** Why a frame gives no records, in words; undefined: it does. */
export function refusalOf({ information, data }: LongFrame): string | undefined {
  if (information === applicationError) return errors.get(data[0] ?? 0) ?? `error ${data[0]}`;
  const fixed = information === fixedStructure;
  const length = fixed ? fixedBytes : headerBytes.get(information);
  if (length === undefined) {
    const kind = information.toString(16);
    return `its data are of a form (CI ${kind}) that is not read here`;
  }
  if (data.length < length) return "its header is cut off";
  // The mode of encryption. [MBUS-DOC 6.3]
  const mode = fixed || length === 0 ? 0 : (data[length - 1] ?? 0) & 0x1f;
  return mode === 0 ? undefined : "its data are encrypted";
}

/** What a frame says that is no refusal. */
export function decodeResponse({ information, data }: LongFrame): Response {
  if (information === fixedStructure) {
    const identity = { ...nobody, id: idOf(data) };
    return { identity, status: fixedStatus(data), records: decodeFixed(data), more: false };
  }
  const length = headerBytes.get(information) ?? 0;
  const { records, more } = decodeRecords(data.subarray(length));
  const identity = information === longHeader ? identityOf(data) : undefined;
  return { identity, status: length === 0 ? 0 : (data[length - 3] ?? 0), records, more };
}

const nobody = { manufacturer: undefined, version: undefined, medium: undefined };

function identityOf(data: Uint8Array): Identity {
  const [, , , , low = 0, high = 0, version = 0, medium = 0] = data;
  return { id: idOf(data), manufacturer: lettersOf(low + (high << 8)), version, medium };
}

function idOf(data: Uint8Array): string {
  return Buffer.from(data.slice(0, 4).toReversed()).toString("hex").toUpperCase();
}

/** Three letters of five bits each. [MBUS-DOC 6.3] */
function lettersOf(code: number): string {
  return String.fromCodePoint(...[10, 5, 0].map((shift) => ((code >> shift) & 31) + 64));
}

/** The bytes that select a meter. [MBUS-DOC 7.1] */
export function selectionOf({ id, manufacturer, version, medium }: Identity): Uint8Array {
  const letters = (manufacturer ?? "")
    .split("")
    .map((letter) => (letter.codePointAt(0) ?? 64) - 64);
  const code = letters.reduce((sum, letter) => sum * 32 + letter, 0);
  const makers = manufacturer === undefined ? [anyByte, anyByte] : [code & 0xff, code >> 8];
  const digits = Buffer.from(id, "hex").toReversed();
  return Uint8Array.of(...digits, ...makers, version ?? anyByte, medium ?? anyByte);
}

/** Whether a meter is one that was selected; what it does not say of itself fits. */
export function isSelected(wanted: Identity, { id, ...found }: Identity): boolean {
  if (!wanted.id.split("").every((digit, at) => digit === "F" || digit === id[at])) return false;
  return (["manufacturer", "version", "medium"] as const).every(
    (key) => [undefined, found[key]].includes(wanted[key]) || found[key] === undefined,
  );
}
