/** Alarm load and flapping by hand-made firings; episodes by hand-made transitions. */
import { describe, expect, it } from "vitest";
import type { Episode } from "../../../alerts/index.ts";
import { alarmLoad, flappingOf } from "../../../alerts/replay/load.ts";

const minute = 60_000;

function firing(since: number, device = "a"): Episode {
  const base = { rule: "hot", severity: "warning", unit: "°C", threshold: 27 } as const;
  return { ...base, tags: { device }, since, until: since + 1, peak: 28 };
}

describe("alarm load", () => {
  it("counts per ten minutes: mean, peak, share of floods", () => {
    const flood = Array.from({ length: 11 }, (_, i) => firing(25 * minute + i));
    const all = [firing(0), ...flood, firing(59 * minute)];
    expect(alarmLoad(all, 0, 60 * minute)).toEqual({
      alerts: 13,
      windows: 6,
      meanPerTenMinutes: 13 / 6,
      peakPerTenMinutes: 11,
      peakAt: 20 * minute,
      floodShare: 1 / 6,
    });
  });

  it("of ten in a window is no flood, and of nothing is nothing", () => {
    const ten = Array.from({ length: 10 }, (_, i) => firing(i));
    expect(alarmLoad(ten, 0, 10 * minute).floodShare).toBe(0);
    expect(alarmLoad([], 0, 1)).toMatchObject({ windows: 1, peakPerTenMinutes: 0 });
  });
});

describe("flapping", () => {
  it("is one alert three times within an hour, chattering within a minute", () => {
    const all = [
      ...[0, 30, 59].map((at) => firing(at * minute, "a")),
      ...[0, 30, 60].map((at) => firing(at * minute, "b")),
      ...[0, 20, 40].map((at) => firing(at * 1000, "c")),
    ];
    const found = flappingOf(all).map(({ tags, chattering }) => [tags["device"], chattering]);
    expect(found).toEqual([
      ["a", false],
      ["c", true],
    ]);
  });
});
