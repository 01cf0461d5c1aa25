/** The words of roll-ups: every field of the register, rolled up and found again. */
import { describe, expect, it } from "vitest";
import {
  channelTagOf,
  fieldFacts,
  isStoredName,
  maxRollupFields,
  measurements,
  problemOf,
  rolledFieldOf,
  rolledName,
  rollupAggregates,
  rollupName,
  rollupNames,
  rollupOf,
} from "../../telemetry/index.ts";

const all = Object.entries(measurements).flatMap(([measurement, { fields }]) =>
  Object.keys(fields).map((field) => ({ measurement, field })),
);

describe("a roll-up's field", () => {
  it("is known for each numeric field of the register, and tells what it is of", () => {
    for (const { measurement, field } of all) {
      if (fieldFacts(measurement, field)?.type === "text") continue;
      for (const aggregate of rollupAggregates(field)) {
        const name = rolledName(aggregate, field);
        expect(rolledFieldOf(measurement, name)).toMatchObject({ aggregate, field });
        expect(fieldFacts(rollupName(measurement, "5m"), name)).toBeDefined();
      }
    }
  });

  it.each([
    ["mean_active_power_w", "float", "W"],
    ["min_active_power_w", "float", "W"],
    ["active_power_w_count", "integer", ""],
    ["delta_import_wh_total", "integer", "Wh"],
    ["last_import_wh_total", "integer", "Wh"],
    ["sum_x_own_count", "float", ""],
    ["max_x_own_count", "integer", ""],
    ["x_own_count", "integer", ""],
    ["mean_x_own", "float", undefined],
    ["q", "integer", undefined],
  ])("%s is of type %s", (name, type, shown) => {
    const facts = fieldFacts("energy_meter_1h", name);
    expect([facts?.type, facts?.unit?.shown]).toEqual([type, shown]);
  });

  it.each([
    "active_power_w",
    "sum_import_wh_total",
    "mean_import_wh_total",
    "delta_active_power_w",
    "median_active_power_w",
    "mean_nothing_w",
    "mean_q",
    "q_count",
    "x_own",
  ])("%s is none", (name) => {
    expect(fieldFacts("energy_meter_1h", name)).toBeUndefined();
  });

  it("has states where it has the field's own values, and no text has any", () => {
    expect(fieldFacts("ups_1m", "last_bypass_state")?.entry?.states).toEqual({ 0: "no", 1: "yes" });
    expect(fieldFacts("ups_1m", "mean_bypass_state")?.entry?.states).toBeUndefined();
    expect(fieldFacts("alert_event_1m", "last_severity")).toBeUndefined();
  });

  it("of decibels and degrees is no mean", () => {
    expect(fieldFacts("environment_1m", "mean_laeq_db")).toBeUndefined();
    expect(fieldFacts("environment_1m", "max_laeq_db")?.unit?.shown).toBe("dB");
    expect(fieldFacts("environment_1m", "mean_wind_deg")).toBeUndefined();
  });
});

describe("a roll-up", () => {
  it("has the channel of what it is of, and is refused from devices", () => {
    expect(rollupNames.map((name) => channelTagOf(rollupName("rack_phase", name)))).toEqual([
      "phase",
      "phase",
      "phase",
    ]);
    expect(rollupOf("rack_phase_1h")).toEqual({ of: "rack_phase", window: "1h" });
    expect(rollupOf("rack_phase_1h_1h")).toBeUndefined();
    expect([isStoredName("rack_phase_1h"), isStoredName("rack_phase_2h")]).toEqual([true, false]);
    const point = { measurement: "rack_phase_1h", fields: { mean_voltage_v: 1, q: 0 } };
    expect(problemOf(point)).toContain("made by the hub");
  });

  it("never has more fields than InfluxDB 3 takes columns, tags and time included", () => {
    expect(maxRollupFields + 8).toBeLessThan(500);
  });
});
