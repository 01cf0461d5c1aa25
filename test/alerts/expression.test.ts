/** Expressions of rules: what they may say, and what comes of rows. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expressionOf } from "../../alerts/expression.ts";

function read(text: string, measurement = "rack_phase") {
  const result = expressionOf(text, measurement);
  if ("problem" in result) throw new Error(result.problem);
  return result.ok;
}

describe("an expression", () => {
  it.each([
    ["active_power_w / apparent_power_va", [450, 500], 0.9],
    ["active_power_w / 2 + 1", [10], 6],
    ["2 * current_a - 1", [4], 7],
    ["current_a == 0 && voltage_v > 200", [0, 230], 1],
    ["current_a == 0 && voltage_v > 200", [1, 230], 0],
    ["abs(active_power_w - 100)", [40], 60],
    ["greatest(current_a, voltage_v) - least(current_a, voltage_v)", [3, 10], 7],
    ["current_a > 10 ? voltage_v : 0.0", [11, 229], 229],
  ])("%s of %j is %d", (text, values, value) => {
    expect(read(text).valueOf(values)).toBe(value);
  });

  it("has no value where it divides by zero or a field is missing", () => {
    expect(read("active_power_w / apparent_power_va").valueOf([1, 0])).toBe(Number.NaN);
    expect(read("active_power_w > 1").valueOf([Number.NaN])).toBe(Number.NaN);
    expect(read("active_power_w > 1").valueOf([])).toBe(Number.NaN);
  });

  it("does not grow without end", () => {
    expect(() => read(Array(600).fill("current_a").join(" + "))).toThrow(/limit|exceed/i);
    expect(() => read(`${"(".repeat(60)}current_a${")".repeat(60)}`)).toThrow(/limit|exceed|deep/i);
  });

  it("reckons as JavaScript does, with whole numbers too", () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.integer({ min: -1000, max: 1000 }), (a, b, n) => {
        const sum = read(`active_power_w * ${n} + apparent_power_va - (${n})`);
        expect(sum.valueOf([a, b])).toBe(a * n + b - n);
        const order = read(`active_power_w <= apparent_power_va`);
        expect(order.valueOf([a, b])).toBe(a <= b ? 1 : 0);
      }),
    );
  });

  it("never throws, whatever is written", () => {
    const pieces = fc.constantFrom(
      "current_a",
      "voltage_v",
      "(",
      ")",
      "&&",
      "+",
      "1",
      '"x"',
      "[",
      ".",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), fc.string(), (words, text) => {
        for (const one of [words.join(" "), text]) {
          const result = expressionOf(one, "rack_phase");
          if ("problem" in result) expect(result.problem).not.toBe("");
          else expect(typeof result.ok.valueOf([1, 2])).toBe("number");
        }
      }),
    );
  });
});
