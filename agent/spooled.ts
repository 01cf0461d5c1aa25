/**
 * What a record of the spool holds: the topic, a line feed, the live payload as it goes on the
 * wire. One encoding for disk and link.
 */
import type { BatchKind, Decoded, DeviceAddress, Place, WireBatch } from "../telemetry/index.ts";
import { decodeMessage, parseTopic } from "../telemetry/index.ts";
import type { SpoolRecord } from "./record.ts";

/** A batch in its durable form, as it goes on the wire. */
export interface Spooled {
  readonly seq: number;
  readonly topic: string;
  readonly kind: BatchKind;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  /** The live payload. */
  readonly payload: string;
}

/** The payload of its record. */
export function textOf({ topic, payload }: Spooled): string {
  return `${topic}\n${payload}`;
}

/** Of that, in UTF-8. @unit bytes */
export function lengthOf(spooled: Spooled): number {
  return Buffer.byteLength(textOf(spooled));
}

export function spooledOf(seq: number, time: number, bytes: Uint8Array): Spooled {
  const text = Buffer.from(bytes).toString();
  const end = text.indexOf("\n");
  const topic = text.slice(0, end);
  const kind = topic.endsWith("/event") ? "event" : "telemetry";
  return { seq, topic, kind, time, payload: text.slice(end + 1) };
}

/** A record's batch: who sent it, and what it says. */
export interface DecodedSpooled {
  readonly spooled: Spooled;
  /** Whose stream it was in when it was spooled. */
  readonly agent: string;
  readonly address: DeviceAddress;
  readonly place: Place;
  readonly batch: WireBatch;
}

/** Decodes a record; any bytes give a batch or a reason. */
export function decodeSpooled({ seq, time, payload }: SpoolRecord): Decoded<DecodedSpooled> {
  const spooled = spooledOf(seq, time, payload);
  const topic = parseTopic(spooled.topic);
  if (topic === undefined) return { problem: "it has no topic of ours" };
  if (topic.kind !== spooled.kind) return { problem: `its topic is of ${topic.kind}` };
  const message = decodeMessage(Buffer.from(spooled.payload), spooled.kind);
  if (!("ok" in message)) return message;
  const { batches, refused, place, stream } = message.ok;
  const [batch] = batches;
  if (batch === undefined) return { problem: refused[0]?.problem ?? "it is empty" };
  if (batch.seq !== seq) return { problem: `its payload says ${batch.seq}` };
  const agent = stream.replace(/\.[^.]*$/, "");
  return { ok: { spooled, agent, address: topic.address, place, batch } };
}
