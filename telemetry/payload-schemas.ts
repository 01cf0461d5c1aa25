/**
 * The payloads as JSON Schema (draft 7), for whoever reads them with other tools than ours
 * (docs/reference/payload.md says it in words). Fields, units and ranges are the register's; what a
 * schema does not name may come: adding is safe.
 */
import type { TopicKind } from "./topics.ts";
import { quality } from "./points.ts";
import { fieldFacts, measurementEntry } from "./register/index.ts";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a device gives: measurement to its fields. */
export type Gives = Readonly<Record<string, readonly string[]>>;

const version = { const: 1 };
const text = { type: "string" };
const count = { type: "integer", minimum: 1 };
const moment = { type: "integer", description: "ms since 1970-01-01 UTC" };
const value = { type: ["number", "string"] };
const texts = { type: "object", additionalProperties: text };
const listOf = (items: JsonSchema): JsonSchema => ({ type: "array", items });
const place = { type: "object", properties: { zone: text, rack: text } };
const fault = objectOf({ code: text, at: text });

/** An object with these properties, all of them there but the optional ones. */
function objectOf(properties: JsonSchema, optional: JsonSchema = {}): JsonSchema {
  const required = Object.keys(properties);
  return { type: "object", properties: { ...properties, ...optional }, required };
}

const head = { v: version, stream: text, base: count };

/** `telemetry` of a device that gives this; `event` likewise. */
export function batchSchema(gives: Gives): JsonSchema {
  const points = Object.entries(gives).map(([name, fields]) => pointSchema(name, fields));
  const known = objectOf({
    measurement: { not: { enum: Object.keys(gives) } },
    fields: { type: "object", additionalProperties: value },
  });
  return objectOf(
    { ...head, seq: count, time: moment, points: listOf({ anyOf: [...points, known] }) },
    { tags: place, faults: listOf(fault) },
  );
}

/** One row: outside its range a value is there still, and the row's quality says so. */
function pointSchema(measurement: string, names: readonly string[]): JsonSchema {
  const { about, channel } = measurementEntry(measurement) ?? {};
  const fields = names.filter((name) => name !== "q");
  const ranges = fields.flatMap((field) => {
    const range = fieldFacts(measurement, field)?.entry?.range;
    return range === undefined ? [] : [[field, { minimum: range[0], maximum: range[1] }] as const];
  });
  const doubtful = { properties: { q: { minimum: quality.uncertain } }, required: ["q"] };
  const inRange = { properties: Object.fromEntries(ranges) };
  return {
    ...objectOf(
      {
        measurement: { const: measurement },
        fields: {
          type: "object",
          properties: {
            ...Object.fromEntries(fields.map((field) => [field, fieldSchema(measurement, field)])),
            q: { type: "integer", minimum: 0, maximum: 4, description: "Quality of the row." },
          },
          additionalProperties: value,
          ...(ranges.length === 0 ? {} : { anyOf: [inRange, doubtful] }),
        },
      },
      { tags: channel === undefined ? texts : objectOf({}, { [channel]: text }) },
    ),
    ...(about === undefined ? {} : { description: about }),
  };
}

const types = { float: "number", integer: "integer", text: "string", any: ["number", "string"] };

function fieldSchema(measurement: string, field: string): JsonSchema {
  const facts = fieldFacts(measurement, field);
  const { entry, unit, type = "any" } = facts ?? {};
  return {
    type: types[type],
    ...(entry === undefined ? {} : { description: entry.about }),
    ...(unit === undefined ? {} : { "x-unit": unit.ucum }),
    ...(entry?.range === undefined ? {} : { "x-range": entry.range }),
    ...(entry?.states === undefined ? {} : { "x-states": entry.states }),
  };
}

const asked = { v: version, id: { type: "string", pattern: "^[A-Za-z0-9_-]{1,64}$" } };
const wish = { setting: text, value: { type: "number" } };

/** Payloads that are the same of each device. */
export const payloadSchemas: Readonly<Partial<Record<TopicKind, JsonSchema>>> = {
  backfill: objectOf(
    {
      ...head,
      shapes: listOf({ type: "array", minItems: 3, maxItems: 3 }),
      batches: listOf({ type: "array", minItems: 3, maxItems: 4 }),
    },
    { tags: place },
  ),
  meta: objectOf(
    { v: version, measurements: { type: "object" } },
    {
      tags: place,
      location: objectOf({ latitude: { type: "number" }, longitude: { type: "number" } }),
      agent: text,
      driver: text,
      profile: text,
      vendor: text,
      model: text,
      interval_ms: { type: "number", exclusiveMinimum: 0 },
      settings: { type: "object" },
    },
  ),
  state: objectOf({
    v: version,
    state: { enum: ["online", "stale", "offline"] },
    reason: text,
    since: moment,
  }),
  alert: objectOf({ v: version, time: moment, alerts: listOf({ type: "object" }) }),
  set: objectOf({ ...asked, ...wish, time: moment, expires: moment }),
  result: objectOf(
    {
      ...asked,
      ...wish,
      outcome: { enum: ["done", "refused", "failed", "expired", "unknown"] },
      code: text,
      why: text,
      time: moment,
    },
    { shown: { type: "number" } },
  ),
  ask: objectOf({ ...asked, do: text }),
  answer: {
    ...objectOf({ v: version, id: text, part: count, last: { type: "boolean" } }),
    oneOf: [{ required: ["ok"] }, { required: ["problem", "remedy"] }],
  },
  denied: objectOf({ v: version, refused: text, rule: text, remedy: text }),
  whoami: objectOf({ v: version, client: text, user: text }, { requests: listOf(text) }),
};
