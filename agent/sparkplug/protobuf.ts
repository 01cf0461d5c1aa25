/**
 * Protocol Buffers, as much of them as Sparkplug B needs: messages described by tables, varints,
 * 32 and 64 bit numbers, texts, bytes, messages within messages. Decoding is total: any bytes give
 * a message or a reason. https://protobuf.dev/programming-guides/encoding/
 *
 * Bounds: `limits.bytes` a message, `limits.depth` levels of messages within it. What is not in
 * the table is skipped, as the format demands; groups are refused.
 */
import type { Decoded } from "../../telemetry/index.ts";

/** 64 bit numbers are bigints without sign, so that none loses a digit. */
export type Value = number | bigint | boolean | string | Uint8Array | Message | readonly Value[];
export type Message = { readonly [field: string]: Value | undefined };

export type Scalar = "uint32" | "uint64" | "float" | "double" | "bool" | "string" | "bytes";

export interface Field {
  readonly number: number;
  readonly type: Scalar | Form;
  readonly repeated?: true;
  /** Fields of one such group exclude each other: the last one counts. */
  readonly oneof?: string;
}

/** A message's fields by name. A function, because messages may hold each other. */
export type Form = () => Readonly<Record<string, Field>>;

export const limits = { bytes: 256 * 1024, depth: 24 } as const;

const wire = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

const wireOf: Readonly<Record<Scalar, number>> = {
  uint32: wire.varint,
  uint64: wire.varint,
  bool: wire.varint,
  double: wire.fixed64,
  float: wire.fixed32,
  string: wire.length,
  bytes: wire.length,
};

function wireTypeOf(type: Scalar | Form): number {
  return typeof type === "function" ? wire.length : wireOf[type];
}

// --- encoding ---

/** The bytes of a message; a value that does not fit its field's type is a TypeError. */
export function encode(form: Form, message: Message): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, form, message);
  return writer.bytes();
}

/** Bytes one after the other, in a buffer that grows. */
class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #at = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  varint(value: number | bigint): void {
    this.#room(10);
    let rest = value;
    if (typeof rest === "bigint") {
      // Beyond 2^53 a number would lose digits.
      for (; rest > BigInt(Number.MAX_SAFE_INTEGER); rest >>= 7n) {
        this.#bytes[this.#at] = Number(rest & 0x7fn) | 0x80;
        this.#at += 1;
      }
      rest = Number(rest);
    }
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at] = (rest % 128) | 0x80;
      this.#at += 1;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  float(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at);
  }

  prefixed(value: Uint8Array): void {
    this.varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function writeMessage(writer: Writer, form: Form, message: Message): void {
  for (const field of fieldsOf(form).values()) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (field.repeated === true && Array.isArray(value)) {
      for (const one of value) writeField(writer, field, one);
    } else {
      writeField(writer, field, value);
    }
  }
}

function writeField(writer: Writer, { name, number, type }: Entry, value: Value): void {
  writer.varint(number * 8 + wireTypeOf(type));
  if (typeof type === "function") {
    if (isMessage(value)) return writer.prefixed(encode(type, value));
  } else if (typeof value === "number") {
    if (type === "uint32") return writer.varint(value >>> 0);
    if (type === "float") return writer.float(value);
    if (type === "double") return writer.double(value);
  } else if (typeof value === "bigint") {
    if (type === "uint64") return writer.varint(BigInt.asUintN(64, value));
  } else if (typeof value === "boolean") {
    if (type === "bool") return writer.varint(value ? 1 : 0);
  } else if (typeof value === "string") {
    if (type === "string") return writer.text(value);
  } else if (value instanceof Uint8Array && type === "bytes") {
    return writer.prefixed(value);
  }
  throw new TypeError(`${name}: a ${typeof value} does not fit its type`);
}

function isMessage(value: Value): value is Message {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}

// --- decoding ---

/** Decodes a message. Never throws. */
export function decode(form: Form, bytes: Uint8Array): Decoded<Message> {
  if (bytes.length > limits.bytes) return { problem: `more than ${limits.bytes} bytes` };
  try {
    return { ok: decodeInto({}, form, { reader: new Reader(bytes), depth: 0 }) };
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    // TypeError of TextDecoder: the only other one thrown here.
    return { problem: "a text is not UTF-8" };
  }
}

class Refusal extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Up to ten bytes, of which 64 bits count. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Refusal("it ends within a number");
      this.#at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Refusal("a number has more than ten bytes");
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Refusal("it ends within a field");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  prefixed(): Uint8Array {
    return this.take(Number(this.varint()));
  }

  float(): number {
    const at = this.#at;
    this.take(4);
    return this.#view.getFloat32(at, true);
  }

  double(): number {
    const at = this.#at;
    this.take(8);
    return this.#view.getFloat64(at, true);
  }
}

type Mutable = Record<string, Value | undefined>;

interface Place {
  readonly reader: Reader;
  readonly depth: number;
}

interface Entry extends Field {
  readonly name: string;
  /** The other fields of its group. */
  readonly excludes: readonly string[];
}

const numbered = new Map<Form, ReadonlyMap<number, Entry>>();

function fieldsOf(form: Form): ReadonlyMap<number, Entry> {
  const known = numbered.get(form);
  if (known !== undefined) return known;
  const all = Object.entries(form());
  const entries = all.map(([name, field]) => {
    const group = all.filter(([, { oneof }]) => oneof !== undefined && oneof === field.oneof);
    const excludes = group.map(([other]) => other).filter((other) => other !== name);
    return { ...field, name, excludes };
  });
  const table = new Map(entries.map((entry) => [entry.number, entry]));
  numbered.set(form, table);
  return table;
}

function decodeInto(target: Mutable, form: Form, place: Place): Message {
  const { reader, depth } = place;
  if (depth > limits.depth) throw new Refusal(`more than ${limits.depth} messages in each other`);
  const fields = fieldsOf(form);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > 0xffff_ffff) throw new Refusal("a field has no number");
    const field = fields.get(number);
    if (field === undefined) skip(reader, tag % 8);
    else decodeField(target, { field, wireType: tag % 8, place });
  }
  return target;
}

interface Found {
  readonly field: Entry;
  readonly wireType: number;
  readonly place: Place;
}

function decodeField(target: Mutable, { field, wireType, place }: Found): void {
  const { name, type, repeated } = field;
  const { reader, depth } = place;
  const packed = repeated === true && wireType === wire.length && wireTypeOf(type) !== wire.length;
  if (!packed && wireType !== wireTypeOf(type)) return skip(reader, wireType);
  if (packed && typeof type === "string") {
    const inside = new Reader(reader.prefixed());
    while (!inside.isAtEnd) append(target, name, scalars[type](inside));
    return;
  }
  const before = target[name];
  let value: Value;
  if (typeof type === "function") {
    const inside = { reader: new Reader(reader.prefixed()), depth: depth + 1 };
    // A message that comes twice is merged with its first part.
    const start = repeated !== true && before !== undefined && isMessage(before) ? before : {};
    value = decodeInto({ ...start }, type, inside);
  } else {
    value = scalars[type](reader);
  }
  if (repeated === true) return append(target, name, value);
  for (const other of field.excludes) delete target[other];
  target[name] = value;
}

function append(target: Mutable, name: string, value: Value): void {
  const list = target[name];
  if (Array.isArray(list)) list.push(value);
  else target[name] = [value];
}

const scalars: Readonly<Record<Scalar, (reader: Reader) => Value>> = {
  uint32: (reader) => Number(BigInt.asUintN(32, reader.varint())),
  uint64: (reader) => reader.varint(),
  bool: (reader) => reader.varint() !== 0n,
  float: (reader) => reader.float(),
  double: (reader) => reader.double(),
  string: (reader) => utf8.decode(reader.prefixed()),
  bytes: (reader) => Uint8Array.from(reader.prefixed()),
};

function skip(reader: Reader, wireType: number): void {
  if (wireType === wire.varint) reader.varint();
  else if (wireType === wire.fixed64) reader.take(8);
  else if (wireType === wire.length) reader.prefixed();
  else if (wireType === wire.fixed32) reader.take(4);
  else throw new Refusal(`wire type ${wireType}`);
}
