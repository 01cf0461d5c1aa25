/** Days to full on made days: with noise, weekends, wild days and steps. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forecastOf, leastDays, theilSen } from "../../../alerts/index.ts";

type Point = { readonly x: number; readonly y: number };

function days(count: number, y: (x: number) => number): Point[] {
  return Array.from({ length: count }, (_, x) => ({ x, y: y(x) }));
}

describe("the slope of Theil and Sen", () => {
  test("is that of a line, and so is its interval", () => {
    const trend = theilSen(days(10, (x) => 5 + 2 * x));
    expect(trend).toEqual({ slope: 2, low: 2, high: 2, level: 23 });
  });

  test("is not there of two points, or of many at one time", () => {
    expect(theilSen(days(2, (x) => x))).toBeUndefined();
    expect(theilSen([1, 2, 3, 4].map((y) => ({ x: 1, y })))).toBeUndefined();
  });

  test("lies within its interval, and turns and moves with the points", () => {
    const ys = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(ys, fc.integer({ min: -100, max: 100 }), (values, tilt) => {
        const trend = theilSen(days(values.length, (x) => values[x] ?? 0));
        const tilted = theilSen(days(values.length, (x) => (values[x] ?? 0) + tilt * x));
        if (trend === undefined || tilted === undefined) throw new Error("no trend");
        expect(trend.low).toBeLessThanOrEqual(trend.slope);
        expect(trend.high).toBeGreaterThanOrEqual(trend.slope);
        expect(tilted.slope).toBeCloseTo(trend.slope + tilt, 6);
      }),
    );
  });

  test("does not follow a quarter of wild days", () => {
    const wild = fc.array(fc.integer({ min: 0, max: 27 }), { maxLength: 7 });
    fc.assert(
      fc.property(wild, fc.integer({ min: -1_000_000, max: 1_000_000 }), (which, value) => {
        const trend = theilSen(days(28, (x) => (which.includes(x) ? value : 4000 + 40 * x)));
        expect(trend?.slope).toBeCloseTo(40, 6);
      }),
    );
  });
});

describe("a forecast", () => {
  const noise = (x: number): number => 60 * Math.sin(x * 12.9898) * Math.cos(x * 78.233);

  test("of a load that grows says when, between earliest and latest", () => {
    const told = forecastOf(
      days(28, (x) => 4000 + 40 * x + noise(x)),
      8000,
    );
    if (told.says !== "rising") throw new Error(told.says);
    expect(told.perDay).toBeGreaterThan(36);
    expect(told.perDay).toBeLessThan(44);
    // 4000 + 40 x = 8000 at x = 100, and today is day 27.
    expect(Math.abs(told.days - 73)).toBeLessThan(8);
    expect(told.earliest).toBeLessThanOrEqual(told.days);
    expect(told.latest).toBeGreaterThanOrEqual(told.days);
  });

  test("of a flat load with weekends is not rising", () => {
    const told = forecastOf(
      days(28, (x) => (x % 7 < 5 ? 5000 : 3500) + noise(x)),
      8000,
    );
    expect(told.says).toBe("not rising");
  });

  test("of a load that sinks is not rising", () => {
    const told = forecastOf(
      days(28, (x) => 5000 - 20 * x),
      8000,
    );
    expect(told).toEqual({ says: "not rising", perDay: -20 });
  });

  test("of too few days says how many there are", () => {
    const told = forecastOf(
      days(5, (x) => 4000 + 500 * x),
      8000,
    );
    expect(told).toEqual({ says: "too little data", days: 5, needed: leastDays });
  });

  test("of a load at its limit is full", () => {
    const told = forecastOf(
      days(20, (x) => 8000 + noise(x) / 100 + x),
      8000,
    );
    expect(told).toEqual({ says: "full" });
  });

  test("takes a rack that was filled at once for no trend", () => {
    const since = (step: number): string =>
      forecastOf(
        days(28, (x) => (x < step ? 3000 : 5000) + noise(x)),
        8000,
      ).says;
    expect(since(10)).toBe("not rising");
    // Eight days after the step nothing is known of a trend.
    expect(since(20)).toBe("too little data");
  });

  test("of flat days with a step anywhere is never a trend", () => {
    const step = fc.record({
      at: fc.integer({ min: 4, max: 24 }),
      by: fc.integer({ min: 800, max: 3000 }),
      seed: fc.integer({ min: 0, max: 1000 }),
    });
    fc.assert(
      fc.property(step, ({ at, by, seed }) => {
        const load = (x: number): number => 3000 + (x < at ? 0 : by) + noise(x + seed);
        const told = forecastOf(days(28, load), 8000);
        if (told.says !== "rising") return;
        // Noise alone may look like a trend of a few watts, a step never like one of its height.
        expect(told.perDay).toBeLessThan(by / 28 / 2);
      }),
    );
  });

  test("is never in the past, and never before the line or after it", () => {
    const series = fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 0, maxLength: 60 });
    fc.assert(
      fc.property(series, (values) => {
        const told = forecastOf(
          days(values.length, (x) => values[x] ?? 0),
          8000,
        );
        if (told.says !== "rising") return;
        expect(told.days).toBeGreaterThan(0);
        expect(told.earliest).toBeLessThanOrEqual(told.days);
        expect(told.latest).toBeGreaterThanOrEqual(told.days);
      }),
    );
  });
});
