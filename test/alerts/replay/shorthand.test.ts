/** Series in few characters: what each word means, round trips, and hostile words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatSamples, maxSamples, parseSamples } from "../../../alerts/index.ts";

function valuesOf(text: string): unknown {
  const parsed = parseSamples(text);
  if ("problem" in parsed) return parsed.problem;
  return parsed.map((sample) =>
    sample === undefined ? "_" : sample.q === 0 ? sample.value : `${sample.value}!${sample.q}`,
  );
}

describe("words", () => {
  it.each([
    ["20", [20]],
    ["20x2", [20, 20, 20]],
    ["_ _x2 1", ["_", "_", "_", 1]],
    ["21+0.5x2", [21, 21.5, 22]],
    ["0.1+0.1x2", [0.1, 0.2, 0.3]],
    ["9-2x2 -1-1x1", [9, 7, 5, -1, -2]],
    ["20!2 1x1!4", ["20!2", "1!4", "1!4"]],
    ["1e3 1e-2+1e-2x1", [1000, 0.01, 0.02]],
    ["  5\n 6  ", [5, 6]],
  ])("%j", (text, values) => {
    expect(valuesOf(text)).toEqual(values);
  });

  it.each([
    "",
    "x3",
    "20x",
    "20x-1",
    "20+1",
    "_!2",
    "20!5",
    "20!",
    "0x1f",
    "+5",
    ".5",
    "5.",
    "007",
    "1,5",
    "NaN",
    "Infinity",
    "1e999",
    "1+1e308x5",
    "20x1234567",
    "١",
    "20x2x2",
  ])("refuses %j", (text) => {
    expect(valuesOf(text)).toEqual(expect.any(String));
  });

  it("holds no more samples than it may", () => {
    expect(valuesOf(`1x${maxSamples - 1}`)).toHaveLength(maxSamples);
    expect(valuesOf(`1x${maxSamples}`)).toMatch(/more than/);
    expect(valuesOf("1x999999 ".repeat(10_000))).toMatch(/more than/);
  });

  it("names a long word by its beginning", () => {
    expect(valuesOf("9".repeat(5000) + "?")).toMatch(/^"9{40}…"/);
  });
});

const sample = fc.option(
  fc.record({
    value: fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 })
      .map((value) => Number(value.toPrecision(15)) + 0),
    q: fc.integer({ min: 0, max: 4 }),
  }),
  { nil: undefined },
);

describe("round trips", () => {
  it("gives the samples back", () => {
    const runs = fc.array(fc.tuple(sample, fc.integer({ min: 1, max: 4 })), { minLength: 1 });
    fc.assert(
      fc.property(runs, (all) => {
        const samples = all.flatMap(([one, times]) => Array.from({ length: times }, () => one));
        expect(parseSamples(formatSamples(samples))).toEqual(samples);
      }),
    );
  });

  it("answers any text with samples within bounds, or with a problem", () => {
    const word = fc.stringMatching(/^[-_x!+.e0-9 ]{0,30}$/);
    fc.assert(
      fc.property(fc.oneof(word, fc.string()), (text) => {
        const parsed = parseSamples(text);
        if ("problem" in parsed) return;
        expect(parsed.length).toBeLessThanOrEqual(maxSamples);
        for (const one of parsed) expect(Number.isFinite(one?.value ?? 0)).toBe(true);
        expect(parseSamples(formatSamples(parsed))).toEqual(parsed);
      }),
    );
  });
});
