/**
 * Modbus protocol data units (MODBUS Application Protocol V1.1b3, "MODBUS-AP").
 * All numbers are big-endian on the wire; addresses are wire addresses, from 0.
 *
 *   request 1..4    | function | address hi lo | count hi lo |                    5 bytes
 *   reply   1, 2    | function | byte count | bits, first in the lowest bit ... |
 *   reply   3, 4    | function | byte count | register hi lo ... |
 *   request 5, 6    | function | address hi lo | value hi lo |    the reply repeats it
 *   request 16      | 10 | address hi lo | count hi lo | bytes | register hi lo ... |
 *   reply 16        | 10 | address hi lo | count hi lo |
 *   exception       | function + 0x80 | exception code |                          2 bytes
 *   43/14 reply     | 2B | 0E | code | conformity | more | next | n | (id len text) x n |
 */
import { GatewayError } from "../../telemetry/index.ts";

/** The four tables of a device, with the function that reads each. [MODBUS-AP 4.3] */
export const tables = {
  coil: { function: 1, bits: true },
  discrete: { function: 2, bits: true },
  holding: { function: 3, bits: false },
  input: { function: 4, bits: false },
} as const;

export type Table = keyof typeof tables;

export const tableNames = [
  "holding",
  "input",
  "coil",
  "discrete",
] as const satisfies readonly Table[];

/** Addresses of one table that stand side by side: registers, or bits of a bit table. */
export interface Span {
  readonly table: Table;
  readonly at: number;
  readonly count: number;
}

/** Most that one request may ask for [MODBUS-AP 6.1, 6.3], and the longest unit [MODBUS-AP 4.1]. */
export const pduLimits = { registers: 125, bits: 2000, bytes: 253 } as const;

const exceptionBit = 0x80;
const readDeviceId = 0x2b;
const meiDeviceId = 0x0e;

const exceptionNames: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "device failure",
  5: "acknowledge",
  6: "device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target did not respond",
};

/** Exceptions that say "later", not "never". [MODBUS-AP 7] */
const busyExceptions: ReadonlySet<number> = new Set([5, 6, 10, 11]);

/** Exceptions of a gateway that did not reach the device. [MODBUS-AP 7] */
const gatewayExceptions: ReadonlySet<number> = new Set([10, 11]);

/** A device that answered no: code `E_MODBUS_BUSY` or `E_MODBUS_EXCEPTION`. */
export class ModbusException extends GatewayError {
  readonly exception: number;

  constructor(exception: number, where: string) {
    const code = busyExceptions.has(exception) ? "E_MODBUS_BUSY" : "E_MODBUS_EXCEPTION";
    const name = exceptionNames[exception] ?? "unknown";
    super(code, `${where}: exception ${exception} (${name})`);
    this.exception = exception;
  }

  /** Whether a gateway says that it did not hear the device. */
  get ofGateway(): boolean {
    return gatewayExceptions.has(this.exception);
  }
}

/** `holding 0x0010`, as faults and messages name a place. */
export function placeOf({ table, at }: Pick<Span, "table" | "at">): string {
  return `${table} 0x${at.toString(16).padStart(4, "0")}`;
}

/** `input 0x0034 ×2`: a place and how much of it. */
export function extentOf(span: Span): string {
  return `${placeOf(span)} ×${span.count}`;
}

/** The inverse of `extentOf`; undefined for any other text. */
export function spanOf(text: string): Span | undefined {
  const match = /^(coil|discrete|holding|input) 0x([0-9a-f]{4}) ×(\d{1,4})$/.exec(text);
  const [, name = "", at = "", count = ""] = match ?? [];
  const table = tableNames.find((table) => table === name);
  if (table === undefined) return undefined;
  return { table, at: Number.parseInt(at, 16), count: Number(count) };
}

/** The request that reads a span. */
export function encodeRead(span: Span): Uint8Array {
  const { at, count } = span;
  return Uint8Array.of(tables[span.table].function, at >> 8, at & 0xff, count >> 8, count & 0xff);
}

/** The span that a read request asks for, or undefined for any other request. */
export function decodeReadRequest(pdu: Uint8Array): Span | undefined {
  const [code = 0, atHigh = 0, atLow = 0, countHigh = 0, countLow = 0] = pdu;
  if (pdu.length !== 5) return undefined;
  const at = (atHigh << 8) | atLow;
  const count = (countHigh << 8) | countLow;
  if (code === 1) return { table: "coil", at, count };
  if (code === 2) return { table: "discrete", at, count };
  if (code === 3) return { table: "holding", at, count };
  return code === 4 ? { table: "input", at, count } : undefined;
}

/** How many bytes of data a span takes in a reply. */
export function dataBytes({ table, count }: Span): number {
  return tables[table].bits ? Math.ceil(count / 8) : count * 2;
}

/**
 * The registers (or bits, as 0 and 1) that a reply carries.
 * @throws E_MODBUS_FRAME, E_MODBUS_EXCEPTION, E_MODBUS_BUSY
 */
export function decodeReadReply(span: Span, reply: Uint8Array): Uint16Array {
  const { bits, function: code } = tables[span.table];
  const bytes = dataBytes(span);
  if (reply[0] !== code || reply[1] !== bytes || reply.length !== 2 + bytes) {
    throwIfException(reply, placeOf(span));
    throw new GatewayError(
      "E_MODBUS_FRAME",
      `${placeOf(span)}: the answer is not for ${span.count} values`,
    );
  }
  return bits ? bitsOf(reply, span.count) : wordsOf(reply, span.count);
}

function bitsOf(reply: Uint8Array, count: number): Uint16Array {
  const values = new Uint16Array(count);
  for (let index = 0; index < count; index += 1) {
    values[index] = ((reply[2 + (index >> 3)] ?? 0) >> (index & 7)) & 1;
  }
  return values;
}

/** The hottest loop of the driver: nothing is asked in it, nothing multiplied. */
function wordsOf(reply: Uint8Array, count: number): Uint16Array {
  const values = new Uint16Array(count);
  for (let index = 0, at = 2; index < count; index += 1, at += 2) {
    values[index] = ((reply[at] ?? 0) << 8) | (reply[at + 1] ?? 0);
  }
  return values;
}

/** The reply that carries these values, as a server gives it. */
export function encodeReadReply(span: Span, values: ArrayLike<number>): Uint8Array {
  const bytes = dataBytes(span);
  const reply = new Uint8Array(2 + bytes);
  reply.set([tables[span.table].function, bytes]);
  for (let index = 0; index < span.count; index += 1) {
    const value = values[index] ?? 0;
    if (tables[span.table].bits) {
      const byte = 2 + (index >> 3);
      reply[byte] = (reply[byte] ?? 0) | ((value & 1) << (index & 7));
    } else {
      reply.set([value >> 8, value & 0xff], 2 + 2 * index);
    }
  }
  return reply;
}

/** The exception reply to a request, as a server gives it. */
export function encodeException(request: Uint8Array, exception: number): Uint8Array {
  return Uint8Array.of((request[0] ?? 0) | exceptionBit, exception);
}

/** What a write changes: one coil, or registers side by side. */
export interface WriteSpan {
  readonly table: "coil" | "holding";
  readonly at: number;
  /** For a coil 0 or 1. */
  readonly words: Uint16Array;
}

const [writeCoil, writeRegister, writeRegisters] = [5, 6, 16] as const;

/** A coil that is switched on. [MODBUS-AP 6.5] */
const coilOn = 0xff00;

/**
 * The request that writes; one register goes with function 6.
 * [MODBUS-AP 6.5] [MODBUS-AP 6.6] [MODBUS-AP 6.12]
 */
export function encodeWrite({ table, at, words }: WriteSpan): Uint8Array {
  const [first = 0] = words;
  if (table === "coil") return fourBytes(writeCoil, at, first === 0 ? 0 : coilOn);
  if (words.length === 1) return fourBytes(writeRegister, at, first);
  const pdu = new Uint8Array(6 + 2 * words.length);
  pdu.set(fourBytes(writeRegisters, at, words.length));
  pdu[5] = 2 * words.length;
  for (const [index, word] of words.entries()) pdu.set([word >> 8, word & 0xff], 6 + 2 * index);
  return pdu;
}

function fourBytes(code: number, at: number, word: number): Uint8Array {
  return Uint8Array.of(code, at >> 8, at & 0xff, word >> 8, word & 0xff);
}

/** What a request with function 5 or 6 writes, or undefined for any other. */
export function decodeWriteOne(pdu: Uint8Array): WriteSpan | undefined {
  const [code, atHigh = 0, atLow = 0, high = 0, low = 0] = pdu;
  if (pdu.length !== 5 || (code !== writeCoil && code !== writeRegister)) return undefined;
  const at = (atHigh << 8) | atLow;
  const word = (high << 8) | low;
  if (code === writeCoil) return { table: "coil", at, words: Uint16Array.of(word === 0 ? 0 : 1) };
  return { table: "holding", at, words: Uint16Array.of(word) };
}

/**
 * Makes sure that a reply says the write was carried out: it repeats its first five bytes.
 * @throws E_MODBUS_FRAME, E_MODBUS_EXCEPTION, E_MODBUS_BUSY
 */
export function checkWriteReply(request: Uint8Array, reply: Uint8Array, where: string): void {
  throwIfException(reply, where);
  const same = reply.length === 5 && reply.every((byte, at) => byte === request[at]);
  if (!same) throw new GatewayError("E_MODBUS_FRAME", `${where}: the answer is for another write`);
}

/** The request for the identification objects from `object` on. [MODBUS-AP 6.21] */
export function encodeDeviceIdRequest(object = 0): Uint8Array {
  return Uint8Array.of(readDeviceId, meiDeviceId, 1, object);
}

/** What a device says it is: texts by object id (0 vendor, 1 product, 2 revision …). */
export interface DeviceId {
  readonly objects: ReadonlyMap<number, string>;
  /** The object to ask for next, when the answer did not hold all. */
  readonly next: number | undefined;
}

/**
 * The identification objects of a 43/14 reply. [MODBUS-AP 6.21]
 * @throws E_MODBUS_FRAME, E_MODBUS_EXCEPTION, E_MODBUS_BUSY
 */
export function decodeDeviceId(reply: Uint8Array): DeviceId {
  throwIfException(reply, "device identification");
  const length = deviceIdLength(reply);
  if (reply[0] !== readDeviceId || reply[1] !== meiDeviceId || length !== reply.length) {
    throw new GatewayError("E_MODBUS_FRAME", "the answer is not a device identification");
  }
  const objects = new Map<number, string>();
  for (let at = 7; at < reply.length; at += 2 + (reply[at + 1] ?? 0)) {
    const text = reply.subarray(at + 2, at + 2 + (reply[at + 1] ?? 0));
    objects.set(reply[at] ?? 0, Buffer.from(text).toString("latin1").trim());
  }
  return { objects, next: reply[4] === 0xff ? reply[5] : undefined };
}

/**
 * How long the reply to `request` is that begins with these bytes: undefined when more bytes are
 * needed to tell, 0 when it cannot be a reply to this request.
 */
export function replyLength(request: Uint8Array, reply: Uint8Array): number | undefined {
  const [code] = reply;
  if (code === undefined) return undefined;
  if (code === ((request[0] ?? 0) | exceptionBit)) return 2;
  if (code !== request[0]) return 0;
  if (reply.length < 2) return undefined;
  if (code === readDeviceId) return reply[1] === meiDeviceId ? deviceIdLength(reply) : 0;
  if (code === writeCoil || code === writeRegister || code === writeRegisters) return 5;
  const span = decodeReadRequest(request);
  return span !== undefined && reply[1] === dataBytes(span) ? 2 + dataBytes(span) : 0;
}

/** Whether a whole PDU can answer a request: by function and length, or as an exception. */
export function fitsReply(request: Uint8Array, reply: Uint8Array): boolean {
  const [asked = 0, , , high = 0, low = 0] = request;
  const [code] = reply;
  if (code === (asked | exceptionBit)) return reply.length === 2;
  if (code !== asked) return false;
  if (request.length !== 5 || asked < 1 || asked > 4) {
    return replyLength(request, reply) === reply.length;
  }
  const count = (high << 8) | low;
  const bytes = asked > 2 ? 2 * count : (count + 7) >> 3;
  return reply.length === 2 + bytes && reply[1] === bytes;
}

/** Whether a request changes nothing on the device, so that it may be sent again. */
export function onlyReads([code = 0, mei]: Uint8Array): boolean {
  return (code >= 1 && code <= 4) || (code === readDeviceId && mei === meiDeviceId);
}

function deviceIdLength(reply: Uint8Array): number | undefined {
  let length = 7;
  for (let left = reply[6] ?? Number.NaN; left > 0; left -= 1) {
    const textLength = reply[length + 1];
    if (textLength === undefined) return undefined;
    length += 2 + textLength;
    if (length > pduLimits.bytes) return 0;
  }
  return reply.length < 7 ? undefined : length;
}

function throwIfException(reply: Uint8Array, where: string): void {
  if (((reply[0] ?? 0) & exceptionBit) === 0) return;
  throw new ModbusException(reply[1] ?? 0, where);
}
