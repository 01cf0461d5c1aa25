/**
 * DER, the bytes that certificates are made of [RFC 5280 §4.1]: as much of it as it takes to write
 * a certificate and a request for one [RFC 2986], and to read such a request. Pure; reading is
 * total: any bytes give a value or undefined. What is written is judged by OpenSSL.
 */

/** One value: its tag, its content, and all its bytes. */
export interface Der {
  readonly tag: number;
  readonly content: Buffer;
  readonly bytes: Buffer;
}

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A tag of the context: `[n]`. */
function context(n: number, constructed = true): number {
  return (constructed ? 0xa0 : 0x80) + n;
}

/** Tag, length, content. */
function value(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return [0x80 + bytes.length, ...bytes];
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return value(tags.sequence, ...parts);
}

/** A positive number from its bytes: a leading one bit would make it negative. */
function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const number = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
  return value(tags.integer, (number[0] ?? 0) > 0x7f ? Buffer.from([0]) : Buffer.alloc(0), number);
}

/** `1.2.840.10045.4.3.2` */
function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 + (left % 128));
    }
    return digits;
  });
  return value(tags.oid, Buffer.from(bytes));
}

/** Whole bytes; none of the last one's bits is unused. */
function bits(bytes: Uint8Array): Buffer {
  return value(tags.bits, Buffer.from([0]), bytes);
}

function octets(bytes: Uint8Array): Buffer {
  return value(tags.octets, bytes);
}

/** A name of one part: its common name, up to 64 characters. */
function commonName(name: string): Buffer {
  const part = sequence(oid("2.5.4.3"), value(tags.utf8, Buffer.from(name)));
  return sequence(value(tags.set, part));
}

/** Whole seconds: of two digits for the year until 2049 [RFC 5280 §4.1.2.5]. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  const short = Number(digits.slice(0, 4)) < 2050;
  return value(short ? tags.utcTime : tags.time, Buffer.from(digits.slice(short ? 2 : 0)));
}

/** The value that bytes begin with; undefined: they do not begin with a whole one. */
function readDer(bytes: Uint8Array): Der | undefined {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [tag, first] = given;
  if (tag === undefined || first === undefined || first === 0x80 || first > 0x84) return undefined;
  const more = first < 0x80 ? 0 : first - 0x80;
  if (given.length < 2 + more) return undefined;
  const length = more === 0 ? first : given.readUIntBE(2, more);
  const end = 2 + more + length;
  if (given.length < end) return undefined;
  return { tag, content: given.subarray(2 + more, end), bytes: given.subarray(0, end) };
}

/** The values within a value, 64 at most; undefined when they are not whole. */
function partsOf({ content }: Der): readonly Der[] | undefined {
  const parts: Der[] = [];
  let left = content;
  while (left.length > 0) {
    const part = readDer(left);
    if (part === undefined || parts.length >= 64) return undefined;
    parts.push(part);
    left = left.subarray(part.bytes.length);
  }
  return parts;
}

/** `-----BEGIN LABEL-----` … */
function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The first block of a label in a PEM file. */
function fromPem(label: string, text: string): Buffer | undefined {
  const form = new RegExp(`-----BEGIN ${label}-----([\\sA-Za-z0-9+/=]+)-----END ${label}-----`);
  const [, base64] = form.exec(text) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, "base64");
}

/** The toolkit, under one name. */
export const der = {
  tags,
  context,
  value,
  sequence,
  integer,
  oid,
  bits,
  octets,
  commonName,
  time,
  readDer,
  partsOf,
  pem,
  fromPem,
} as const;
