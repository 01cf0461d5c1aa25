/**
 * MQTT 3.1.1 packets of a client that keeps to no rule, and the answers it is given. Topics are
 * bytes as well as text: ill-formed ones must be sent too, which no client library does.
 */

/** A topic or filter: text, or bytes that are none. */
export type Words = string | Buffer;

export interface Hello {
  readonly id: string;
  readonly clean: boolean;
  readonly user: string;
  readonly password: string;
  readonly will?: { readonly topic: Words; readonly payload: string; readonly retain: boolean };
}

export function connectPacket({ id, clean, user, password, will }: Hello): Buffer {
  const flags = 0xc0 | (clean ? 2 : 0) | (will === undefined ? 0 : will.retain ? 0x2c : 0x0c);
  const last = will === undefined ? [] : [field(will.topic), field(will.payload)];
  const fields = [field(id), ...last, field(user), field(password)];
  return packet(0x10, [field("MQTT"), Buffer.from([4, flags, 0, 60]), ...fields]);
}

/** At QoS 1. */
export function publishPacket(
  topic: Words,
  payload: string,
  { id, retain }: { readonly id: number; readonly retain: boolean },
): Buffer {
  return packet(retain ? 0x33 : 0x32, [field(topic), number(id), Buffer.from(payload)]);
}

export function subscribePacket(filter: Words, id: number): Buffer {
  return packet(0x82, [number(id), field(filter), Buffer.from([0])]);
}

export const pingPacket = Buffer.from([0xc0, 0]);
export const disconnectPacket = Buffer.from([0xe0, 0]);

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let left = body.length; left > 0 || length.length === 0; left = Math.floor(left / 128)) {
    length.push(left > 127 ? (left % 128) | 0x80 : left);
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Cut to what a 2-byte length can say. */
function field(words: Words): Buffer {
  const bytes = Buffer.from(words).subarray(0, 65_535);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export type Answer =
  | { readonly kind: "connack"; readonly code: number; readonly session: boolean }
  | { readonly kind: "suback" | "puback"; readonly id: number; readonly code: number }
  | { readonly kind: "pong" }
  | { readonly kind: "message"; readonly topic: string; readonly payload: string };

/** Cuts what a hub sends into its packets; what is of no interest is left out. */
export class Answers {
  #rest: Buffer = Buffer.alloc(0);

  feed(chunk: Buffer): Answer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const answers: Answer[] = [];
    for (;;) {
      const end = endOf(bytes);
      if (end === undefined || end.total > bytes.length) break;
      const answer = answerOf(bytes[0] ?? 0, bytes.subarray(end.header, end.total));
      if (answer !== undefined) answers.push(answer);
      bytes = bytes.subarray(end.total);
    }
    this.#rest = bytes;
    return answers;
  }
}

function endOf(bytes: Buffer): { readonly header: number; readonly total: number } | undefined {
  let length = 0;
  for (let at = 1; at <= 4; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return { header: at + 1, total: at + 1 + length };
  }
  return undefined;
}

function answerOf(first: number, body: Buffer): Answer | undefined {
  const [high = 0, low = 0, code = 0] = body;
  switch (first >> 4) {
    case 2:
      return { kind: "connack", code: low, session: (high & 1) === 1 };
    case 3: {
      const end = 2 + high * 256 + low;
      const at = (first & 6) === 0 ? end : end + 2;
      const topic = body.toString("utf8", 2, end);
      return { kind: "message", topic, payload: body.toString("utf8", at) };
    }
    case 4:
      return { kind: "puback", id: high * 256 + low, code: 0 };
    case 9:
      return { kind: "suback", id: high * 256 + low, code };
    case 13:
      return { kind: "pong" };
    default:
      return undefined;
  }
}
