/** Walking a schema by path: through optional, pipe, record, list, variant and union. */
import { describe, expect, test } from "vitest";
import { entriesAt, factsOf, option, schemaAt, secret, v, whole } from "../../config/index.ts";

const schema = v.strictObject({
  plain: option(whole(0, 9), { about: "Plain.", example: 3 }),
  piped: v.pipe(v.optional(option(v.string(), { about: "Piped." }), "x"), v.minLength(1)),
  outside: option(v.optional(v.string(), "y"), { about: "Outside." }),
  hidden: v.optional(option(secret, { about: "Hidden." })),
  named: v.record(v.string(), v.strictObject({ inner: option(v.string(), { about: "Inner." }) })),
  list: v.optional(v.array(v.strictObject({ entry: option(v.string(), { about: "Entry." }) }))),
  either: v.variant("kind", [
    v.strictObject({ kind: v.literal("a"), both: option(v.string(), { about: "Of a." }) }),
    v.strictObject({ kind: v.literal("b"), both: option(v.string(), { about: "Of b." }) }),
  ]),
  one: v.union([v.string(), v.strictObject({ name: option(v.string(), { about: "Name." }) })]),
});

function aboutOf(path: string, data?: unknown): string | undefined {
  const found = schemaAt(schema, path.split("."), data);
  return found === undefined ? undefined : factsOf(found).about;
}

describe("schemaAt", () => {
  test.each([
    ["plain", "Plain."],
    ["piped", "Piped."],
    ["outside", "Outside."],
    ["named.*.inner", "Inner."],
    ["named.any-name.inner", "Inner."],
    ["list.0.entry", "Entry."],
    ["list.*.entry", "Entry."],
    ["one.name", "Name."],
  ])("finds %s", (path, about) => {
    expect(aboutOf(path)).toBe(about);
  });

  test("chooses a variant's branch by the data", () => {
    expect(aboutOf("either.both", { either: { kind: "a" } })).toBe("Of a.");
    expect(aboutOf("either.both", { either: { kind: "b" } })).toBe("Of b.");
  });

  test("without data finds the keys of all branches", () => {
    expect(Object.keys(entriesAt(schema, ["either"]) ?? {})).toEqual(["kind", "both"]);
  });

  test.each(["nothing", "plain.below", "named.*.nothing", "constructor", "named.*.toString"])(
    "finds nothing at %s",
    (path) => {
      expect(schemaAt(schema, path.split("."))).toBeUndefined();
    },
  );

  test("at the empty path is the schema itself", () => {
    expect(schemaAt(schema, [])).toBe(schema);
    expect(Object.keys(entriesAt(schema, []) ?? {})).toEqual(Object.keys(schema.entries));
  });
});

describe("factsOf", () => {
  test("gives sentence, example, default and whether it is a secret", () => {
    const facts = (key: string) => factsOf(schemaAt(schema, [key]) ?? v.any());
    expect(facts("plain")).toMatchObject({ example: 3, fallback: undefined, secret: false });
    expect(facts("piped")).toMatchObject({ fallback: "x" });
    expect(facts("outside")).toMatchObject({ fallback: "y" });
    expect(facts("hidden")).toMatchObject({ secret: true });
    expect(facts("one")).toMatchObject({ keys: ["name"] });
  });
});
