/** The whole form of a configuration as a corpus: every key is explained, and examples work. */
import { describe, expect, test } from "vitest";
import { configSchema } from "../../cli/schema.ts";
import type { Schema } from "../../config/index.ts";
import { factsOf, schemaAt, unwrap, v } from "../../config/index.ts";
import { isRecord } from "../../telemetry/index.ts";

/** Deeper than any key there is. */
const deepest = 8;

interface Key {
  readonly path: readonly string[];
  readonly schema: Schema;
}

/** Every key below a path; a name of a person's choice and an entry of a list are `*`. */
function keysBelow(path: readonly string[]): Key[] {
  if (path.length > deepest) return [];
  const schema = schemaAt(configSchema, path);
  const bare = schema === undefined ? undefined : unwrap(schema);
  if (schema === undefined || !isRecord(bare)) return [];
  const names = isRecord(bare["entries"]) ? Object.keys(bare["entries"]) : ["*"];
  return names.flatMap((name) => {
    const below = schemaAt(configSchema, [...path, name]);
    const here = { path: [...path, name], schema: below ?? schema };
    return below === undefined ? [] : [here, ...keysBelow([...path, name])];
  });
}

const keys = keysBelow([]);
const named = keys.filter(({ path }) => path.at(-1) !== "*");

function textsOf(found: readonly Key[]): string[] {
  return found.map(({ path }) => path.join("."));
}

describe("the schema of a configuration", () => {
  test("is walked whole", () => {
    expect(textsOf(keys)).toEqual(
      expect.arrayContaining([
        "site.region",
        "agent.spool.size",
        "broker.users.*.password",
        "store.engine",
        "store.database",
        "buses.*.baud",
        "devices.*.address",
        "rules.*.above",
      ]),
    );
  });

  test("says one sentence of every key", () => {
    const sentence = /^\S.*[.:]$/;
    const silent = named.filter(({ schema }) => !sentence.test(factsOf(schema).about ?? ""));
    expect(textsOf(silent)).toEqual([]);
  });

  test("gives examples that are right", () => {
    const wrong = named.filter(({ schema }) => {
      const { example } = factsOf(schema);
      const fits = v.safeParse(schema, example).success || v.safeParse(schema, [example]).success;
      return example !== undefined && !fits;
    });
    expect(textsOf(wrong)).toEqual([]);
  });

  test("gives defaults that are right", () => {
    const wrong = named.filter(({ schema }) => {
      const { fallback } = factsOf(schema);
      return fallback !== undefined && !v.safeParse(schema, fallback).success;
    });
    expect(textsOf(wrong)).toEqual([]);
  });

  /** The last word of a path; whole where that says too little: webhooks have keys in their URL. */
  const nameOf = (path: readonly string[]): string =>
    path.at(-1) === "url" ? path.join(".") : (path.at(-1) ?? "");

  test("marks every password, token and auth header as a secret, and nothing else", () => {
    const secrets = named.filter(({ schema }) => factsOf(schema).secret);
    const passwords = named.filter(({ path }) =>
      /^auth$|^kg$|password|token|secret|community|^notify\.\*\.url$/i.test(nameOf(path)),
    );
    expect(textsOf(secrets)).toEqual(textsOf(passwords));
    expect(secrets.length).toBeGreaterThan(2);
  });

  test("may be empty", () => {
    expect(v.parse(configSchema, {})).toMatchObject({
      site: { region: "local", org: "main", name: "site" },
      store: { engine: "sqlite" },
    });
  });
});
