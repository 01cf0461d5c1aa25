/** The common form of a device profile: what it asks for, and what the register allows in it. */
import { describe, expect, test } from "vitest";
import {
  ComplaintsError,
  profileSchema,
  v,
  validate,
  whole,
  YamlFile,
} from "../../config/index.ts";

const form = profileSchema("toy", {
  header: v.optional(v.strictObject({ speed: v.optional(whole(1, 9), 1) }), {}),
  field: v.strictObject({ at: whole(0, 99) }),
});

const head = `id: acme-one
vendor: Acme
model: One
class: power
driver: toy
sources: [the manual]
confidence: high
`;

const points = `points:
  - measurement: pdu_outlet
    tags: { outlet: "{n}" }
    repeat: { count: 3, stride: 2 }
    fields:
      voltage_v: { at: 1 }
`;

function mistakes(source: string): string[] {
  try {
    validate(form, new YamlFile("p.yaml", source));
    return [];
  } catch (error) {
    if (!(error instanceof ComplaintsError)) throw error;
    return error.complaints.map(({ key, problem }) => `${key}: ${problem}`);
  }
}

describe("a profile", () => {
  test("has defaults for what it leaves out", () => {
    const profile = validate(form, new YamlFile("p.yaml", head + points));
    expect(profile).toMatchObject({ id: "acme-one", caveats: [], header: { speed: 1 } });
    expect(profile.points[0]?.repeat).toEqual({ count: 3, stride: 2, from: 1 });
    expect(profile.interval).toBeUndefined();
  });

  test.each<[string, string, string]>([
    ["sources: [the manual]", "sources: []", "sources: a profile cites its source"],
    ["driver: toy", "driver: toi", 'driver: must be one of toy; did you mean "toy"?'],
    ["class: power", "class: pwer", 'class: must be one of .* did you mean "power"?'],
    ["confidence: high", "confidence: sure", "confidence: must be one of high, medium, low"],
    ["id: acme-one", "id: Acme One", "id: use 1 to 64 of a-z, 0-9, _ and -"],
    ["vendor: Acme", "vendr: Acme", 'vendr: unknown key; did you mean "vendor"?'],
    ["pdu_outlet", "pdu_outlte", 'points.0.measurement: not in the .* mean "pdu_outlet"?'],
    ["outlet:", "phase:", "points.0.tags.phase: no tag of pdu_outlet; its tag is outlet"],
    ["voltage_v", "voltage", 'points.0.fields.voltage: no field of .* mean "voltage_v"?'],
    ["voltage_v", "brightness_cd", "points.0.fields.brightness_cd: no field of .* start with x_"],
    ['"{n}"', "all", "points.0.repeat: a repeated row needs a tag with {n}"],
    ['tags: { outlet: "{n}" }', "", "points.0.repeat: a repeated row needs a tag with {n}"],
    ["count: 3", "count: 0", "points.0.repeat.count: must be a whole number from 1 to 128"],
    ["at: 1", "at: 100", "points.0.fields.voltage_v.at: must be a whole number from 0 to 99"],
    ["at: 1", "att: 1", 'points.0.fields.voltage_v.att: unknown key; did you mean "at"?'],
  ])("with %s written as %s is refused", (right, wrong, complaint) => {
    const found = mistakes((head + points).replace(right, wrong));
    const pattern = complaint.replace(/[?{}]/g, "\\$&");
    expect(found.join("\n")).toMatch(new RegExp(`^${pattern}`, "m"));
  });

  test("reads something", () => {
    expect(mistakes(`${head}points: []\n`)).toEqual(["points: nothing to read"]);
    const none = points.replace(/fields:[^]*/, "fields: {}\n");
    expect(mistakes(head + none)).toEqual(["points.0.fields: nothing to read"]);
  });

  test("may have fields of its own, which start with x_", () => {
    expect(mistakes((head + points).replace("voltage_v", "x_door_state"))).toEqual([]);
  });
});
