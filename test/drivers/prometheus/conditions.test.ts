/** Conditions on labels, and counters that are made continuous. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkOf, where, whereText } from "../../../drivers/prometheus/conditions.ts";
import { Counts } from "../../../drivers/prometheus/counts.ts";
import { v } from "../../../config/index.ts";
import { VirtualClock } from "../../virtual.ts";
import { TestMemory } from "./world.ts";

function holds(condition: unknown, labels: Readonly<Record<string, string>>): boolean {
  return checkOf(v.parse(where, condition))(new Map(Object.entries(labels)));
}

describe("a condition", () => {
  it.each([
    [{ a: "x" }, { a: "x" }, true],
    [{ a: "x" }, { a: "y" }, false],
    [{ a: ["x", "y"] }, { a: "y" }, true],
    [{ a: "" }, {}, true],
    [{ a: "" }, { a: "x" }, false],
    [{ a: "*" }, {}, true],
    [{ a: "!" }, {}, false],
    [{ a: "!" }, { a: "x" }, true],
    [{ a: "x*z" }, { a: "xyz" }, true],
    [{ a: "xy*yz" }, { a: "xyz" }, false],
    [{ a: "*y*" }, { a: "xyz" }, true],
    [{ a: "*b*c" }, { a: "cab" }, false],
    [{ a: ["n*", "!nx*"] }, { a: "nx1" }, false],
    [{ a: ["n*", "!nx*"] }, { a: "ny1" }, true],
    [{ a: "x", b: "y" }, { a: "x" }, false],
  ])("%j of %j: %s", (condition, labels, result) => {
    expect(holds(condition, labels)).toBe(result);
  });

  it("with stars is what a regular expression says", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
    fc.assert(
      fc.property(letters, text, (pattern, value) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(value);
        expect(holds({ label: pattern }, { label: value })).toBe(expected);
      }),
    );
  });

  it("is shown as Prometheus writes it", () => {
    expect(whereText({ a: ["x", "!y"] }, undefined, { b: [""] })).toBe('{a="x|!y",b=""}');
    expect(whereText(undefined)).toBe("");
  });
});

describe("a counter", () => {
  it("never falls, and counts no more than was counted, over any resets", async () => {
    const step = fc.record({
      grows: fc.double({ min: 0, max: 100, noNaN: true }),
      reset: fc.boolean(),
      restart: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = new VirtualClock();
        const memory = new TestMemory();
        let counts = new Counts(memory, clock);
        let [raw, whole] = [1000, 1000];
        let told = counts.next("a", raw, 1);
        counts.keep();
        for (const { grows, reset, restart } of steps) {
          await clock.advance(5000);
          if (reset) raw = 0;
          raw += grows;
          whole += grows;
          if (restart) counts = new Counts(memory, clock);
          const next = counts.next("a", raw, 1);
          expect(next).toBeLessThanOrEqual(whole + 1e-6);
          expect(next + 1e-6).toBeGreaterThanOrEqual(restart ? 0 : told);
          told = next;
          counts.keep();
        }
      }),
    );
  });

  it("of a sum with more or fewer series counts nothing", () => {
    const counts = new Counts(undefined, new VirtualClock());
    expect(counts.next("a", 100, 2)).toBe(100);
    expect(counts.next("a", 60, 1)).toBe(100);
    expect(counts.next("a", 70, 1)).toBe(110);
    expect(counts.next("a", 120, 2)).toBe(110);
    expect(counts.next("a", 125, 2)).toBe(115);
  });
});
