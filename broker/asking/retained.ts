/**
 * What requests that read look at: the broker's retained messages, within what somebody may read.
 */
import type { DeviceAddress, ParsedTopic, TopicKind } from "../../telemetry/index.ts";
import { GatewayError, isRecord, parseTopic, topicOf } from "../../telemetry/index.ts";
import type { Schema } from "../../config/index.ts";
import { text, v } from "../../config/index.ts";
import { isFilter, readableBy, refuseSubscribe } from "../access.ts";
import type { RetainedMessage } from "../contract.ts";
import type { AskedBy } from "./request.ts";
import { mayRead } from "./request.ts";

/** The retained messages on topics that a filter matches. */
export type Retained = (filter: string) => Iterable<RetainedMessage>;

export const filterForm: Schema<string> = v.pipe(
  text,
  v.check(isFilter, "not an MQTT topic filter"),
);

/** Where somebody looks: within a filter, or wherever it may. @throws E_ACCESS */
export function filtersFor({ grant }: AskedBy, filter: string | undefined): readonly string[] {
  if (filter === undefined) return readableBy(grant);
  const refusal = refuseSubscribe(grant, filter);
  if (refusal === undefined) return [filter];
  throw new GatewayError("E_ACCESS", `${filter}: ${refusal.rule}`);
}

/** The same filter for topics of one kind alone; undefined: it matches none of them. */
export function narrowed(filter: string, kind: TopicKind): string | undefined {
  const levels = filter.split("/");
  if (levels.at(-1) === "#") {
    if (levels.length > 9) return undefined;
    const open = levels.slice(0, -1);
    if (open.length === 8) return narrowed(open.join("/"), kind);
    return [...open, ...Array<string>(7 - open.length).fill("+"), kind].join("/");
  }
  const last = levels[7];
  const matches = levels.length === 8 && (last === "+" || last === kind);
  return matches ? [...levels.slice(0, 7), kind].join("/") : undefined;
}

export interface Found {
  readonly address: DeviceAddress;
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Retained messages of one kind within some filters, each topic once. */
export function* foundIn(
  retained: Retained,
  filters: readonly string[],
  kind: TopicKind,
): Generator<Found> {
  const seen = new Set<string>();
  for (const filter of filters) {
    const narrow = narrowed(filter, kind);
    if (narrow === undefined) continue;
    for (const { topic, payload } of retained(narrow)) {
      const parsed: ParsedTopic | undefined = seen.has(topic) ? undefined : parseTopic(topic);
      if (parsed === undefined) continue;
      if (filters.length > 1) seen.add(topic);
      yield { address: parsed.address, topic, payload };
    }
  }
}

/** What a device's retained message of a kind says, where there is one and it may be read. */
export function saidOf(
  retained: Retained,
  { address, kind, by }: { address: DeviceAddress; kind: TopicKind; by: AskedBy },
): Record<string, unknown> | undefined {
  const topic = topicOf(address, kind);
  if (!mayRead(by, topic)) return undefined;
  for (const { payload } of retained(topic)) return bodyOf(payload);
  return undefined;
}

/** The JSON object in a payload. */
export function bodyOf(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(Buffer.from(payload).toString());
    return isRecord(body) && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of what a part is made of, and things in it. */
const part = { bytes: 65_536, things: 500 } as const;

/** Things in lists that make parts of answers; each comes with its size in bytes. */
export function* inParts<T>(things: Iterable<readonly [T, number]>): Generator<readonly T[]> {
  let list: T[] = [];
  let bytes = 0;
  for (const [thing, size] of things) {
    if (list.length > 0 && (bytes + size > part.bytes || list.length >= part.things)) {
      yield list;
      list = [];
      bytes = 0;
    }
    list.push(thing);
    bytes += size;
  }
  yield list;
}
