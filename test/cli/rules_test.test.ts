/** `rackstreet rules test`: shipped packs pass, failures are told, mistakes name their place. */
import { mkdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Rule, RuleTest, RuleTests } from "../../alerts/index.ts";
import { maxRules, ruleTestsOptions, runRuleTest } from "../../alerts/index.ts";
import { validate, YamlFile } from "../../config/index.ts";
import { rules as rulePacks } from "../../config/rules.gen.ts";
import { silentLog } from "../virtual.ts";
import { openFolder, rackstreet, root } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };

const packs = Object.keys(rulePacks);

function packOf(name: string): RuleTests {
  const path = `${root}/config/rules/${name}.yaml`;
  return validate(ruleTestsOptions, new YamlFile(path, readFileSync(path, "utf8")));
}

describe("the shipped rule packs", () => {
  test.each(packs)("%s: its tests pass", async (name) => {
    const pack = packOf(name);
    for (const one of Object.keys(pack.tests)) {
      const { passed, compared } = await runRuleTest(pack, one, silentLog);
      expect([one, passed, passed ? [] : compared]).toEqual([one, true, []]);
    }
  });

  test.each(packs)(
    "%s: each rule is sourced, fires in a test and stays quiet in another",
    (name) => {
      const { rules, tests } = packOf(name);
      for (const [id, rule] of Object.entries(rules)) {
        expect([id, rule.source, rule.runbook]).toEqual([
          id,
          expect.any(String),
          expect.any(String),
        ]);
        const fed = Object.values(tests).filter((one) => feeds(one, rule));
        expect([id, fed.some((one) => fires(one, id))]).toEqual([id, true]);
        expect([id, fed.some((one) => staysQuiet(one, id))]).toEqual([id, true]);
      }
    },
  );

  test("fit into one configuration: no name stands in two of them", () => {
    const ids = packs.flatMap((name) => Object.keys(packOf(name).rules));
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
    expect(ids.length).toBeLessThanOrEqual(maxRules);
  });

  test("are run by the command, a folder at once", async () => {
    mkdirSync(`${folder.path}/packs`);
    folder.write("packs/lamps.yaml", rulePacks["street-lamps"] ?? "");
    folder.write("packs/parking.yaml", rulePacks["street-parking"] ?? "");
    const { code, out } = await rackstreet(["rules", "test", "packs"], at);
    expect([code, out]).toEqual([0, expect.stringMatching(/lamps(?:.|\n)*parking/)]);
    expect(out).toMatch(/\d+ passed, 0 failed\n$/);
  });
});

/** Whether a test sends what a rule looks at. */
function feeds({ series, devices }: RuleTest, rule: Rule): boolean {
  const of = series.filter(({ measurement }) => measurement === rule.measurement);
  if (rule.kind !== "absent") {
    return rule.fields.every((field) => of.some((one) => one.field === field));
  }
  return (
    of.length > 0 || devices.some(({ measurements }) => measurements.includes(rule.measurement))
  );
}

function fires({ transitions = [], expect: states = [] }: RuleTest, id: string): boolean {
  return [...transitions, ...states].some(({ rule, state }) => rule === id && state === "firing");
}

/** Either the test lists all that happens, or it says that at some time the rule is inactive. */
function staysQuiet(one: RuleTest, id: string): boolean {
  if (fires(one, id)) return false;
  const named = one.expect?.some(({ rule, state }) => rule === id && state === "inactive");
  return one.transitions !== undefined || named === true;
}

const mean = "measurement: thermal, field: temp_c, above: 27";
const rules = `rules:
  hot: { about: Too hot, measurement: thermal, field: temp_c, above: 27, for: 2m }
  silent: { about: Silent, measurement: thermal, absent: 3m }
  mean-hot: { about: x, on: stored, window: 5m, every: 1m, ${mean} }
`;
const series = "{ device: a, measurement: thermal, tags: { sensor: top }, field: temp_c";

const other = "{ device: a, measurement: ups, field: t";

function file(name: string, tests: string): string {
  return folder.write(name, `${rules}tests:\n${tests}`);
}

describe("a file of rules and tests", () => {
  const failing = file(
    "failing.yaml",
    `  hot fires:
    series: [${series}, values: 20 28x5 24 _x4 }]
    transitions:
      - { at: 3m, rule: hot, state: firing, tags: { device: a } }
      - { at: 6m, rule: hot, state: resolved }
    expect:
      - { at: 2m, rule: hot, state: pending, tags: { sensor: top } }
      - { at: 2m, rule: hot, state: firing }
  quiet:
    series: [${series}, values: 20 20 }]
    transitions: []
`,
  );

  test("shows what was expected and what came, and exits 65", async () => {
    const { code, out } = await rackstreet(["rules", "test", failing], at);
    expect(code).toBe(65);
    expect(out.split("\n")).toEqual([
      "FAIL failing.yaml: hot fires",
      "       00:02:00 hot pending sensor=top",
      "     - 00:02:00 hot firing  (was pending)",
      "       00:03:00 hot firing device=a, sensor=top (28)",
      "     - 00:06:00 hot resolved",
      "     + 00:06:00 mean-hot firing device=a, sensor=top (28)",
      "     + 00:07:00 hot resolved device=a, sensor=top (24)",
      "     + 00:09:00 mean-hot resolved device=a, sensor=top (27)",
      "     + 00:10:00 silent firing device=a (180)",
      "ok   failing.yaml: quiet",
      "1 passed, 1 failed",
      "",
    ]);
  });

  test("as JSON says the same", async () => {
    const { code, out } = await rackstreet(["rules", "test", failing, "--json"], at);
    const said: unknown = JSON.parse(out);
    expect(code).toBe(65);
    expect(said).toMatchObject({
      passed: 1,
      failed: 1,
      files: [
        {
          file: "failing.yaml",
          tests: [
            { name: "hot fires", passed: false },
            { name: "quiet", passed: true, compared: [] },
          ],
        },
      ],
    });
  });

  test.each([
    [
      "value",
      `  t:\n    series: [${series}, values: 20 2o }]\n    transitions: []\n`,
      /:7:\d+: .*2o/,
    ],
    [
      "hexadecimal",
      `  t:\n    series: [${series}, values: 0x5 }]\n    transitions: []\n`,
      /quotes/,
    ],
    ["rule", `  t:\n    transitions: [{ at: 1m, rule: hat, state: firing }]\n`, /:7:\d+: .*"hat"/],
    ["expectation", `  t:\n    series: []\n`, /:7:\d+: .*expects nothing/],
    ["length", `  t: { until: 32d, transitions: [] }\n`, /:6:\d+: .*31 days/],
    [
      "field",
      `  t:\n    transitions: []\n    series: [${other}, values: _ }]\n`,
      /no field t; known/,
    ],
  ])("with a wrong %s exits 78 and names line and column", async (name, tests, problem) => {
    const { code, err } = await rackstreet(["rules", "test", file(`${name}.yaml`, tests)], at);
    expect([code, err]).toEqual([78, expect.stringMatching(problem)]);
    expect(err).toContain(`${name}.yaml:`);
  });

  test("that is not there is a mistake of the configuration", async () => {
    const { code, err } = await rackstreet(["rules", "test", "none.yaml"], at);
    expect([code, err]).toEqual([78, expect.stringContaining("none.yaml: is not there")]);
  });
});
