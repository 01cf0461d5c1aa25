/**
 * The properties of MQTT 5: a length, then one identifier and value after the other [MQTT5 2.2.2].
 * Total: any bytes give properties or a fault.
 *
 *   length      variable byte integer
 *   identifier  one byte (all that are defined fit into one)
 *   value       by identifier: byte, two bytes, four bytes, text, binary, pair of texts
 */
import { assertNever } from "../../telemetry/index.ts";
import { isText } from "../packets.ts";
import type { Fault5 } from "./reasons.ts";
import { malformed, protocolError } from "./reasons.ts";

export const propertyIds = {
  payloadFormat: 0x01,
  messageExpiry: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionId: 0x0b,
  sessionExpiry: 0x11,
  assignedClientId: 0x12,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblem: 0x17,
  willDelay: 0x18,
  requestResponse: 0x19,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  topicAlias: 0x23,
  user: 0x26,
  maximumPacket: 0x27,
  subscriptionIdsAvailable: 0x29,
  sharedAvailable: 0x2a,
} as const;

const ids = propertyIds;

type Kind = "bit" | "two" | "four" | "variable" | "text" | "topic" | "binary" | "pair";

const kinds: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [ids.payloadFormat, "bit"],
  [ids.messageExpiry, "four"],
  [ids.contentType, "text"],
  [ids.responseTopic, "topic"],
  [ids.correlationData, "binary"],
  [ids.subscriptionId, "variable"],
  [ids.sessionExpiry, "four"],
  [ids.authenticationMethod, "text"],
  [ids.authenticationData, "binary"],
  [ids.requestProblem, "bit"],
  [ids.willDelay, "four"],
  [ids.requestResponse, "bit"],
  [ids.reasonString, "text"],
  [ids.receiveMaximum, "two"],
  [ids.topicAliasMaximum, "two"],
  [ids.topicAlias, "two"],
  [ids.user, "pair"],
  [ids.maximumPacket, "four"],
]);

/** What a subscriber gets as the publisher said it [MQTT5-3.3.2-4] [MQTT5-3.3.2-17]. */
const riding: ReadonlySet<number> = new Set([
  ids.payloadFormat,
  ids.contentType,
  ids.responseTopic,
  ids.correlationData,
  ids.user,
]);

const message = [...riding, ids.messageExpiry] as const;

/** Which properties a packet from a client may have. */
export const allowedIn = {
  connect: new Set([
    ids.sessionExpiry,
    ids.receiveMaximum,
    ids.maximumPacket,
    ids.topicAliasMaximum,
    ids.requestResponse,
    ids.requestProblem,
    ids.user,
    ids.authenticationMethod,
    ids.authenticationData,
  ]),
  will: new Set([...message, ids.willDelay]),
  publish: new Set([...message, ids.topicAlias]),
  acknowledgement: new Set([ids.reasonString, ids.user]),
  subscribe: new Set([ids.subscriptionId, ids.user]),
  unsubscribe: new Set([ids.user]),
  disconnect: new Set([ids.sessionExpiry, ids.reasonString, ids.user]),
} satisfies Readonly<Record<string, ReadonlySet<number>>>;

export interface Properties {
  /** Numbers, by identifier; of the others only that they are there, as 1. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Those that go on with a message, encoded, without their length. */
  readonly riding: Buffer;
  /** Where what follows them begins. */
  readonly end: number;
}

/** Reads the properties that begin at `at`. */
export function readProperties(
  body: Buffer,
  at: number,
  allowed: ReadonlySet<number>,
): Properties | Fault5 {
  const length = variableAt(body, at);
  if (length === undefined) return malformed("no length of properties");
  const end = length.end + length.value;
  if (end > body.length) return malformed("properties are cut off");
  const numbers = new Map<number, number>();
  const onward: Buffer[] = [];
  let next = length.end;
  while (next < end) {
    const id = body[next] ?? 0;
    const kind = kinds.get(id);
    if (kind === undefined) return malformed(`unknown property ${id}`);
    if (!allowed.has(id)) return protocolError(`property ${id} has no place here`);
    // [MQTT5 2.2.2.2]: only user properties may come again.
    if (id !== ids.user && numbers.has(id)) return protocolError(`property ${id} comes twice`);
    const value = valueAt(body.subarray(0, end), next + 1, kind);
    if (value === undefined) return malformed(`property ${id} is ill-formed`);
    numbers.set(id, value.number);
    if (riding.has(id)) onward.push(body.subarray(next, value.end));
    next = value.end;
  }
  return { numbers, riding: Buffer.concat(onward), end };
}

interface Value {
  readonly number: number;
  readonly end: number;
}

function valueAt(body: Buffer, at: number, kind: Kind): Value | undefined {
  switch (kind) {
    case "bit": {
      const number = body[at] ?? 2;
      return number > 1 ? undefined : { number, end: at + 1 };
    }
    case "two":
      return at + 2 > body.length ? undefined : { number: body.readUInt16BE(at), end: at + 2 };
    case "four":
      return at + 4 > body.length ? undefined : { number: body.readUInt32BE(at), end: at + 4 };
    case "variable": {
      const read = variableAt(body, at);
      return read && { number: read.value, end: read.end };
    }
    case "binary":
      return fieldAt(body, at, () => true);
    case "text":
      return fieldAt(body, at, isText);
    case "topic":
      return fieldAt(
        body,
        at,
        (text) => isText(text) && !text.includes("+") && !text.includes("#"),
      );
    case "pair": {
      const name = fieldAt(body, at, isText);
      return name && fieldAt(body, name.end, isText);
    }
    default:
      return assertNever(kind);
  }
}

function fieldAt(body: Buffer, at: number, holds: (bytes: Buffer) => boolean): Value | undefined {
  if (at + 2 > body.length) return undefined;
  const end = at + 2 + body.readUInt16BE(at);
  if (end > body.length || !holds(body.subarray(at + 2, end))) return undefined;
  return { number: 1, end };
}

/** A variable byte integer [MQTT5 1.5.5]; undefined: cut off, or longer than four bytes. */
export function variableAt(
  body: Buffer,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 4; i += 1) {
    const byte = body[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

/** @param value below 268,435,456 */
export function variable(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest >= 128 ? 0x80 : 0;
    bytes.push((rest % 128) | more);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function byteProperty(id: number, value: number): Buffer {
  return Buffer.from([id, value]);
}

export function twoProperty(id: number, value: number): Buffer {
  return Buffer.from([id, value >> 8, value & 0xff]);
}

export function fourProperty(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(5, id);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/** @param text cut at 1024 characters: it is for people */
export function textProperty(id: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([id]), field(text.slice(0, 1024))]);
}

/** Properties with their length before them. */
export function propertyBlock(parts: readonly Buffer[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([variable(bytes), ...parts]);
}

/** Bytes with their 2-byte length before them. */
export function field(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

/** A packet: fixed header, then the parts of its body. */
export function packet(first: number, parts: readonly Buffer[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([first]), variable(bytes), ...parts]);
}
