/** The line maker gives the lines of `linesOf`, and one tags object a series. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LineMaker } from "../../broker/lines.ts";
import type { Place, Point, UnnumberedBatch } from "../../telemetry/index.ts";
import { linesOf } from "../../telemetry/index.ts";

const point = fc.oneof(
  fc.record({
    measurement: fc.constantFrom("rack_phase", "meter_phase"),
    tags: fc.option(fc.record({ phase: fc.constantFrom("L1", "L2") }), { nil: undefined }),
    fields: fc.record({ voltage_v: fc.integer() }),
  }),
  fc.record({
    measurement: fc.constant("pdu_outlet"),
    tags: fc.record({ outlet: fc.constantFrom("L1", "1") }),
    fields: fc.record({ current_a: fc.integer() }),
  }),
);

const places: readonly Place[] = [
  {},
  { rack: "r1" },
  { zone: "r1" },
  { zone: "z", rack: "r1" },
  { zone: "undefined" },
];

const batch = fc
  .record({
    device: fc.constantFrom("a", "b"),
    site: fc.constantFrom("s", "t"),
    place: fc.constantFrom(...places),
    points: fc.array(point, { maxLength: 5 }),
    time: fc.nat(),
  })
  .map(({ device, site, place, points, time }): UnnumberedBatch => ({
    kind: "telemetry",
    address: { region: "local", org: "main", site, class: "power", device },
    place,
    time,
    points: points.map(withoutNothing),
    faults: [],
  }));

function withoutNothing({ measurement, tags, fields }: PointWithMaybe): Point {
  return tags === undefined ? { measurement, fields } : { measurement, tags, fields };
}

interface PointWithMaybe extends Omit<Point, "tags"> {
  readonly tags: Record<string, string> | undefined;
}

test("lines are those of linesOf, and equal tags of a measurement are one object", () => {
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 20 }), (batches) => {
      const maker = new LineMaker();
      const seen = new Map<string, object>();
      for (const one of batches) {
        const lines = maker.linesOf(one);
        expect(lines).toEqual(linesOf(one));
        for (const { measurement, tags } of lines) {
          const key = JSON.stringify([measurement, tags]);
          expect(seen.get(key) ?? tags).toBe(tags);
          seen.set(key, tags);
        }
      }
    }),
  );
});

const thermal: Point = { measurement: "thermal", fields: { temp_c: 1 } };

test.each([
  ["series", [thermal]],
  ["devices without a point", []],
] as const)("many %s are forgotten in time, and made anew", (_, points) => {
  const maker = new LineMaker();
  const of = (device: string, given: readonly Point[]): UnnumberedBatch => ({
    kind: "telemetry",
    address: { region: "local", org: "main", site: "s", class: "power", device },
    place: {},
    time: 1,
    points: given,
    faults: [],
  });
  const [first] = maker.linesOf(of("first", [thermal]));
  expect(maker.linesOf(of("first", [thermal]))[0]?.tags).toBe(first?.tags);
  for (let n = 0; n < 100_000; n += 1) maker.linesOf(of(`d${n}`, points));
  const [again] = maker.linesOf(of("first", [thermal]));
  expect(again?.tags).not.toBe(first?.tags);
  expect(again).toEqual(first);
});
