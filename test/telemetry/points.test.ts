/** What makes a point legal, what makes a row doubtful, and the lines of a batch. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  linesOf,
  maxFields,
  maxText,
  problemOf,
  quality,
  withRangeQuality,
} from "../../telemetry/index.ts";
import type { Point, UnnumberedBatch } from "../../telemetry/index.ts";

const good: Point = {
  measurement: "rack_phase",
  tags: { phase: "L1" },
  fields: { voltage_v: 230 },
};

describe("problemOf", () => {
  test("has nothing to say of a good point", () => {
    expect(problemOf(good)).toBeUndefined();
    expect(problemOf({ measurement: "ups", fields: { load_pct: 5, q: 0 } })).toBeUndefined();
    const own = { measurement: "ups", fields: { x_note: "new battery", x_raw: 7 } };
    expect(problemOf(own)).toBeUndefined();
  });

  const many = Object.fromEntries(Array.from({ length: maxFields + 1 }, (_, i) => [`x_${i}`, 1]));
  test.each<[string, Point, string | RegExp]>([
    ["an unknown measurement", { ...good, measurement: "rack" }, "measurement rack is not in"],
    ["another measurement's tag", { ...good, tags: { outlet: "1" } }, "has no tag outlet"],
    ["a place as a tag", { ...good, tags: { rack: "r1" } }, "has no tag rack"],
    ["an empty channel", { ...good, tags: { phase: "" } }, "tag phase must have 1 to 64"],
    ["a channel too long", { ...good, tags: { phase: "L".repeat(65) } }, "tag phase must have 1"],
    ["an unknown field", { ...good, fields: { volts: 1 } }, "rack_phase has no field volts"],
    ["no field", { ...good, fields: {} }, "a point needs a field"],
    ["too many fields", { ...good, fields: many }, `at most ${maxFields} fields`],
    ["a text for a number", { ...good, fields: { voltage_v: "230" } }, "must be a number"],
    ["a number for a text", { measurement: "device_event", fields: { reason: 1 } }, "be a text"],
    ["a half count", { measurement: "parking", fields: { free_count: 0.5 } }, "a whole number"],
    ["infinity", { ...good, fields: { voltage_v: Infinity } }, "voltage_v must be finite"],
    ["not a number", { ...good, fields: { voltage_v: Number.NaN } }, "voltage_v must be finite"],
    ["a half quality", { ...good, fields: { q: 0.5 } }, "q must be a whole number"],
    ["the spool's own number", { ...good, fields: { seq: 1 } }, "rack_phase has no field seq"],
    ["a stream's number", { ...good, fields: { stream: 1 } }, "rack_phase has no field stream"],
    ["a long text", { ...good, fields: { x_note: "a".repeat(maxText + 1) } }, /longer than 1024/],
  ])("refuses %s", (_what, point, problem) => {
    expect(problemOf(point)).toMatch(problem);
  });

  test("never throws, whatever names a point has", () => {
    const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "q", "x_a"));
    const value = fc.oneof(fc.double(), fc.string());
    const point = fc.record({
      measurement: fc.oneof(name, fc.constantFrom("rack_phase", "ups")),
      tags: fc.dictionary(name, fc.string()),
      fields: fc.dictionary(name, value),
    });
    fc.assert(
      fc.property(point, (point) => {
        expect(["string", "undefined"]).toContain(typeof problemOf(point));
      }),
    );
  });
});

describe("withRangeQuality", () => {
  test("calls a row good when nothing is out of range", () => {
    expect(withRangeQuality("ups", { load_pct: 5 })).toEqual({ load_pct: 5, q: quality.good });
  });

  test("calls a row uncertain when one value is out of range", () => {
    const fields = { load_pct: 5, battery_charge_pct: 101 };
    expect(withRangeQuality("ups", fields)).toEqual({ ...fields, q: quality.uncertain });
  });

  test("counts both ends of a range as in it", () => {
    expect(withRangeQuality("ups", { battery_charge_pct: 0 })["q"]).toBe(quality.good);
    expect(withRangeQuality("ups", { battery_charge_pct: 100 })["q"]).toBe(quality.good);
  });

  test("never makes a row better than the driver said", () => {
    expect(withRangeQuality("ups", { load_pct: 5, q: 1 })["q"]).toBe(1);
    expect(withRangeQuality("ups", { load_pct: -1, q: 1 })["q"]).toBe(2);
    expect(withRangeQuality("ups", { load_pct: -1, q: 4 })["q"]).toBe(4);
  });

  test("has no opinion on texts, own fields and unknown measurements", () => {
    expect(withRangeQuality("ups", { x_raw: 1e300 })["q"]).toBe(quality.good);
    expect(withRangeQuality("nothing", { constructor_x: 1, a: "b" })["q"]).toBe(quality.good);
  });
});

describe("linesOf", () => {
  const batch: UnnumberedBatch = {
    kind: "telemetry",
    address: { region: "local", org: "main", site: "hall", class: "power", device: "m1" },
    place: { rack: "r1" },
    time: 1000,
    points: [good, { measurement: "energy_meter", fields: { q: 0 } }],
    faults: [],
  };

  test("gives each point its place, its channel and the batch's one time", () => {
    const identity = { region: "local", org: "main", site: "hall", rack: "r1", device: "m1" };
    expect(linesOf(batch)).toEqual([
      { ...good, tags: { ...identity, phase: "L1" }, time: 1000 },
      { measurement: "energy_meter", tags: identity, fields: { q: 0 }, time: 1000 },
    ]);
  });

  test("writes a numbered batch's number into its first line alone", () => {
    const [first, second] = linesOf({ ...batch, stream: "edge.00112233deadbeef", seq: 7 });
    expect(first?.fields).toEqual({ ...good.fields, seq: 7, stream: 0xdeadbeef });
    expect(second?.fields).toEqual({ q: 0 });
    expect(good.fields).toEqual({ voltage_v: 230 });
    expect(linesOf({ ...batch, points: [], stream: "edge.00112233deadbeef", seq: 8 })).toEqual([]);
  });
});
