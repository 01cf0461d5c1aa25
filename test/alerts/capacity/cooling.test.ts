/** Intake air against its envelope, rack cooling indices, return temperature index. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Envelope } from "../../../alerts/index.ts";
import { envelopes, indicesOf, rtiOf, tallied, tallyOf } from "../../../alerts/index.ts";

/**
 * The limits of the paper's day: Class 1 of the 2004 guidelines, 20 to 25 °C recommended, 15 to
 * 32 °C allowable (ASHRAE Journal, January 2009, p. 39, Table 1).
 */
const class1: Envelope = {
  recommended: { low: 20, high: 25 },
  allowable: { low: 15, high: 32 },
};

function rci(temperatures: readonly number[], envelope: Envelope) {
  return indicesOf(tallyOf(temperatures, envelope));
}

describe("the envelope", () => {
  test("of each class is that of the guidelines of 2021", () => {
    const told = Object.entries(envelopes).map(([name, { recommended, allowable }]) => {
      return [name, recommended.low, recommended.high, allowable.low, allowable.high];
    });
    expect(told).toEqual([
      ["A1", 18, 27, 15, 32],
      ["A2", 18, 27, 10, 35],
      ["A3", 18, 27, 5, 40],
      ["A4", 18, 27, 5, 45],
    ]);
  });

  test("counts readings outside, and none that are not known", () => {
    const told = tallyOf([18, 27, 27.1, 32, 32.1, 17, 14, Number.NaN], envelopes.A1);
    expect(told).toMatchObject({ count: 7, outRecommended: 5, outAllowable: 2 });
  });
});

describe("the rack cooling index", () => {
  test("is 100 when all intakes keep to what is recommended", () => {
    expect(rci([20, 22, 25], class1)).toEqual({ hi: 100, lo: 100 });
  });

  test("is 0 when all stand at what is allowed, and below that beyond it", () => {
    expect(rci([32, 32], class1)?.hi).toBeCloseTo(0, 10);
    expect(rci([15, 15], class1)?.lo).toBeCloseTo(0, 10);
    expect(rci([39], class1)?.hi).toBeCloseTo(-100, 10);
  });

  // By hand, from the formula as printed there: over-temperatures of 1 and 6 K, and 2 K below.
  test("of ten intakes is one minus the over-temperature over the most allowed", () => {
    const told = rci([22, 22, 22, 22, 22, 22, 22, 26, 31, 18], class1);
    expect(told?.hi).toBeCloseTo(100 * (1 - 7 / (10 * 7)), 10);
    expect(told?.lo).toBeCloseTo(100 * (1 - 2 / (10 * 5)), 10);
  });

  test("of nothing is not known", () => {
    expect(rci([], class1)).toBeUndefined();
    expect(rci([Number.NaN], class1)).toBeUndefined();
  });

  test("of parts adds up to that of the whole, and never rises with a warmer intake", () => {
    const degrees = fc.array(fc.double({ min: -10, max: 60, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(degrees, degrees, fc.double({ min: 0, max: 20, noNaN: true }), (a, b, more) => {
        const parts = indicesOf(tallied([tallyOf(a, envelopes.A2), tallyOf(b, envelopes.A2)]));
        const whole = rci([...a, ...b], envelopes.A2);
        expect(parts?.hi).toBeCloseTo(whole?.hi ?? Number.NaN, 6);
        const [first = 0, ...rest] = a;
        const warmer = rci([first + more, ...rest], envelopes.A2)?.hi ?? Number.NaN;
        expect(warmer).toBeLessThanOrEqual((rci(a, envelopes.A2)?.hi ?? Number.NaN) + 1e-9);
      }),
    );
  });
});

describe("the return temperature index", () => {
  // Herrlin, ASHRAE Transactions 114 (2008): 100 % is balanced, less is bypass, more recirculation.
  test("is the rise at the coolers over that through the machines", () => {
    expect(rtiOf(12, 12)).toBe(100);
    expect(rtiOf(9, 12)).toBe(75);
    expect(rtiOf(15, 12)).toBe(125);
  });

  test("is not known where a side is not, or machines warm nothing", () => {
    expect(rtiOf(undefined, 12)).toBeUndefined();
    expect(rtiOf(12, undefined)).toBeUndefined();
    expect(rtiOf(12, 0)).toBeUndefined();
  });
});
