/** Mistakes of a profile that show only once header and fields are put together. */
import { describe, expect, test } from "vitest";
import { profileSchema, v } from "../../../config/index.ts";
import { profileProblems } from "../../../drivers/modbus/profile-problems.ts";
import { modbusProfile, rowsOf } from "../../../drivers/modbus/profile.ts";
import { profileNames, shippedProfile } from "../../profiles.ts";
import { profileOf } from "./world.ts";

const form = profileSchema("modbus", modbusProfile);

function parsed(header: unknown, points: readonly unknown[]) {
  return v.parse(form, profileOf(header, points));
}

function problems(header: unknown, points: readonly unknown[]): string[] {
  const found = [...profileProblems(parsed(header, points))];
  return found.map(({ at, message }) => `${at.join(".")}: ${message}`);
}

const thermal = (fields: unknown, more = {}): unknown => ({
  measurement: "thermal",
  tags: { sensor: "a" },
  fields,
  ...more,
});

describe("a Modbus profile", () => {
  test.each<[string, unknown, unknown, RegExp]>([
    ["a text without length", {}, { x_name: { at: 0, type: "string" } }, /a text needs `length`/],
    ["a text for a number", {}, { temp_c: { at: 0, type: "string", length: 2 } }, /not a number/],
    ["bits beyond", {}, { temp_c: { at: 0, bits: { from: 12, count: 5 } } }, /beyond the 16 bits/],
    ["the last address", {}, { temp_c: { at: 0xffff, type: "int32" } }, /beyond the last address/],
    [
      "too long a text",
      { maxRegisters: 4 },
      { x_name: { at: 0, type: "string", length: 5 } },
      /takes 5 registers, and the device gives 4/,
    ],
    [
      "a model and no families",
      {},
      { temp_c: { at: 2, model: "a" } },
      /`model` needs the families/,
    ],
    ["no model", { models: { a: [307] } }, { temp_c: { at: 2 } }, /needs a `model`: one of a$/],
    [
      "an unknown family",
      { models: { a: [307] } },
      { temp_c: { at: 2, model: "b" } },
      /`header.models` names no family "b"; there are a$/,
    ],
    ["forbidden", { forbid: [[4, 6]] }, { temp_c: { at: 3, type: "int32" } }, /is forbidden/],
  ])("with %s is told so at the field", (what, header, fields, message) => {
    const [first = "", ...more] = problems(header, [thermal(fields)]);
    expect(more).toEqual([]);
    expect(first).toMatch(/^points\.0\.fields\.\w+: /);
    expect(first).toMatch(message);
    // Rows with a text for a number or with doubtful models can be put together; a file tells.
    const mild = what === "a text for a number" || message.source.includes("model");
    expect(mild || throws(header, fields)).toBe(true);
  });

  test("whose repeated row runs into a forbidden address is told the row", () => {
    const row = thermal(
      { temp_c: { at: 10 } },
      { tags: { sensor: "{n}" }, repeat: { count: 4, stride: 10 } },
    );
    expect(problems({ forbid: [[30, 30]] }, [row])).toEqual([
      "points.0.fields.temp_c: row 3 at holding 0x001e is forbidden by `header.forbid`",
    ]);
  });

  test("that gives a series twice is told where it stands already", () => {
    const numbered = thermal({ rh_pct: { at: 1 } }, { tags: { sensor: "{n}" } });
    const repeated = { ...Object(numbered), repeat: { count: 3, stride: 1 } };
    const second = thermal({ temp_c: { at: 9 } }, { tags: { sensor: "2" } });
    expect(problems({}, [repeated, second])).toEqual([
      "points.1.measurement: thermal 2 stands in point 0 already; put its fields together",
    ]);
  });

  test("may give a series once for each family of models", () => {
    const models = { a: [307], b: [308] };
    const points = ["a", "b"].map((model) => thermal({ temp_c: { at: 2, model } }));
    expect(problems({ models }, points)).toEqual([]);
  });

  test("may have a text where the register has no number for it", () => {
    const points = [thermal({ temp_c: { at: 0 }, x_name: { at: 1, type: "string", length: 4 } })];
    expect(problems({}, points)).toEqual([]);
  });

  test.each(profileNames)("that ships has none: %s", (name) => {
    expect([...profileProblems(shippedProfile(name))]).toEqual([]);
  });
});

/** Whether putting the rows together fails, as it must for what was complained of. */
function throws(header: unknown, fields: unknown): boolean {
  try {
    rowsOf(parsed(header, [thermal(fields)]));
    return false;
  } catch {
    return true;
  }
}
