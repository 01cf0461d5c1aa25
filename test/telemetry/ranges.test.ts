/** RangeSet against the plainest model there is: a Set of numbers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RangeSet } from "../../telemetry/index.ts";

const highest = 60;
const span = fc
  .tuple(fc.integer({ min: 1, max: highest }), fc.integer({ min: 0, max: 12 }))
  .map(([from, more]) => ({ from, to: from + more }));
const step = fc.record({ what: fc.constantFrom("add", "remove"), span });

/** Takes `from..to` out of the model; returns how many were in. */
function take(model: Set<number>, from: number, to: number): number {
  let taken = 0;
  for (let value = from; value <= to; value += 1) if (model.delete(value)) taken += 1;
  return taken;
}

function put(model: Set<number>, from: number, to: number): void {
  for (let value = from; value <= to; value += 1) model.add(value);
}

/** Sorted, disjoint, and never touching: the fewest ranges. */
function expectCanonical({ ranges }: RangeSet): void {
  let last = -1;
  for (const [from, to] of ranges) {
    expect(from).toBeGreaterThan(last + 1);
    expect(to).toBeGreaterThanOrEqual(from);
    last = to;
  }
}

describe("RangeSet", () => {
  test("does what a Set does, whatever is added and removed", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const set = new RangeSet();
        const model = new Set<number>();
        for (const { what, span } of steps) {
          const { from, to } = span;
          if (what === "add") {
            set.add(from, to);
            put(model, from, to);
          } else expect(set.remove(from, to)).toBe(take(model, from, to));
          expectCanonical(set);
          expect(set.size).toBe(model.size);
        }
        for (let value = 0; value <= highest + 14; value += 1) {
          expect(set.has(value)).toBe(model.has(value));
        }
      }),
    );
  });

  test("gives the parts of a range that are in", () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), span, (spans, { from, to }) => {
        const set = RangeSet.of(spans.map((one) => [one.from, one.to] as const));
        const within = RangeSet.of(set.within(from, to));
        for (let value = 0; value <= highest + 14; value += 1) {
          expect(within.has(value)).toBe(set.has(value) && value >= from && value <= to);
        }
        expect([...set.within(from, to)]).toEqual(within.ranges);
      }),
    );
  });

  test("is the same whatever the order in which ranges come", () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), (spans) => {
        const ranges = spans.map(({ from, to }): [number, number] => [from, to]);
        const there = RangeSet.of(ranges).ranges;
        expect(RangeSet.of(ranges.toReversed()).ranges).toEqual(there);
        expect(RangeSet.of([...there, ...ranges]).ranges).toEqual(there);
      }),
    );
  });

  test("begins empty and is empty again when cleared", () => {
    const set = RangeSet.of([[1, 3]]);
    set.clear();
    expect([set.size, set.has(1), set.ranges]).toEqual([0, false, []]);
    expect(set.remove(1, 9)).toBe(0);
  });

  test("merges neighbours, and splits one range in two", () => {
    const set = RangeSet.of([
      [1, 2],
      [4, 5],
    ]);
    set.add(3);
    expect(set.ranges).toEqual([[1, 5]]);
    expect(set.remove(3)).toBe(1);
    expect(set.ranges).toEqual([
      [1, 2],
      [4, 5],
    ]);
  });

  test("keeps its word up to the largest safe whole number", () => {
    const top = Number.MAX_SAFE_INTEGER;
    const set = RangeSet.of([[top - 1, top]]);
    expect([set.has(top), set.has(top - 2), set.size]).toEqual([true, false, 2]);
    expect(set.remove(1, top)).toBe(2);
  });
});
