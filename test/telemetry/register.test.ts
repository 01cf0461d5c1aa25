/** The register as a corpus: every row obeys the rules that design.md section 4 sets. */
import { describe, expect, test } from "vitest";
import {
  fieldFacts,
  levelPattern,
  measurementEntry,
  measurements,
  placeTags,
  unitOf,
  units,
} from "../../telemetry/index.ts";
import type { FieldEntry, MeasurementEntry } from "../../telemetry/index.ts";

const rows = Object.entries<MeasurementEntry>(measurements);
const fields = rows.flatMap(([measurement, { fields }]) =>
  Object.entries<FieldEntry>(fields).map(([field, entry]) => ({ measurement, field, entry })),
);
const tagNames: ReadonlySet<string> = new Set([
  ...placeTags,
  ...rows.flatMap(([, { channel }]) => channel ?? []),
]);
const legal = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** The rows that break a rule, as `measurement.field`. */
function breaking(rule: (row: (typeof fields)[number]) => boolean): string[] {
  return fields
    .filter((row) => !rule(row))
    .map(({ measurement, field }) => `${measurement}.${field}`);
}

describe("the register", () => {
  test("has legal names of at most 64 characters", () => {
    expect(rows.map(([name]) => name).filter((name) => !legal.test(name))).toEqual([]);
    expect(breaking(({ field }) => legal.test(field) && field.length <= 64)).toEqual([]);
  });

  test("says one sentence of each measurement, field and state", () => {
    const sentence = /^[A-Z0-9].*\.$/;
    expect(rows.filter(([, { about }]) => !sentence.test(about)).map(([name]) => name)).toEqual([]);
    expect(breaking(({ entry }) => sentence.test(entry.about))).toEqual([]);
  });

  test("ends each field's name in its unit, unless it is a text", () => {
    expect(
      breaking(({ field, entry }) => entry.text === true || unitOf(field) !== undefined),
    ).toEqual([]);
  });

  test("leaves no name to the `x_` of owners, and none to quality", () => {
    expect(breaking(({ field }) => !field.startsWith("x_") && field !== "q")).toEqual([]);
  });

  test("keeps whole what counts, and only that", () => {
    const counts = /_(total|count|state|code|bytes)$/;
    const floats = /_mm_total$/;
    expect(
      breaking(({ measurement, field, entry }) => {
        if (entry.text === true) return fieldFacts(measurement, field)?.type === "text";
        const whole = counts.test(field) && !floats.test(field);
        return fieldFacts(measurement, field)?.type === (whole ? "integer" : "float");
      }),
    ).toEqual([]);
  });

  test("has ranges that hold something, and for whole numbers safe ones", () => {
    expect(
      breaking(({ measurement, field, entry: { range } }) => {
        if (range === undefined) return true;
        const whole = fieldFacts(measurement, field)?.type === "integer";
        return range[0] < range[1] && (!whole || range.every(Number.isSafeInteger));
      }),
    ).toEqual([]);
  });

  test("bounds percentages from below and never a text or a state", () => {
    // Indices in % that fall below zero where it is worse than anything allowed.
    const indices = ["rci_hi_pct", "rci_lo_pct", "rti_pct"];
    expect(
      breaking(({ field, entry: { range } }) => {
        return !field.endsWith("_pct") || range?.[0] === (indices.includes(field) ? -1e6 : 0);
      }),
    ).toEqual([]);
    expect(
      breaking(({ entry }) => (entry.text === true || entry.states ? !entry.range : true)),
    ).toEqual([]);
  });

  test("names states only where the name says that it is one, each by a word of its own", () => {
    expect(
      breaking(({ field, entry: { states } }) => {
        if (states === undefined) return true;
        const words = Object.values(states);
        return /_(state|code)$/.test(field) && new Set(words).size === words.length;
      }),
    ).toEqual([]);
  });

  test("has channels that are legal tags and no place", () => {
    const channels = rows.flatMap(([, { channel }]) => channel ?? []);
    const places: readonly string[] = placeTags;
    expect(channels.filter((tag) => !levelPattern.test(tag) || !legal.test(tag))).toEqual([]);
    expect(channels.filter((tag) => places.includes(tag))).toEqual([]);
  });

  test("calls no field what a tag of the same line is called", () => {
    // InfluxDB 3 refuses a tag and a field of one name in a table.
    expect(
      breaking(({ measurement, field }) => {
        const { channel } = measurementEntry(measurement) ?? {};
        return field !== channel && !placeTags.some((tag) => tag === field);
      }),
    ).toEqual([]);
  });

  test("calls no field what any tag is called, but for the channel that an alert is about", () => {
    expect(breaking(({ field }) => !tagNames.has(field))).toEqual([]);
  });
});

describe("units", () => {
  test.each([
    ["energy_wh_total", units.wh_total],
    ["rain_mm_total", units.mm_total],
    ["burn_s_total", units.s_total],
    ["entries_total", units.total],
    ["rain_mmh", units.mmh],
    ["wind_mps", units.mps],
    ["uptime_s", units.s],
    ["oldest_ms", units.ms],
    ["x_wh_total_w", units.w],
  ])("the longest suffix of %s wins", (field, unit) => {
    expect(unitOf(field)).toBe(unit);
  });

  test.each(["w", "_", "", "wmps", "voltage", "voltage_", "x_constructor", "voltage_V"])(
    "%j has no unit",
    (field) => {
      // A leading underscore is an empty word, not a name.
      expect(unitOf(field)).toBeUndefined();
    },
  );

  test("each has a UCUM code without blanks, and none that are whole are averages", () => {
    for (const { ucum } of Object.values(units)) expect(ucum).toMatch(/^\S+$/);
  });
});

describe("a field that is not in the register", () => {
  test.each(["x_motion_count", "x_a", "q"])("%s is legal anywhere", (field) => {
    expect(fieldFacts("thermal", field)).toBeDefined();
  });

  test.each(["X_a", "x_A", "x-a", "x_ä", "motion", "", `x_${"a".repeat(63)}`, "x_a b"])(
    "%j is not",
    (field) => {
      expect(fieldFacts("thermal", field)).toBeUndefined();
    },
  );

  test("has the type that its unit gives it", () => {
    expect(fieldFacts("thermal", "x_motion_count")?.type).toBe("integer");
    expect(fieldFacts("thermal", "x_glow_lux")?.type).toBe("float");
    expect(fieldFacts("thermal", "x_note")?.type).toBe("any");
  });
});
