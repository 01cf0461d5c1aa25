/**
 * Strict reading of what a client sends, MQTT 3.1.1 (and 3.1), one whole packet at a time: flags,
 * lengths, text, packet identifiers. Stricter than the broker library, which accepts ill-formed
 * text, packet identifier 0 and will QoS 3. Total: any bytes give a fault or nothing.
 *
 *   byte 0        type << 4 | flags
 *   bytes 1..4    remaining length, 7 bits a byte, low first, high bit = more
 *   then          body
 */
import { isUtf8 } from "node:buffer";
import { isFilter } from "./access.ts";

export type FaultReason =
  | "first_packet"
  | "second_connect"
  | "oversize"
  | "length"
  | "direction"
  | "flags"
  | "text"
  | "topic"
  | "packet_id"
  | "qos"
  | "malformed"
  | "protocol"
  | "client_id"
  | "authentication";

export interface Fault {
  readonly reason: FaultReason;
  /** CONNACK return code to answer with before closing [MQTT-3.2.2-4]. */
  readonly connack?: 1 | 2;
}

export const packetTypes = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

/** Filters in one SUBSCRIBE or UNSUBSCRIBE. */
const filtersMax = 256;

const { connect, publish, pubrel, subscribe, unsubscribe, pingreq, disconnect } = packetTypes;
const { puback, pubrec, pubcomp } = packetTypes;

/** The fault of a whole packet from a client, `body` being what follows the fixed header. */
export function faultOf(first: number, body: Buffer): Fault | undefined {
  const type = first >> 4;
  if (type === publish) return publishFault(first, body);
  // [MQTT-2.2.2-1] reserved flags
  const reserved = type === pubrel || type === subscribe || type === unsubscribe ? 2 : 0;
  if ((first & 0x0f) !== reserved) return fault("flags");
  switch (type) {
    case connect:
      return connectFault(body);
    case puback:
    case pubrec:
    case pubrel:
    case pubcomp:
      return body.length === 2 ? idFault(body, 0) : fault("malformed");
    case subscribe:
    case unsubscribe:
      return filtersFault(body, type === subscribe);
    case pingreq:
    case disconnect:
      return body.length === 0 ? undefined : fault("malformed");
    default:
      return fault("direction");
  }
}

function publishFault(first: number, body: Buffer): Fault | undefined {
  const qos = (first >> 1) & 3;
  if (qos === 3) return fault("qos"); // [MQTT-3.3.1-4]
  if (qos === 0 && (first & 8) !== 0) return fault("flags"); // [MQTT-3.3.1-2]
  const end = fieldEnd(body, 0);
  if (end === undefined) return fault("malformed");
  const wrong = topicFault(body.subarray(2, end));
  if (wrong !== undefined) return wrong;
  if (qos === 0) return undefined;
  return body.length >= end + 2 ? idFault(body, end) : fault("malformed");
}

/** A topic name: text, not empty, no wildcard [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
function topicFault(topic: Buffer): Fault | undefined {
  if (topic.length === 0 || topic.includes(0x2b) || topic.includes(0x23)) return fault("topic");
  return isText(topic) ? undefined : fault("text");
}

/** [MQTT-2.3.1-1] */
function idFault(body: Buffer, at: number): Fault | undefined {
  return body.readUInt16BE(at) === 0 ? fault("packet_id") : undefined;
}

function filtersFault(body: Buffer, withQos: boolean): Fault | undefined {
  // [MQTT-3.8.3-3] [MQTT-3.10.3-2]: at least one filter.
  if (body.length < 5) return fault("malformed");
  const wrong = idFault(body, 0);
  if (wrong !== undefined) return wrong;
  let at = 2;
  for (let count = 1; at < body.length; count += 1) {
    const end = fieldEnd(body, at);
    if (end === undefined || count > filtersMax) return fault("malformed");
    const filter = body.subarray(at + 2, end);
    if (!isText(filter)) return fault("text");
    if (!isFilter(filter.toString())) return fault("topic");
    at = end;
    if (!withQos) continue;
    const qos = body[at];
    if (qos === undefined) return fault("malformed");
    if (qos > 2) return fault("qos"); // [MQTT-3.8.3-4]
    at += 1;
  }
  return undefined;
}

const flag = { user: 0x80, password: 0x40, willRetain: 0x20, will: 0x04, clean: 0x02 } as const;

function connectFault(body: Buffer): Fault | undefined {
  const nameEnd = fieldEnd(body, 0);
  if (nameEnd === undefined) return fault("malformed");
  const name = body.toString("latin1", 2, nameEnd);
  if (name !== "MQTT" && name !== "MQIsdp") return fault("protocol"); // [MQTT-3.1.2-1]
  const level = body[nameEnd];
  const flags = body[nameEnd + 1];
  if (level === undefined) return fault("malformed");
  // The high bit marks a bridge; 3.1 and 3.1.1 alone are spoken here [MQTT-3.1.2-2].
  if ((level & 0x7f) !== (name === "MQTT" ? 4 : 3)) return { reason: "protocol", connack: 1 };
  if (flags === undefined || body.length < nameEnd + 4) return fault("malformed");
  const mayBeNameless = name === "MQTT" && (flags & flag.clean) !== 0; // [MQTT-3.1.3-8]
  const fields = body.subarray(nameEnd + 4);
  return connectFlagsFault(flags) ?? connectFieldsFault(fields, flags, mayBeNameless);
}

function connectFlagsFault(flags: number): Fault | undefined {
  const willQos = (flags >> 3) & 3;
  const will = (flags & flag.will) !== 0;
  if ((flags & 1) !== 0) return fault("flags"); // [MQTT-3.1.2-3]
  if (willQos === 3) return fault("qos"); // [MQTT-3.1.2-14]
  // [MQTT-3.1.2-13] [MQTT-3.1.2-15]
  if (!will && (willQos !== 0 || (flags & flag.willRetain) !== 0)) return fault("flags");
  // [MQTT-3.1.2-22]
  const loneSecret = (flags & flag.user) === 0 && (flags & flag.password) !== 0;
  return loneSecret ? fault("flags") : undefined;
}

/** The payload of a CONNECT: client id, will topic, will message, user name, password. */
function connectFieldsFault(
  body: Buffer,
  flags: number,
  mayBeNameless: boolean,
): Fault | undefined {
  let at = 0;
  const next = (): Buffer | undefined => {
    const end = fieldEnd(body, at);
    const field = end === undefined ? undefined : body.subarray(at + 2, end);
    at = end ?? at;
    return field;
  };
  const clientId = next();
  if (clientId === undefined) return fault("malformed");
  if (!isText(clientId)) return fault("text");
  if (clientId.length === 0 && !mayBeNameless) return { reason: "client_id", connack: 2 };
  if ((flags & flag.will) !== 0) {
    const topic = next();
    if (topic === undefined || next() === undefined) return fault("malformed");
    const wrong = topicFault(topic);
    if (wrong !== undefined) return wrong;
  }
  if ((flags & flag.user) !== 0) {
    const user = next();
    if (user === undefined) return fault("malformed");
    if (!isText(user)) return fault("text");
  }
  if ((flags & flag.password) !== 0 && next() === undefined) return fault("malformed");
  return at === body.length ? undefined : fault("malformed");
}

/** Where a field with a 2-byte length before it ends, or undefined when it is cut off. */
export function fieldEnd(body: Buffer, at: number): number | undefined {
  if (at + 2 > body.length) return undefined;
  const end = at + 2 + body.readUInt16BE(at);
  return end <= body.length ? end : undefined;
}

/** Control characters and non-characters, which a server may refuse [MQTT 1.5.3]. */
const unwanted = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/** Well-formed UTF-8 without U+0000 [MQTT-1.5.3-1] [MQTT-1.5.3-2]. */
export function isText(bytes: Buffer): boolean {
  let plain = true;
  for (let i = 0; plain && i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    plain = byte >= 0x20 && byte < 0x7f;
  }
  return plain || (isUtf8(bytes) && !unwanted.test(bytes.toString()));
}

function fault(reason: FaultReason): Fault {
  return { reason };
}
