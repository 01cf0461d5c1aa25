/** Delays grow, stay within their bounds, and yield to what the other side asks. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { retryDelay } from "../../telemetry/index.ts";

const policy = { first: 500, longest: 60_000 };
const at = (random: number) => ({ random: () => random });

describe("retryDelay", () => {
  test("lies between half and the whole of the grown delay, never above the longest", () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), chance, (attempt, random) => {
        const grown = Math.min(policy.longest, policy.first * 2 ** (attempt - 1));
        const delay = retryDelay(policy, attempt, at(random));
        expect(delay).toBeGreaterThanOrEqual(grown / 2);
        expect(delay).toBeLessThanOrEqual(grown);
      }),
    );
  });

  test("doubles with each attempt until the longest", () => {
    const delays = [1, 2, 3, 4, 8, 9, 500].map((attempt) => retryDelay(policy, attempt, at(0)));
    expect(delays).toEqual([250, 500, 1000, 2000, 30_000, 30_000, 30_000]);
  });

  test("waits as long as the other side asks, even beyond the longest", () => {
    expect(retryDelay(policy, 1, at(0), 90_000)).toBe(90_000);
    expect(retryDelay(policy, 9, at(0.5), 10)).toBe(45_000);
  });
});
