/** What an engineer would notice in readings. */
import { describe, expect, it } from "vitest";
import { remarksOn } from "../../cli/plausibility.ts";
import type { Fields, Point, Reading } from "../../telemetry/index.ts";

function phase(name: string, fields: Fields): Point {
  return { measurement: "meter_phase", tags: { phase: name }, fields };
}

function reading(...points: readonly Point[]): Reading {
  return { points, faults: [] };
}

const total = (fields: Fields): Point => ({ measurement: "energy_meter", fields });
const healthy = { voltage_v: 230, current_a: 10, active_power_w: 2277, power_factor_ratio: 0.99 };

describe("remarks", () => {
  it("are none on a healthy meter", () => {
    const phases = ["L1", "L2", "L3"].map((name) => phase(name, healthy));
    const whole = total({ active_power_w: 6830, frequency_hz: 50.01, import_wh_total: 5 });
    expect(remarksOn([reading(...phases, whole)])).toEqual([]);
    expect(remarksOn([])).toEqual([]);
  });

  it.each<[string, Reading[], RegExp]>([
    ["a wrong word order", [reading(phase("L1", { voltage_v: 1e30 }))], /L1 voltage_v .*cannot be/],
    ["another frequency", [reading(total({ frequency_hz: 499 }))], /499 Hz, not within 45\.\.65/],
    [
      "a phase without voltage",
      [reading(phase("L2", { voltage_v: 0 }))],
      /L2 voltage_v is 0 V: is it connected/,
    ],
    [
      "a reversed transformer",
      [reading(phase("L1", { active_power_w: 900 }), phase("L2", { active_power_w: -850 }))],
      /L2 feeds back while others draw/,
    ],
    [
      "transformers on each other's phases",
      [reading(phase("L1", { ...healthy, active_power_w: -1100 }))],
      /L1 active_power_w is -1100 W, but U·I·cos φ is 2277 W/,
    ],
    [
      "phases that do not add up",
      [
        reading(
          phase("L1", { active_power_w: 1000 }),
          phase("L2", { active_power_w: 1000 }),
          total({ active_power_w: 2800 }),
        ),
      ],
      /active_power_w: the phases make 2000 W, the device says 2800 W/,
    ],
    [
      "a counter that went back",
      [reading(total({ import_wh_total: 9 })), reading(total({ import_wh_total: 8 }))],
      /import_wh_total went back from 9 to 8/,
    ],
    [
      "a device that repeats itself",
      Array.from({ length: 4 }, () => reading(phase("L1", healthy))),
      /no value moved in 4 readings/,
    ],
  ])("tell of %s", (_title, readings, expected) => {
    expect(remarksOn(readings)).toEqual([expect.stringMatching(expected)]);
  });

  it("are not made of a site that feeds back as a whole", () => {
    const phases = ["L1", "L2"].map((name) => phase(name, { active_power_w: -900 }));
    expect(remarksOn([reading(...phases)])).toEqual([]);
  });
});
