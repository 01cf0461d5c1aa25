/** The payloads' JSON Schemas hold for what is written, by a validator that nobody here wrote. */
import { Ajv } from "ajv";
import type { ValidateFunction } from "ajv";
import { describe, expect, it } from "vitest";
import {
  batchSchema,
  encodeAnswer,
  encodeAsk,
  encodeBackfill,
  encodeBatch,
  encodeSetRequest,
  encodeSetResult,
  payloadSchemas,
} from "../../telemetry/index.ts";
import type { Fields, TopicKind } from "../../telemetry/index.ts";

const ajv = new Ajv({ strict: false });

function checkOf(kind: TopicKind): ValidateFunction {
  return ajv.compile({ ...payloadSchemas[kind] });
}

function batch(fields: Fields, measurement = "rack_phase") {
  const points = [{ measurement, tags: { phase: "L1" }, fields }];
  const faults = [{ code: "E_VALUE", at: "x" }] as const;
  return { seq: 1, time: 1_763_892_000_123, points, faults };
}

describe("the schema of a batch", () => {
  const check = ajv.compile({ ...batchSchema({ rack_phase: ["voltage_v", "q"] }) });
  it.each([
    [{ voltage_v: 230.1, q: 0 }, true],
    [{ voltage_v: 230 }, true],
    [{ voltage_v: -5, q: 2 }, true],
    [{ voltage_v: -5, q: 0 }, false],
    [{ voltage_v: "230", q: 0 }, false],
    [{ voltage_v: 230.1, q: 5 }, false],
    [{ voltage_v: 230.1, x_new: "later", q: 0 }, true],
  ])("takes %j: %s", (fields, valid) => {
    const text = encodeBatch(batch(fields), "edge.0f", 1, { rack: "r1" });
    expect([check(JSON.parse(text)), check.errors !== null]).toEqual([valid, !valid]);
  });

  it("takes measurements that it does not name: a device may begin to give more", () => {
    const text = encodeBatch(batch({ active_power_w: 1 }, "rack_power"), "edge.0f", 1, {});
    expect(check(JSON.parse(text))).toBe(true);
  });
});

describe("the schema of a payload", () => {
  const wish = { id: "a", setting: "dim_pct", value: 1, time: 1 };
  it.each([
    ["backfill", encodeBackfill([batch({ voltage_v: 1, q: 0 })], "edge.0f", 1, {})],
    ["set", encodeSetRequest({ ...wish, expires: 2 })],
    ["result", encodeSetResult({ ...wish, outcome: "done", code: "none", why: "" })],
    ["ask", encodeAsk({ id: "a", do: "latest", args: { filter: "#" } })],
    ["answer", encodeAnswer({ id: "a", part: 1, last: true, body: { ok: [] } })],
    ["answer", encodeAnswer({ id: "", part: 1, last: true, body: { problem: "x", remedy: "y" } })],
  ] as const)("of kind %s takes what is written", (kind, text) => {
    const check = checkOf(kind);
    expect([check(JSON.parse(text)), check.errors]).toEqual([true, null]);
    expect(check({})).toBe(false);
  });
});
