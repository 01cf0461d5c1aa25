/** The laws of the waveforms, held against every field of the register. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldFacts, measurements, unitOf } from "../../../telemetry/index.ts";
import type { Wave } from "../../../drivers/sim/index.ts";
import { waveform } from "../../../drivers/sim/index.ts";

const numericFields = Object.entries(measurements).flatMap(([measurement, entry]) =>
  Object.keys(entry.fields)
    .filter((field) => fieldFacts(measurement, field)?.type !== "text")
    .map((field) => [measurement, field] as const),
);
/** From 1970 to 2100. */
const anyTime = fc.integer({ min: 0, max: 4_102_444_800_000 });
const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyKey = fc.string({ maxLength: 40 });
const anyWave = (field: string): fc.Arbitrary<Wave> =>
  fc.tuple(anyKey, anySeed).map(([key, seed]) => waveform(field, key, seed));

describe("waveform", () => {
  test.each(numericFields)("%s %s is within its range and of its type", (measurement, field) => {
    const facts = fieldFacts(measurement, field);
    const [lowest, highest] = facts?.entry?.range ?? [0, Number.MAX_SAFE_INTEGER];
    fc.assert(
      fc.property(anyKey, anySeed, anyTime, (key, seed, time) => {
        const value = waveform(field, key, seed)(time);
        expect(value).toBeGreaterThanOrEqual(lowest);
        expect(value).toBeLessThanOrEqual(highest);
        if (facts?.type === "integer") expect(value).toSatisfy(Number.isSafeInteger);
      }),
      { numRuns: 50 },
    );
  });

  test("is a pure function of field, key, seed and time, and each of them matters", () => {
    const value = waveform("active_power_w", "r1 L1", 1)(1_763_892_000_000);
    expect(waveform("active_power_w", "r1 L1", 1)(1_763_892_000_000)).toBe(value);
    expect(waveform("active_power_w", "r1 L2", 1)(1_763_892_000_000)).not.toBe(value);
    expect(waveform("active_power_w", "r1 L1", 2)(1_763_892_000_000)).not.toBe(value);
    expect(waveform("active_power_w", "r1 L1", 1)(1_763_892_060_000)).not.toBe(value);
    expect(waveform("current_a", "r1 L1", 1)(1_763_892_000_000)).not.toBe(value);
  });

  const counters = numericFields.map(([, field]) => field).filter((f) => f.endsWith("_total"));
  test.each([...new Set(counters)])("%s never falls and is whole", (field) => {
    fc.assert(
      fc.property(anyWave(field), anyTime, fc.nat(10_000_000), (at, time, later) => {
        const before = at(time);
        expect(Number.isSafeInteger(before)).toBe(true);
        expect(at(time + later)).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  test("energy is the integral of power", () => {
    const power = waveform("active_power_w", "r1 L1", 1);
    const energy = waveform("energy_wh_total", "r1 L1", 1);
    const start = 1_763_892_000_000;
    let sum = 0;
    for (let minute = 0; minute < 720; minute += 1) sum += power(start + minute * 60_000) / 60;
    const counted = energy(start + 720 * 60_000) - energy(start);
    expect(Math.abs(counted - sum) / sum).toBeLessThan(0.01);
  });

  test("taken and free spots add up to all of them", () => {
    fc.assert(
      fc.property(anyKey, anySeed, anyTime, (key, seed, time) => {
        const of = (field: string): number => waveform(field, key, seed)(time);
        expect(
          Math.abs(of("occupied_count") + of("free_count") - of("spots_count")),
        ).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("a field of a profile's own has a value by its unit, or without one", () => {
    expect(unitOf("x_glow")).toBeUndefined();
    expect(waveform("x_glow", "d", 1)(0)).toSatisfy(Number.isFinite);
    expect(waveform("x_grid_hz", "d", 1)(0)).toBeCloseTo(50, 0);
  });
});
