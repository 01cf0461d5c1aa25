/** The wire format: what is encoded is decoded again, and any bytes end in a value. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  codes,
  decodeMessage,
  decodeStored,
  encodeBackfill,
  encodeBatch,
  encodeStored,
} from "../../telemetry/index.ts";
import type { Code, Decoded, Place, WireBatch, WireMessage } from "../../telemetry/index.ts";

const allCodes = Object.keys(codes).filter((name): name is Code => Object.hasOwn(codes, name));

/** JSON has no minus zero: it comes back as 0. */
const number = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (value === 0 ? 0 : value));
const name = fc.oneof(
  fc.constantFrom("voltage_v", "q", "x_näme", "constructor", "toString", "温度_c", "0", "10"),
  fc.string({ maxLength: 12, unit: "binary" }).filter((text) => text !== "__proto__"),
);
const value = fc.oneof(number, fc.string({ maxLength: 12, unit: "binary" }));
const tags = fc.dictionary(name, fc.string({ maxLength: 8, unit: "binary" }), {
  maxKeys: 2,
  noNullPrototype: true,
});
const point = fc.record({
  measurement: fc.constantFrom("rack_phase", "thermal", "日本", ""),
  tags,
  fields: fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true }),
});
const fault = fc.record({ code: fc.constantFrom(...allCodes), at: fc.string({ maxLength: 12 }) });
const batch: fc.Arbitrary<WireBatch> = fc.record({
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  time: fc.integer({ min: 1, max: 4_102_444_800_000 }),
  points: fc.array(point, { maxLength: 5 }),
  faults: fc.array(fault, { maxLength: 2 }),
});
const batches = fc.array(batch, { maxLength: 8 });
const placeName = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
const place: fc.Arbitrary<Place> = fc.record(
  { zone: placeName, rack: placeName },
  { requiredKeys: [] },
);
const stream = fc.string({ minLength: 1, maxLength: 64 });
const base = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decoded(text: string, kind: "telemetry" | "backfill"): WireMessage {
  const result = decodeMessage(bytes(text), kind);
  if ("problem" in result) throw new Error(result.problem);
  return result.ok;
}

describe("a batch sent live", () => {
  test("comes back as it was", () => {
    fc.assert(
      fc.property(batch, stream, base, place, (batch, stream, base, place) => {
        const message = decoded(encodeBatch(batch, stream, base, place), "telemetry");
        expect(message).toEqual({ stream, base, place, batches: [batch], refused: [] });
      }),
    );
  });

  test("says nothing of tags and faults when it has none", () => {
    const text = encodeBatch({ seq: 1, time: 2, points: [], faults: [] }, "s", 1, {});
    expect(text).toBe('{"v":1,"stream":"s","seq":1,"base":1,"time":2,"points":[]}');
  });
});

describe("batches sent as backfill", () => {
  test("come back as they were, whatever shapes their points have", () => {
    fc.assert(
      fc.property(batches, stream, base, place, (batches, stream, base, place) => {
        const message = decoded(encodeBackfill(batches, stream, base, place), "backfill");
        expect(message).toEqual({ stream, base, place, batches, refused: [] });
      }),
    );
  });

  test("name the fields of equal rows once", () => {
    const points = [{ measurement: "rack_phase", tags: { phase: "L1" }, fields: { voltage_v: 1 } }];
    const three = [1, 2, 3].map((seq) => ({ seq, time: seq, points, faults: [] }));
    const text = encodeBackfill(three, "s", 1, {});
    expect(text.match(/voltage_v/g)).toHaveLength(1);
    expect(text).toContain('"batches":[[1,1,[[0,1]]],[2,2,[[0,1]]],[3,3,[[0,1]]]]');
  });
});

describe("stored ranges", () => {
  const range = fc
    .tuple(base, fc.nat({ max: 1000 }))
    .map(([from, more]): [number, number] => [
      Math.min(from, Number.MAX_SAFE_INTEGER - more),
      Math.min(from, Number.MAX_SAFE_INTEGER - more) + more,
    ]);

  test("come back as they were", () => {
    fc.assert(
      fc.property(stream, fc.array(range, { maxLength: 9 }), (stream, ranges) => {
        expect(decodeStored(bytes(encodeStored(stream, ranges)))).toEqual({
          ok: { stream, ranges },
        });
      }),
    );
  });

  test.each([
    ["a range backwards", [[3, 2]]],
    ["a range from 0", [[0, 2]]],
    ["a range of one number", [[1]]],
    ["a range of three numbers", [[1, 2, 3]]],
    ["a half number", [[1, 2.5]]],
    ["a text", "1-2"],
  ])("%s is refused with a reason", (_what, ranges) => {
    const result = decodeStored(bytes(JSON.stringify({ v: 1, stream: "s", ranges })));
    expect(result).toEqual({ problem: expect.stringMatching(/range/) });
  });
});

const kinds = ["telemetry", "event", "backfill"] as const;

/** Either a value or a sentence; never a throw. */
function expectVerdict(result: Decoded<unknown>): void {
  if ("problem" in result) expect(result.problem).not.toBe("");
  else expect(result.ok).toBeDefined();
}

describe("decoding is total", () => {
  test("any bytes end in a value or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const kind of kinds) expectVerdict(decodeMessage(bytes, kind));
        expectVerdict(decodeStored(bytes));
      }),
    );
  });

  test("any JSON ends in a value or a reason", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const kind of kinds) expectVerdict(decodeMessage(bytes(text), kind));
        expectVerdict(decodeStored(bytes(text)));
      }),
    );
  });

  test("a message with any one value replaced ends in a value or a reason", () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.jsonValue(), (batches, at, other) => {
        const texts = [
          encodeBackfill(batches, "s", 1, { rack: "r" }),
          ...batches.slice(0, 1).map((batch) => encodeBatch(batch, "s", 1, { rack: "r" })),
        ];
        for (const text of texts) {
          const changed = bytes(replaced(text, at, other));
          for (const kind of kinds) expectVerdict(decodeMessage(changed, kind));
        }
      }),
    );
  });

  test("a message cut anywhere is refused", () => {
    const text = encodeBackfill([{ seq: 1, time: 1, points: [], faults: [] }], "s", 1, {});
    for (let length = 0; length < text.length; length += 1) {
      expect(decodeMessage(bytes(text.slice(0, length)), "backfill")).toHaveProperty("problem");
    }
  });

  test("nesting without end is refused", () => {
    const deep = bytes("[".repeat(200_000));
    expect(decodeMessage(deep, "telemetry")).toHaveProperty("problem");
  });
});

/** The text with the `at`-th value of its tree replaced. */
function replaced(text: string, at: number, other: unknown): string {
  let count = 0;
  JSON.parse(text, () => void (count += 1));
  const target = at % count;
  let index = -1;
  return JSON.stringify(
    JSON.parse(text, (_key, value: unknown) => {
      index += 1;
      return index === target ? other : value;
    }),
  );
}
