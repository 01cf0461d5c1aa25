/** What the hub says in MQTT 5. */
import type { Hello5 } from "./connect.ts";
import { aliasMax } from "./packets5.ts";
import {
  byteProperty,
  field,
  fourProperty,
  packet,
  propertyBlock,
  propertyIds,
  textProperty,
  twoProperty,
  variable,
} from "./properties.ts";
import { reasonOfConnack, reasons } from "./reasons.ts";
import type { Rider, Riders } from "./riders.ts";

const ids = propertyIds;

/** What clients are told of the hub's bounds. */
export interface Limits5 {
  /** QoS 1 and 2 publishes of a client at once. */
  readonly inflight: number;
  /** Largest packet. @unit bytes */
  readonly packet: number;
}

export interface Session5 {
  /** How long it lives without its client; 0: it ends with the connection. @unit s */
  readonly expiry: number;
  /** How long the hub would let it live; 0: the client has none. @unit s */
  readonly most: number;
}

const refusals: Readonly<Record<number, string>> = {
  [reasons.clientId]: "this client id is another's",
  [reasons.unavailable]: "come again later",
  [reasons.notAuthorized]: "not authorized",
};

/** @param body of a CONNACK of 3.1.1: session present, return code */
export function sayConnack(
  body: Buffer,
  { limits, session }: { readonly limits: Limits5; readonly session: Session5 },
  hello: Hello5 | undefined,
): Buffer {
  const code = reasonOfConnack(body[1] ?? 0);
  if (code !== reasons.success) return sayRefused(code, refusals[code]);
  const properties = [
    twoProperty(ids.receiveMaximum, limits.inflight),
    fourProperty(ids.maximumPacket, limits.packet),
    twoProperty(ids.topicAliasMaximum, aliasMax),
    byteProperty(ids.subscriptionIdsAvailable, 0),
    byteProperty(ids.sharedAvailable, 0),
  ];
  if (session.expiry !== hello?.expiry) {
    properties.push(fourProperty(ids.sessionExpiry, session.expiry));
  }
  const assigned = hello?.assigned;
  if (assigned !== undefined) {
    properties.push(Buffer.concat([Buffer.from([ids.assignedClientId]), field(assigned)]));
  }
  return packet(0x20, [body.subarray(0, 1), Buffer.from([code]), propertyBlock(properties)]);
}

/** CONNACK for who is not let in. */
export function sayRefused(code: number, why: string | undefined): Buffer {
  return packet(0x20, [Buffer.from([0, code]), propertyBlock(wordsOf(why))]);
}

export function sayDisconnect(code: number, why: string | undefined): Buffer {
  return packet(0xe0, [Buffer.from([code]), propertyBlock(wordsOf(why))]);
}

/** PUBACK and PUBREC with a reason; SUBACK and UNSUBACK with one for each filter. */
export function sayAcknowledged(
  { first, id }: { readonly first: number; readonly id: number },
  codes: readonly number[],
  why?: string,
): Buffer {
  const identifier = Buffer.from([id >> 8, id & 0xff]);
  const properties = propertyBlock(wordsOf(why));
  const reasonsGiven = Buffer.from(codes);
  // PUBACK and PUBREC have the reason first, the others their reasons last.
  const parts = first >> 4 < 9 ? [reasonsGiven, properties] : [properties, reasonsGiven];
  return packet(first, [identifier, ...parts]);
}

interface Message {
  readonly payload: Buffer;
  readonly rider: Rider | undefined;
  readonly riders: Riders;
}

/** @param head topic and packet identifier of a PUBLISH of 3.1.1 */
export function sayPublish(
  first: number,
  head: Buffer,
  { payload, rider, riders }: Message,
): readonly Buffer[] {
  const left = rider === undefined ? undefined : riders.secondsLeft(rider);
  const properties = propertyBlock([
    ...(left === undefined ? [] : [fourProperty(ids.messageExpiry, left)]),
    ...(rider === undefined ? [] : [rider.properties]),
  ]);
  const size = head.length + properties.length + payload.length;
  const begin = Buffer.concat([Buffer.from([first]), variable(size), head, properties]);
  return payload.length === 0 ? [begin] : [begin, payload];
}

function wordsOf(why: string | undefined): readonly Buffer[] {
  return why === undefined ? [] : [textProperty(ids.reasonString, why)];
}
