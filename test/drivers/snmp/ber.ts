/** As much BER as an agent needs [X.690 8.3], written for the tests alone to share no mistake. */

export interface Value {
  readonly tag: number;
  readonly body: Buffer;
}

export function encode(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}

/** The values that stand one after the other. @throws RangeError */
export function decodeAll(bytes: Buffer): Value[] {
  const values: Value[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    at += 2;
    if (length > 128) {
      const count = length & 0x7f;
      length = bytes.readUIntBE(at, count);
      at += count;
    }
    if (at + length > bytes.length) throw new RangeError("cut short");
    values.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return values;
}

export function integer(value: bigint | number, tag = 0x02): Buffer {
  let number = BigInt(value);
  const bytes: number[] = [];
  do {
    bytes.unshift(Number(number & 0xffn));
    number >>= 8n;
  } while (
    !(number === 0n && (bytes[0] ?? 0) < 128) &&
    !(number === -1n && (bytes[0] ?? 0) >= 128)
  );
  return encode(tag, Buffer.from(bytes));
}

export function numberOf(body: Buffer): number {
  return body.length === 0 ? 0 : body.readIntBE(0, Math.min(6, body.length));
}

export function oidBytes(oid: string, tag = 0x06): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left % 128) | 0x80);
    }
    return digits;
  });
  return encode(tag, Buffer.from(bytes));
}

export function oidOf(body: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of body) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 128) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join(".");
}
