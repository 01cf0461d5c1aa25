/**
 * What a record of the spool holds: the topic, a line feed, the live payload as it goes on the
 * wire. One encoding for disk and link.
 */
import type { BatchKind } from "../telemetry/index.ts";

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
