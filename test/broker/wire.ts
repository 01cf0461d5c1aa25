/** MQTT 3.1.1 packets as bytes, written here so that wrong ones can be written too. */

/** A text with its 2-byte length before it. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Fixed header and body. */
export function packet(first: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length: number[] = [];
  let left = body.length;
  do {
    const byte = left % 128;
    left = Math.floor(left / 128);
    length.push(left > 0 ? byte | 0x80 : byte);
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export interface ConnectParts {
  readonly name?: string;
  readonly level?: number;
  readonly flags?: number;
  readonly fields?: readonly Buffer[];
}

export function connect(parts: ConnectParts = {}): Buffer {
  const { name = "MQTT", level = 4, flags = 2, fields = [field("client-1")] } = parts;
  return packet(0x10, field(name), [level, flags, 0, 60], ...fields);
}

export function publish(topic: string, payload: string | Buffer = "x"): Buffer {
  return packet(0x30, field(topic), Buffer.from(payload));
}

export function publish1(topic: string, id: number, payload: string | Buffer = "x"): Buffer {
  return packet(0x32, field(topic), [id >> 8, id & 0xff], Buffer.from(payload));
}

export function subscribe(filter: string, qos = 0, id = 1): Buffer {
  return packet(0x82, [id >> 8, id & 0xff], field(filter), [qos]);
}

export const ping = Buffer.from([0xc0, 0]);
export const disconnect = Buffer.from([0xe0, 0]);
export const connackOk = Buffer.from([0x20, 2, 0, 0]);
