/** MQTT 3.1.1 packets made by hand, right ones and, with other parts, wrong ones. */
import { field, packet } from "../wire.ts";

export interface Will {
  readonly topic: string | Buffer;
  readonly payload?: string;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
}

export interface Hello {
  readonly id: string | Buffer;
  readonly clean?: boolean;
  /** @unit s */
  readonly keepalive?: number;
  readonly will?: Will;
  readonly user?: string | Buffer;
  readonly password?: string;
}

/** A CONNECT. */
export function hello({ id, clean = true, keepalive = 60, will, user, password }: Hello): Buffer {
  const flags =
    (clean ? 2 : 0) |
    (will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0)) |
    (user === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40);
  const wills = will === undefined ? [] : [field(will.topic), field(will.payload ?? "gone")];
  const login = [user, password].filter((part) => part !== undefined).map(field);
  const head = [4, flags, keepalive >> 8, keepalive & 0xff];
  return packet(0x10, field("MQTT"), head, field(id), ...wills, ...login);
}

export interface Publish {
  readonly topic: string | Buffer;
  readonly payload?: string;
  readonly qos?: 0 | 1 | 2;
  readonly id?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
}

export function publish({ topic, payload = "x", qos = 0, id = 1, ...flags }: Publish): Buffer {
  const first = 0x30 | (qos << 1) | (flags.retain === true ? 1 : 0) | (flags.dup === true ? 8 : 0);
  return packet(first, field(topic), qos === 0 ? [] : word(id), Buffer.from(payload));
}

/** A filter, and the QoS that is asked for. */
export type Wanted = readonly [filter: string | Buffer, qos?: number];

export function subscribe(id: number, ...wanted: readonly Wanted[]): Buffer {
  const filters = wanted.flatMap(([filter, qos = 0]) => [field(filter), [qos]]);
  return packet(0x82, word(id), ...filters);
}

export function unsubscribe(id: number, ...filters: readonly (string | Buffer)[]): Buffer {
  return packet(0xa2, word(id), ...filters.map(field));
}

const acks = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export function ack(kind: keyof typeof acks, id: number): Buffer {
  return packet(acks[kind], word(id));
}

function word(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

/** What a server sent. */
export type Heard =
  | { readonly kind: "connack"; readonly present: boolean; readonly code: number }
  | { readonly kind: "puback" | "pubrec" | "pubrel" | "pubcomp" | "unsuback"; readonly id: number }
  | { readonly kind: "suback"; readonly id: number; readonly codes: readonly number[] }
  | { readonly kind: "pingresp" }
  | HeardPublish
  | { readonly kind: "wrong"; readonly bytes: string };

export interface HeardPublish {
  readonly kind: "publish";
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly dup: boolean;
  readonly retain: boolean;
  /** Of QoS 1 and 2. */
  readonly id: number | undefined;
}

/** Takes the whole packets at the front; a packet that no server may send is `wrong`. */
export function heardIn(bytes: Buffer): { readonly heard: Heard[]; readonly rest: Buffer } {
  const heard: Heard[] = [];
  let rest = bytes;
  for (;;) {
    const cut = wholeAt(rest);
    if (cut === undefined) return { heard, rest };
    heard.push(read(rest[0] ?? 0, rest.subarray(cut.from, cut.to)));
    rest = rest.subarray(cut.to);
  }
}

function wholeAt(bytes: Buffer): { readonly from: number; readonly to: number } | undefined {
  let length = 0;
  for (let at = 1; at <= 4; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte >= 0x80) continue;
    const to = at + 1 + length;
    return to <= bytes.length ? { from: at + 1, to } : undefined;
  }
  return undefined;
}

const answers = { 0x40: "puback", 0x50: "pubrec", 0x62: "pubrel", 0x70: "pubcomp" } as const;

function read(first: number, body: Buffer): Heard {
  if (first >> 4 === 3) return readPublish(first, body);
  const [one = 0, two = 0] = body;
  if (first === 0x20 && body.length === 2)
    return { kind: "connack", present: one === 1, code: two };
  if (first === 0xd0 && body.length === 0) return { kind: "pingresp" };
  const id = (one << 8) | two;
  if (first === 0x90) return { kind: "suback", id, codes: [...body.subarray(2)] };
  if (first === 0xb0 && body.length === 2) return { kind: "unsuback", id };
  const kind = isAnswer(first) ? answers[first] : undefined;
  if (kind !== undefined && body.length === 2) return { kind, id };
  return { kind: "wrong", bytes: Buffer.concat([Buffer.from([first]), body]).toString("hex") };
}

function isAnswer(first: number): first is keyof typeof answers {
  return first in answers;
}

function readPublish(first: number, body: Buffer): Heard {
  const qos = (first >> 1) & 3;
  const end = 2 + body.readUInt16BE(0);
  const from = qos === 0 ? end : end + 2;
  return {
    kind: "publish",
    topic: body.toString("utf8", 2, end),
    payload: body.toString("utf8", from),
    qos,
    dup: (first & 8) !== 0,
    retain: (first & 1) !== 0,
    id: qos === 0 ? undefined : body.readUInt16BE(end),
  };
}
