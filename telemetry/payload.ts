/**
 * The wire format: UTF-8 JSON that a person can read (design.md section 5). One shape for
 * `telemetry` and `event`, a columnar one for `backfill`, one for `stored`. Decoding is total:
 * any bytes give batches or a reason.
 *
 * live      {"v":1,"stream":"…","seq":12,"base":3,"time":1763892000123,"tags":{"rack":"r1"},
 *            "points":[{"measurement":"…","tags":{…},"fields":{…}}],"faults":[…]}
 * backfill  {"v":1,"stream":"…","base":3,"tags":{"rack":"r1"},
 *            "shapes":[["rack_phase",{"phase":"L1"},["voltage_v","q"]]],
 *            "batches":[[seq,time,[[shape,230.1,0],…]],…]}
 *            Field names once a message: a seventh of the bytes of the live shape.
 * stored    {"v":1,"stream":"…","ranges":[[1,40]]}
 */
import type { BatchKind, Fault, FieldValue, Place, Point, Tags } from "./points.ts";
import type { Range } from "./ranges.ts";
import { codes } from "./codes.ts";
import type { Code } from "./codes.ts";
import { isRecord } from "./unknown.ts";

/** What a message says of a batch; address and kind are in the topic. */
export interface WireBatch {
  readonly seq: number;
  readonly time: number;
  readonly points: readonly Point[];
  readonly faults: readonly Fault[];
}

/** A batch that can never be stored, although its place in the stream is known. */
export interface RefusedBatch {
  readonly seq: number;
  readonly problem: string;
}

/** A decoded `telemetry`, `event` or `backfill` message. */
export interface WireMessage {
  readonly stream: string;
  /** The stream begins here now: what is below is settled or shed. */
  readonly base: number;
  readonly place: Place;
  readonly batches: readonly WireBatch[];
  readonly refused: readonly RefusedBatch[];
}

export interface StoredMessage {
  readonly stream: string;
  readonly ranges: readonly Range[];
}

export type Decoded<T> = { readonly ok: T } | { readonly problem: string };

/** Longest stream id, and how many batches and points one message may carry. */
export const limits = { stream: 64, batches: 10_000, points: 10_000 } as const;

const text = new TextDecoder("utf-8", { fatal: true });

/** The live shape of one batch. */
export function encodeBatch(batch: WireBatch, stream: string, base: number, place: Place): string {
  return JSON.stringify({
    v: 1,
    stream,
    seq: batch.seq,
    base,
    time: batch.time,
    ...(hasPlace(place) ? { tags: place } : {}),
    points: batch.points,
    ...(batch.faults.length > 0 ? { faults: batch.faults } : {}),
  });
}

/** The columnar shape of many batches of one device. */
export function encodeBackfill(
  batches: readonly WireBatch[],
  stream: string,
  base: number,
  place: Place,
): string {
  const shapes: [string, Tags, string[]][] = [];
  const known = new Map<string, number>();
  const rows = batches.map((batch) => {
    const points = batch.points.map((point) => {
      const names = Object.keys(point.fields);
      const key = JSON.stringify([point.measurement, point.tags ?? {}, names]);
      let shape = known.get(key);
      if (shape === undefined) {
        shape = shapes.length;
        shapes.push([point.measurement, point.tags ?? {}, names]);
        known.set(key, shape);
      }
      return [shape, ...Object.values(point.fields)];
    });
    return batch.faults.length > 0
      ? [batch.seq, batch.time, points, batch.faults]
      : [batch.seq, batch.time, points];
  });
  const tags = hasPlace(place) ? { tags: place } : {};
  return JSON.stringify({ v: 1, stream, base, ...tags, shapes, batches: rows });
}

export function encodeStored(stream: string, ranges: readonly Range[]): string {
  return JSON.stringify({ v: 1, stream, ranges });
}

/** Decodes a `telemetry`, `event` or `backfill` payload. Never throws. */
export function decodeMessage(
  bytes: Uint8Array,
  kind: BatchKind | "backfill",
): Decoded<WireMessage> {
  return attempt(() => {
    const body = objectOf(JSON.parse(text.decode(bytes)), "the payload");
    const head = headOf(body);
    return { ...head, ...(kind === "backfill" ? backfillOf(body) : liveOf(body)) };
  });
}

/** Decodes a `stored` payload. Never throws. */
export function decodeStored(bytes: Uint8Array): Decoded<StoredMessage> {
  return attempt(() => {
    const body = objectOf(JSON.parse(text.decode(bytes)), "the payload");
    const stream = headOf({ ...body, base: 1 }).stream;
    const ranges = arrayOf(body["ranges"], "ranges", limits.batches).map((item): Range => {
      const pair = arrayOf(item, "a range", 2);
      const from = positive(pair[0], "a range's start");
      const to = positive(pair[1], "a range's end");
      return to >= from ? [from, to] : refuse("a range ends before it starts");
    });
    return { stream, ranges };
  });
}

class Refusal extends Error {}

function refuse(problem: string): never {
  throw new Refusal(problem);
}

function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return { ok: decode() };
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    // SyntaxError from JSON.parse, TypeError from TextDecoder: the only other two thrown here.
    return { problem: `not UTF-8 JSON: ${error instanceof Error ? error.message : "?"}` };
  }
}

function headOf(body: Record<string, unknown>): Omit<WireMessage, "batches" | "refused"> {
  if (body["v"] !== 1) refuse("v must be 1");
  const stream = body["stream"];
  if (typeof stream !== "string" || stream === "" || stream.length > limits.stream) {
    return refuse(`stream must be a text of 1 to ${limits.stream} characters`);
  }
  return { stream, base: positive(body["base"], "base"), place: placeOf(body["tags"]) };
}

type Batches = Pick<WireMessage, "batches" | "refused">;

function liveOf(body: Record<string, unknown>): Batches {
  return sorted([
    batchOf(positive(body["seq"], "seq"), () => ({
      time: timeOf(body["time"]),
      points: arrayOf(body["points"], "points", limits.points).map(pointOf),
      faults: faultsOf(body["faults"]),
    })),
  ]);
}

/** From here on the batch's place in the stream is known: a refusal concerns it alone. */
function batchOf(seq: number, decode: () => Omit<WireBatch, "seq">): WireBatch | RefusedBatch {
  try {
    return { seq, ...decode() };
  } catch (error) {
    if (error instanceof Refusal) return { seq, problem: error.message };
    throw error;
  }
}

function sorted(all: readonly (WireBatch | RefusedBatch)[]): Batches {
  const batches: WireBatch[] = [];
  const refused: RefusedBatch[] = [];
  for (const batch of all) {
    if ("problem" in batch) refused.push(batch);
    else batches.push(batch);
  }
  return { batches, refused };
}

interface Shape {
  readonly measurement: string;
  readonly tags: Tags;
  readonly names: readonly string[];
}

function backfillOf(body: Record<string, unknown>): Batches {
  const shapes = arrayOf(body["shapes"], "shapes", limits.points).map(shapeOf);
  const rows = arrayOf(body["batches"], "batches", limits.batches);
  return sorted(
    rows.map((item) => {
      const [seq, time, points, faults] = arrayOf(item, "a batch", 4);
      return batchOf(positive(seq, "seq"), () => ({
        time: timeOf(time),
        points: arrayOf(points, "a batch's rows", limits.points).map((row) => rowOf(row, shapes)),
        faults: faultsOf(faults),
      }));
    }),
  );
}

function shapeOf(item: unknown): Shape {
  const [measurement, tags, names] = arrayOf(item, "a shape", 3);
  return {
    measurement: textOf(measurement, "a shape's measurement"),
    tags: tagsOf(tags),
    names: arrayOf(names, "a shape's fields", limits.points).map((name) =>
      textOf(name, "a field name"),
    ),
  };
}

function rowOf(row: unknown, shapes: readonly Shape[]): Point {
  const [index, ...values] = arrayOf(row, "a row", limits.points);
  const shape = typeof index === "number" ? shapes[index] : undefined;
  if (shape === undefined) return refuse("a row names no shape");
  if (values.length !== shape.names.length) refuse("a row does not fit its shape");
  const fields: Record<string, FieldValue> = {};
  shape.names.forEach((name, i) => {
    // Assigning to it would set no field, and so lose a value without a word.
    if (name === "__proto__") refuse("no field may be called __proto__");
    fields[name] = valueOf(values[i], name);
  });
  return { measurement: shape.measurement, tags: shape.tags, fields };
}

function pointOf(item: unknown): Point {
  const point = objectOf(item, "a point");
  const fields = objectOf(point["fields"], "fields");
  if (!areValues(fields)) return refuse("a field must be a number or a text");
  return {
    measurement: textOf(point["measurement"], "measurement"),
    tags: tagsOf(point["tags"]),
    fields,
  };
}

function tagsOf(item: unknown): Tags {
  if (item === undefined) return noTags;
  const tags = objectOf(item, "tags");
  return areTexts(tags) ? tags : refuse("a tag must be a text");
}

const noTags: Tags = {};
const placeNames: ReadonlySet<string> = new Set(["zone", "rack"]);

function placeOf(item: unknown): Place {
  const tags = tagsOf(item);
  for (const name in tags) {
    if (!placeNames.has(name)) refuse(`tags may hold zone and rack, not ${name}`);
    const length = tags[name]?.length ?? 0;
    if (length === 0 || length > 64) refuse(`tag ${name} must have 1 to 64 characters`);
  }
  return tags;
}

function hasPlace(place: Place): boolean {
  return place.zone !== undefined || place.rack !== undefined;
}

function faultsOf(item: unknown): readonly Fault[] {
  if (item === undefined) return noFaults;
  return arrayOf(item, "faults", limits.points).map((entry) => {
    const fault = objectOf(entry, "a fault");
    const code = textOf(fault["code"], "a fault's code");
    return { code: isCode(code) ? code : "E_VALUE", at: textOf(fault["at"], "a fault's at") };
  });
}

const noFaults: readonly Fault[] = [];

function isCode(code: string): code is Code {
  return Object.hasOwn(codes, code);
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  return isRecord(value) && !Array.isArray(value) ? value : refuse(`${what} must be an object`);
}

function arrayOf(value: unknown, what: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(`${what} must be a list`);
  return value.length <= max ? value : refuse(`${what} has more than ${max} entries`);
}

function areTexts(object: Record<string, unknown>): object is Record<string, string> {
  for (const name in object) if (typeof object[name] !== "string") return false;
  return true;
}

function areValues(object: Record<string, unknown>): object is Record<string, FieldValue> {
  for (const name in object) if (!isValue(object[name])) return false;
  return true;
}

function isValue(value: unknown): value is FieldValue {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

function textOf(value: unknown, what: string): string {
  return typeof value === "string" ? value : refuse(`${what} must be a text`);
}

function valueOf(value: unknown, name: string): FieldValue {
  return isValue(value) ? value : refuse(`field ${name} must be a number or a text`);
}

function positive(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
    return refuse(`${what} must be a whole number from 1`);
  }
  return value;
}

/** Year 2100: a clock beyond it is wrong, and no store may learn its shards. */
const latestTime = 4_102_444_800_000;

function timeOf(value: unknown): number {
  const time = positive(value, "time");
  return time <= latestTime ? time : refuse("time must be ms since 1970, before the year 2100");
}
