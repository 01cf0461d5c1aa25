/** What the decoder refuses, in whose name, and in which words. */
import { describe, expect, test } from "vitest";
import { decodeMessage, limits, problemOf } from "../../telemetry/index.ts";
import type { Decoded, WireMessage } from "../../telemetry/index.ts";

const head = { v: 1, stream: "s", base: 1 };
const live = { ...head, seq: 7, time: 1000, points: [] };

function decode(body: unknown, kind: "telemetry" | "backfill" = "telemetry"): Decoded<WireMessage> {
  return decodeMessage(new TextEncoder().encode(JSON.stringify(body)), kind);
}

function decodeText(text: string, kind: "telemetry" | "backfill"): Decoded<WireMessage> {
  return decodeMessage(new TextEncoder().encode(text), kind);
}

describe("a message whose place in the stream is unknown is refused whole", () => {
  test.each([
    ["another version", { ...live, v: 2 }, "v must be 1"],
    ["no stream", { ...live, stream: "" }, /stream must be a text/],
    ["a stream too long", { ...live, stream: "s".repeat(65) }, /1 to 64 characters/],
    ["base 0", { ...live, base: 0 }, "base must be a whole number from 1"],
    ["no seq", { ...live, seq: null }, "seq must be a whole number from 1"],
    ["a half seq", { ...live, seq: 1.5 }, "seq must be a whole number from 1"],
    ["a seq past counting", { ...live, seq: 2 ** 53 }, "seq must be a whole number from 1"],
    ["a tag that is no place", { ...live, tags: { device: "x" } }, /zone and rack, not device/],
    ["an empty place", { ...live, tags: { rack: "" } }, /1 to 64 characters/],
    ["a list", [live], "the payload must be an object"],
    ["null", null, "the payload must be an object"],
  ])("%s", (_what, body, problem) => {
    expect(decode(body)).toEqual({ problem: expect.stringMatching(problem) });
  });

  test("bytes that are not UTF-8", () => {
    const result = decodeMessage(Uint8Array.of(0x22, 0xff, 0x22), "telemetry");
    expect(result).toEqual({ problem: expect.stringMatching(/^not UTF-8 JSON/) });
  });
});

describe("a batch that can never be stored is refused by its seq", () => {
  test.each([
    ["no time", { ...live, time: undefined }, "time must be a whole number from 1"],
    ["the year 3000", { ...live, time: 32_503_680_000_000 }, /before the year 2100/],
    ["points that are no list", { ...live, points: {} }, "points must be a list"],
    ["a point that is a list", { ...live, points: [[]] }, "a point must be an object"],
    ["no measurement", { ...live, points: [{ fields: {} }] }, "measurement must be a text"],
    ["no fields", { ...live, points: [{ measurement: "ups" }] }, "fields must be an object"],
    [
      "a field that is a truth value",
      { ...live, points: [{ measurement: "ups", fields: { a: true } }] },
      "a field must be a number or a text",
    ],
    [
      "a tag that is a number",
      { ...live, points: [{ measurement: "ups", tags: { unit: 1 }, fields: {} }] },
      "a tag must be a text",
    ],
    ["faults that are no list", { ...live, faults: "none" }, "faults must be a list"],
  ])("%s", (_what, body, problem) => {
    const refused = [{ seq: 7, problem: expect.stringMatching(problem) }];
    expect(decode(body)).toMatchObject({ ok: { batches: [], refused } });
  });

  test("in backfill, its neighbours are kept", () => {
    const shapes = [["ups", {}, ["load_pct"]]];
    const batches = [
      [1, 1000, [[0, 5]]],
      [2, 1000, [[0, 5, 6]]],
      [3, 1000, [[1, 5]]],
      [4, -1, [[0, 5]]],
      [5, 1000, [[0, null]]],
      [6, 1000, [[0, 7]]],
    ];
    const result = decode({ ...head, shapes, batches }, "backfill");
    const message = "ok" in result ? result.ok : undefined;
    expect(message?.batches.map(({ seq }) => seq)).toEqual([1, 6]);
    expect(message?.refused).toEqual([
      { seq: 2, problem: "a row does not fit its shape" },
      { seq: 3, problem: "a row names no shape" },
      { seq: 4, problem: "time must be a whole number from 1" },
      { seq: 5, problem: "field load_pct must be a number or a text" },
    ]);
  });
});

describe("limits", () => {
  test(`a live message carries at most ${limits.points} points`, () => {
    const points = Array.from({ length: limits.points + 1 }, () => 0);
    const refused = [{ seq: 7, problem: `points has more than ${limits.points} entries` }];
    expect(decode({ ...live, points })).toMatchObject({ ok: { refused } });
  });

  test(`a backfill message carries at most ${limits.batches} batches`, () => {
    const batches = Array.from({ length: limits.batches + 1 }, (_, i) => [i + 1, 1000, []]);
    const problem = `batches has more than ${limits.batches} entries`;
    expect(decode({ ...head, shapes: [], batches }, "backfill")).toEqual({ problem });
  });

  test("an unknown fault code becomes E_VALUE, so that newer agents are understood", () => {
    const faults = [{ code: "E_FROM_THE_FUTURE", at: "holding 0x0010" }];
    const batches = [{ faults: [{ code: "E_VALUE", at: "holding 0x0010" }] }];
    expect(decode({ ...live, faults })).toMatchObject({ ok: { batches } });
  });

  test("keys from the future are ignored", () => {
    expect(decode({ ...live, colour: "blue" })).toHaveProperty("ok");
  });
});

/** Names that every JavaScript object seems to have. */
const inherited = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

describe("names that JavaScript objects inherit", () => {
  test.each(inherited)("%s as a field never reaches the store, live or late", (name) => {
    const fields = `{"load_pct":5,"${name}":1}`;
    const point = `{"measurement":"ups","fields":${fields}}`;
    const body = `{"v":1,"stream":"s","base":1,"seq":7,"time":1000,"points":[${point}]}`;
    const late =
      `{"v":1,"stream":"s","base":1,"shapes":[["ups",{},["load_pct","${name}"]]],` +
      `"batches":[[7,1000,[[0,5,1]]]]}`;
    expect(problems(decodeText(body, "telemetry"))).toEqual([expect.stringContaining(name)]);
    expect(problems(decodeText(late, "backfill"))).toEqual([expect.stringContaining(name)]);
  });

  test.each(inherited)("%s as a tag, a measurement or a place never reaches the store", (name) => {
    const text = JSON.stringify({ ...live, points: [{ measurement: "ups", fields: { q: 0 } }] });
    const tagged = text.replace('"fields"', `"tags":{"${name}":"x"},"fields"`);
    expect(problems(decodeText(tagged, "telemetry"))).toEqual([expect.stringContaining(name)]);
    const renamed = text.replace('"ups"', `"${name}"`);
    expect(problems(decodeText(renamed, "telemetry"))).toEqual([expect.stringContaining(name)]);
    const placed = text.replace('"points"', `"tags":{"${name}":"x"},"points"`);
    expect(decodeText(placed, "telemetry")).toEqual({ problem: expect.stringContaining(name) });
  });

  test.each(inherited)("%s is no fault code", (name) => {
    const faults = [{ code: name, at: "x" }];
    const batches = [{ faults: [{ code: "E_VALUE" }] }];
    expect(decode({ ...live, faults })).toMatchObject({ ok: { batches } });
  });
});

/** What ingest would say: refused by the decoder, or by the register. */
function problems(result: Decoded<WireMessage>): string[] {
  if ("problem" in result) return [result.problem];
  const { batches, refused } = result.ok;
  const unknown = batches.flatMap(({ points }) =>
    points.flatMap((point) => problemOf(point) ?? []),
  );
  return [...refused.map(({ problem }) => problem), ...unknown];
}
