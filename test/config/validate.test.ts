/** Data against a schema: each mistake at its place, in words that say what would be right. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Schema } from "../../config/index.ts";
import {
  ComplaintsError,
  complaintText,
  duration,
  nearest,
  option,
  v,
  validate,
  whole,
  YamlFile,
} from "../../config/index.ts";

const engine = v.variant("engine", [
  v.strictObject({ engine: v.literal("sqlite"), path: v.string() }),
  v.strictObject({ engine: v.literal("influxdb1"), url: v.string(), database: v.string() }),
]);

const schema = v.strictObject({
  agent: v.optional(
    option(
      v.strictObject({
        interval: v.optional(option(duration, { about: "x" }), "5s"),
        retries: v.optional(whole(0, 9), 1),
        level: v.optional(v.picklist(["info", "warn"])),
        on: v.optional(v.boolean()),
        name: v.optional(v.string()),
        ratio: v.optional(v.number()),
      }),
      { about: "x" },
    ),
    {},
  ),
  store: v.optional(engine),
  stores: v.optional(v.record(v.string(), engine), {}),
  list: v.optional(v.pipe(v.array(whole(0, 9)), v.minLength(2), v.maxLength(3))),
  site: v.optional(v.union([v.string(), v.strictObject({ name: v.string() })], "write a name")),
});

function mistakes(source: string, form: Schema = schema): string[] {
  try {
    validate(form, new YamlFile("a.yaml", source));
    return [];
  } catch (error) {
    if (!(error instanceof ComplaintsError)) throw error;
    return error.complaints.map((complaint) => complaintText(complaint).replace("a.yaml:", ""));
  }
}

describe("validate", () => {
  test("gives the value with defaults", () => {
    const file = new YamlFile("a.yaml", "agent: {interval: 2m}");
    expect(validate(schema, file)).toEqual({
      agent: { interval: 120_000, retries: 1 },
      stores: {},
    });
  });

  test("names every mistake, each at its place, in the order of the file", () => {
    const source = `agent:
  intervall: 5s
  retries: 11
  retrys: 2
  level: inf
store:
  engine: sqlite
  pat: x
stor: {}
`;
    expect(mistakes(source)).toEqual([
      '2:3: agent.intervall: unknown key; did you mean "interval"?',
      "3:12: agent.retries: must be a whole number from 0 to 9",
      '4:3: agent.retrys: unknown key; did you mean "retries"?',
      '5:10: agent.level: must be one of info, warn; did you mean "info"?',
      "7:3: store.path: is missing",
      '8:3: store.pat: unknown key; did you mean "path"?',
      '9:1: stor: unknown key; did you mean "store"?',
    ]);
  });

  test("lists the keys that there are when none is near", () => {
    expect(mistakes("agent: {colour: red}")).toEqual([
      "1:9: agent.colour: unknown key; known: interval, retries, level, on, name, ratio",
    ]);
  });

  test.each([
    ["a text for keys", "agent: fast", "1:8: agent: must hold keys and values"],
    ["a list for keys", "agent: [1]", "1:8: agent: must hold keys and values"],
    ["a number for a text", "agent: {name: 5}", "1:15: agent.name: must be a text; put quotes"],
    ["a text for a number", "agent: {ratio: a}", "1:16: agent.ratio: must be a number"],
    ["a text for a truth value", "agent: {on: yes}", "1:13: agent.on: must be true or false"],
    ["a text for a list", "list: 5", "1:7: list: must be a list"],
    ["a list too short", "list: [5]", "1:7: list: must have at least 2"],
    ["a list too long", "list: [1, 2, 3, 4]", "1:7: list: must have at most 3"],
    ["a wrong entry", "list: [1, 22]", "1:11: list.1: must be a whole number from 0 to 9"],
    ["a bare number", "agent: {interval: 5}", "1:19: agent.interval: write a duration with its"],
    ["a wrong unit", "agent: {interval: 5sec}", '1:19: agent.interval: "5sec" is not a duration'],
    ["no value", "agent:\n", "1:7: agent: is empty; give it a value or leave it out"],
    ["a list as the file", "- a", "1:1: must hold keys and values"],
    ["a text as the file", "hello", "1:1: must hold keys and values"],
  ])("says of %s what would be right", (_what, source, complaint) => {
    expect(mistakes(source)).toEqual([expect.stringContaining(complaint)]);
  });

  test("gives hints of the branch that a variant is on", () => {
    expect(mistakes("stores: {a: {engine: influxdb1, url: u, database: d, databse: e}}")).toEqual([
      '1:54: stores.a.databse: unknown key; did you mean "database"?',
    ]);
    expect(mistakes("store: {engine: sqlite, path: p, url: u}")).toEqual([
      "1:34: store.url: unknown key; known: engine, path",
    ]);
  });

  test("names the branches when a variant's own key is missing or wrong", () => {
    expect(mistakes("store: {path: p}")).toEqual([
      "1:8: store.engine: is missing; one of sqlite, influxdb1",
    ]);
    expect(mistakes("store: {engine: sqllite}")).toEqual([
      '1:17: store.engine: must be one of sqlite, influxdb1; did you mean "sqlite"?',
    ]);
  });

  test("says what is wrong inside a union's object, and else its own sentence", () => {
    expect(mistakes("site: {name: a, nam: b}")).toEqual([
      '1:17: site.nam: unknown key; did you mean "name"?',
    ]);
    expect(mistakes("site: 5")).toEqual(["1:7: site: write a name"]);
  });

  test.each(["toString", "valueOf", "hasOwnProperty"])(
    "takes no key %s, though every object seems to have it",
    (key) => {
      expect(mistakes(`agent: {${key}: 1}`)).toEqual([
        expect.stringMatching(`^1:9: agent.${key}: unknown key`),
      ]);
    },
  );

  test("never throws anything but complaints", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        for (const complaint of mistakes(JSON.stringify({ agent: value, store: value }))) {
          expect(complaint).not.toMatch(/Invalid (type|key|length)|Expected|undefined/);
        }
      }),
    );
  });
});

describe("nearest", () => {
  test.each([
    ["intervall", "interval"],
    ["intreval", "interval"],
    ["unti", "unit"],
    ["xxxxxxxx", undefined],
    ["", undefined],
  ])("of %j is %j", (word, near) => {
    expect(nearest(word, ["interval", "unit", "address"])).toBe(near);
  });

  test("is the word itself when it is there, and nothing when nothing is", () => {
    expect(nearest("unit", ["units", "unit"])).toBe("unit");
    expect(nearest("unit", [])).toBeUndefined();
  });
});
