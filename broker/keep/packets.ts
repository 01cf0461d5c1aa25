/**
 * A packet as bytes: one line of JSON, then the payload as it is.
 *
 *   {"topic":"a/b","qos":1,"retain":true,…}\n payload
 */
import { v } from "../../config/index.ts";
import type { Rider, Riders } from "../mqtt5/index.ts";
import type { Packet } from "../session-queue.ts";

const head = v.object({
  cmd: v.optional(v.string(), "publish"),
  topic: v.optional(v.string()),
  qos: v.optional(v.picklist([0, 1, 2]), 0),
  retain: v.optional(v.boolean(), false),
  dup: v.optional(v.boolean(), false),
  brokerId: v.optional(v.string()),
  brokerCounter: v.optional(v.number(), 0),
  messageId: v.optional(v.number()),
  /** What rides on it (`mqtt5/riders.ts`): properties in base64. */
  properties: v.optional(v.string()),
  until: v.optional(v.number()),
});

const newline = 0x0a;

export function encodePacket(packet: Packet, rider?: Rider): Uint8Array {
  const { payload = "", clientId: _clientId, ...rest } = packet;
  const { cmd, topic, qos, retain, dup, brokerId, brokerCounter, messageId } = rest;
  const packed = { properties: rider?.properties.toString("base64"), until: rider?.until };
  const line = { cmd, topic, qos, retain, dup, brokerId, brokerCounter, messageId, ...packed };
  return Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), Buffer.from(payload)]);
}

/** Undefined for anything else: what is not understood is not kept. */
export function decodePacket(bytes: Uint8Array, riders: Riders): Packet | undefined {
  const end = bytes.indexOf(newline);
  if (end < 0) return undefined;
  const payload = Buffer.from(bytes.subarray(end + 1));
  const parsed = v.safeParse(head, jsonOf(Buffer.from(bytes.subarray(0, end)).toString("utf8")));
  if (!parsed.success) return undefined;
  const { topic, brokerId, messageId, properties, until, ...others } = parsed.output;
  if (properties !== undefined) {
    riders.seat(payload, { properties: Buffer.from(properties, "base64"), until });
  }
  return {
    ...others,
    ...(topic === undefined ? {} : { topic }),
    ...(brokerId === undefined ? {} : { brokerId }),
    messageId,
    payload,
  };
}

export function jsonOf(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
