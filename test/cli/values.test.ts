/** How values look to a person, and cells of a spreadsheet to a machine. */
import { describe, expect, test } from "vitest";
import { csvOf } from "../../cli/query-show.ts";
import { headline, shownAge, shownValue } from "../../cli/values.ts";

describe("shownValue", () => {
  test.each([
    ["rack_power", "active_power_w", 4370, "4370 W"],
    ["rack_power", "active_power_w", 43_712, "43.71 kW"],
    ["rack_power", "active_power_w", -43_712, "-43.71 kW"],
    ["rack_power", "active_power_w", 231.44, "231.4 W"],
    ["rack_power", "energy_wh_total", 917_682_547, "917.7 MWh"],
    ["rack_power", "energy_wh_total", 9e15, "9000 TWh"],
    ["rack_power", "voltage_v", 230.123, "230.1 V"],
    ["rack_power", "voltage_v", 12_345, "12345 V"],
    ["rack_power", "power_factor_ratio", 0.957, "0.96"],
    ["thermal", "temp_c", -3.5, "-3.50 °C"],
    ["thermal", "temp_c", 0, "0 °C"],
    ["pdu_outlet", "outlet_state", 1, "on"],
    ["pdu_outlet", "outlet_state", 9, "9"],
    ["device_event", "reason", "E_CONNECT", "E_CONNECT"],
    ["thermal", "x_motion_count", 7, "7"],
    ["nothing", "constructor", 7, "7"],
  ])("of %s.%s = %s is %s", (measurement, field, value, shown) => {
    expect(shownValue(measurement, field, value)).toBe(shown);
  });
});

describe("headline", () => {
  const points = [
    {
      measurement: "rack_phase",
      tags: { phase: "L1" },
      fields: { thd_v_pct: 2, voltage_v: 230, q: 0 },
    },
    { measurement: "energy_meter", fields: { import_wh_total: 50_000, active_power_w: 700 } },
  ];

  test("puts what people look at first, and counts the rest", () => {
    expect(headline(points, 2)).toBe("active_power 700 W · L1 voltage 230 V +2");
  });

  test("names fields without their units, and leaves quality out", () => {
    expect(headline(points, 9)).toBe(
      "active_power 700 W · L1 voltage 230 V · import 50 kWh · L1 thd_v 2 %",
    );
  });

  test("of nothing is nothing", () => {
    expect(headline([], 3)).toBe("");
  });
});

describe("shownAge", () => {
  test.each([
    [-5000, "0 s"],
    [400, "0 s"],
    [119_000, "119 s"],
    [240_000, "4 min"],
    [7_190_000, "120 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 d"],
    [864_000_000, "10 d"],
  ])("of %i ms is %s", (ms, shown) => {
    expect(shownAge(ms)).toBe(shown);
  });
});

describe("CSV", () => {
  const query = { measurement: "ups", fields: ["x_note"], groupBy: ["device"] };
  const asked = { ...query, aggregate: "last" as const, from: 0, to: 1 };
  const row = (value: string | undefined) => ({
    tags: { device: "a" },
    rows: [
      {
        time: 0,
        values: value === undefined ? {} : { x_note: value },
        counts: { x_note: 1 },
      },
    ],
  });

  test.each([
    ["plain", "plain"],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    [undefined, ""],
  ])("quotes %j as [RFC 4180 §2] says", (value, cell) => {
    expect(csvOf({ query: asked, series: [row(value)] })).toBe(
      `time,device,x_note,x_note_rows\n1970-01-01T00:00:00.000Z,a,${cell},1`,
    );
  });
});
