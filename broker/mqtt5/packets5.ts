/** Packets of MQTT 5 from a client, taken apart, and what they are in 3.1.1. */
import { isShared } from "../access.ts";
import { fieldEnd } from "../packets.ts";
import type { Fault5 } from "./reasons.ts";
import { malformed, protocolError, reasons } from "./reasons.ts";
import type { Properties } from "./properties.ts";
import { allowedIn, packet, propertyIds, readProperties } from "./properties.ts";

/** Topics a client may abbreviate. */
export const aliasMax = 16;

export interface Publish5 {
  readonly packet: Buffer;
  readonly properties: Properties;
  /** Packet identifier; 0 at QoS 0. */
  readonly id: number;
}

/** `aliases` learns topics, and gives them [MQTT5 3.3.2.3.4]. */
export function readPublish(
  first: number,
  body: Buffer,
  aliases: Map<number, Buffer>,
): Publish5 | Fault5 {
  const topicEnd = fieldEnd(body, 0);
  if (topicEnd === undefined) return malformed("no topic");
  const qos = (first >> 1) & 3;
  const idEnd = topicEnd + (qos > 0 ? 2 : 0);
  if (idEnd > body.length) return malformed("no packet identifier");
  const properties = readProperties(body, idEnd, allowedIn.publish);
  if ("code" in properties) return properties;
  const topic = resolve(body.subarray(0, topicEnd), properties, aliases);
  if ("code" in topic) return topic;
  const id = qos > 0 ? body.readUInt16BE(topicEnd) : 0;
  const rest = [body.subarray(topicEnd, idEnd), body.subarray(properties.end)];
  return { packet: packet(first, [topic, ...rest]), properties, id };
}

/** A topic with its length. */
function resolve(
  topic: Buffer,
  { numbers }: Properties,
  aliases: Map<number, Buffer>,
): Buffer | Fault5 {
  const alias = numbers.get(propertyIds.topicAlias);
  if (alias === undefined) return topic.length > 2 ? topic : protocolError("no topic, no alias");
  if (alias === 0 || alias > aliasMax) return aliasFault(`aliases are 1 to ${aliasMax}`);
  if (topic.length === 2) return aliases.get(alias) ?? protocolError(`alias ${alias} is unknown`);
  aliases.set(alias, Buffer.from(topic));
  return topic;
}

function aliasFault(why: string): Fault5 {
  return { reason: "topic", code: reasons.aliasInvalid, why };
}

/** What a client wants of one subscription [MQTT5 3.8.3.1]. */
export interface Wish {
  readonly filter: string;
  /** Not what it published itself. */
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** What is retained: 0 always, 1 when the subscription is new, 2 never. */
  readonly retainHandling: number;
}

export interface Subscribe5 {
  readonly packet: Buffer;
  readonly id: number;
  readonly wishes: readonly Wish[];
}

export function readSubscribe(body: Buffer): Subscribe5 | Fault5 {
  if (body.length < 3) return malformed("SUBSCRIBE is cut off");
  const properties = readProperties(body, 2, allowedIn.subscribe);
  if ("code" in properties) return properties;
  if (properties.numbers.has(propertyIds.subscriptionId)) {
    const why = "no subscription identifiers here";
    return { reason: "protocol", code: reasons.noSubscriptionIds, why };
  }
  const wishes: Wish[] = [];
  const parts: Buffer[] = [body.subarray(0, 2)];
  let at = properties.end;
  while (at < body.length) {
    const end = fieldEnd(body, at);
    const options = end === undefined ? undefined : body[end];
    if (end === undefined || options === undefined) return malformed("a filter is cut off");
    const wish = wishOf(body.toString("utf8", at + 2, end), options);
    if ("code" in wish) return wish;
    wishes.push(wish);
    parts.push(body.subarray(at, end), Buffer.from([options & 3]));
    at = end + 1;
  }
  return { packet: packet(0x82, parts), id: body.readUInt16BE(0), wishes };
}

function wishOf(filter: string, options: number): Wish | Fault5 {
  const retainHandling = options >> 4;
  if (retainHandling > 2) return malformed("ill-formed subscription options");
  const noLocal = (options & 4) !== 0;
  // [MQTT5-3.8.3-4]
  if (noLocal && isShared(filter)) return protocolError("No Local on a shared one");
  return { filter, noLocal, retainAsPublished: (options & 8) !== 0, retainHandling };
}

export interface Unsubscribe5 {
  readonly packet: Buffer;
  readonly id: number;
  readonly filters: readonly string[];
}

export function readUnsubscribe(body: Buffer): Unsubscribe5 | Fault5 {
  if (body.length < 3) return malformed("UNSUBSCRIBE is cut off");
  const properties = readProperties(body, 2, allowedIn.unsubscribe);
  if ("code" in properties) return properties;
  const rest = body.subarray(properties.end);
  const filters: string[] = [];
  for (let at = 0; at < rest.length;) {
    const end = fieldEnd(rest, at);
    if (end === undefined) return malformed("a filter is cut off");
    filters.push(rest.toString("utf8", at + 2, end));
    at = end;
  }
  return { packet: packet(0xa2, [body.subarray(0, 2), rest]), id: body.readUInt16BE(0), filters };
}

export interface Acknowledgement {
  readonly packet: Buffer;
  readonly id: number;
  /** Its reason code. */
  readonly said: number;
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP [MQTT5 3.4]. */
export function readAcknowledgement(first: number, body: Buffer): Acknowledgement | Fault5 {
  if (body.length < 2) return malformed("no packet identifier");
  const said = body[2] ?? reasons.success;
  if (body.length > 3) {
    const properties = readProperties(body, 3, allowedIn.acknowledgement);
    if ("code" in properties) return properties;
    if (properties.end !== body.length) return malformed("bytes behind the properties");
  }
  return { packet: packet(first, [body.subarray(0, 2)]), id: body.readUInt16BE(0), said };
}

export interface Disconnect {
  /** Reason code, as the client gave it. */
  readonly left: number;
  /** How long its session shall live on, when it says so. @unit s */
  readonly expiry: number | undefined;
}

/** [MQTT5 3.14] */
export function readDisconnect(body: Buffer): Disconnect | Fault5 {
  const left = body[0] ?? reasons.success;
  if (body.length < 2) return { left, expiry: undefined };
  const properties = readProperties(body, 1, allowedIn.disconnect);
  if ("code" in properties) return properties;
  if (properties.end !== body.length) return malformed("bytes behind the properties");
  return { left, expiry: properties.numbers.get(propertyIds.sessionExpiry) };
}
