/**
 * The form of a file of rule tests: `rules` as in a configuration, and `tests`: series in, and what
 * the alerts ought to do. Times count from the start of a test.
 * Limits: 200 tests a file, 100 series and 100 devices a test, a test of at most 31 days.
 */
import type { Schema } from "../../config/index.ts";
import { atLeast, deviceClasses, duration, levelName, option } from "../../config/index.ts";
import { pathTo, placeText, text, v } from "../../config/index.ts";
import { fieldFacts, measurementEntry } from "../../telemetry/index.ts";
import type { Rule } from "../rule.ts";
import { rulesOptions } from "../options.ts";
import type { Shorthand } from "./shorthand.ts";
import { parseSamples } from "./shorthand.ts";

const maxTests = 200;
const maxSeries = 100;
/** @unit ms */
const longestTest = 31 * 86_400_000;

const className = v.picklist(deviceClasses);
const tags = v.optional(v.record(v.string(), text), {});

const samples: Schema<Shorthand> = v.pipe(
  // YAML would read a bare 0x5 as the number 5.
  v.string('put quotes around a single word of values: "0x5"'),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = parseSamples(dataset.value);
    if (!("problem" in parsed)) return parsed;
    addIssue({ message: parsed.problem });
    return NEVER;
  }),
);

const seriesForm = v.pipe(
  v.strictObject({
    device: option(levelName, { about: "Who sends it.", example: "rack-r1" }),
    class: option(v.optional(className), { about: "Its class, where a rule asks for it." }),
    zone: option(v.optional(placeText), { about: "Where it stands." }),
    rack: option(v.optional(placeText), { about: "In which rack." }),
    measurement: option(text, { about: "A measurement of the register.", example: "thermal" }),
    tags: option(tags, { about: "The channel tag." }),
    field: option(text, { about: "The field.", example: "temp_c" }),
    values: option(samples, {
      about: "One value an interval: 20 20x4 (five of them) _x3 (three gaps) 21+0.5x3 20!2 (q 2).",
      example: "20x4 28 28 _ 24",
    }),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { measurement, field, tags: channel } = dataset.value;
    const complain = (key: "measurement" | "field" | "tags", message: string): void =>
      addIssue({ message, path: pathTo(dataset.value, [key]) });
    const entry = measurementEntry(measurement);
    if (entry === undefined) {
      return complain("measurement", `"${measurement}" is not in the register`);
    }
    if (fieldFacts(measurement, field) === undefined) {
      const known = Object.keys(entry.fields).join(", ");
      complain("field", `${measurement} has no field ${field}; known: ${known}`);
    }
    const wrong = Object.keys(channel).find((tag) => tag !== entry.channel);
    const own = entry.channel === undefined ? "none" : entry.channel;
    if (wrong !== undefined) complain("tags", `${measurement} has no tag ${wrong}; it has: ${own}`);
  }),
);

const deviceForm = v.strictObject({
  device: option(levelName, { about: "A device that ought to send.", example: "rack-r1" }),
  class: option(v.optional(className), { about: "Its class." }),
  zone: option(v.optional(placeText), { about: "Where it stands." }),
  rack: option(v.optional(placeText), { about: "In which rack." }),
  measurements: option(v.pipe(v.array(text), v.minLength(1, "name at least one")), {
    about: "What it ought to send.",
  }),
});

const expectedForm = {
  at: option(duration, { about: "When, from the start of the test.", example: "5m" }),
  rule: option(text, { about: "Which rule.", example: "inlet-hot" }),
  tags: option(tags, { about: "Tags of the alert; those left out may be anything." }),
};

const transitionForm = v.strictObject({
  ...expectedForm,
  state: option(v.picklist(["pending", "firing", "resolved", "inactive", "unknown"]), {
    about: "What the alert becomes.",
    example: "firing",
  }),
});

const stateForm = v.strictObject({
  ...expectedForm,
  state: option(v.picklist(["pending", "firing", "inactive", "unknown"]), {
    about: "What the alert is at that time.",
    example: "firing",
  }),
});

const testForm = v.pipe(
  v.strictObject({
    about: option(v.optional(text), { about: "Why this matters." }),
    interval: option(v.optional(atLeast("1s"), "1m"), { about: "Time between two values." }),
    until: option(v.optional(duration), {
      about: "When the test ends. Default: one interval after the last value.",
    }),
    devices: option(v.optional(v.pipe(v.array(deviceForm), v.maxLength(maxSeries)), []), {
      about: "Devices that are known from the start, beside those of the series.",
    }),
    series: option(v.optional(v.pipe(v.array(seriesForm), v.maxLength(maxSeries)), []), {
      about: "What comes in.",
    }),
    transitions: option(v.optional(v.array(transitionForm)), {
      about:
        "All that the alerts do, in order; an empty list: nothing. pending and inactive count " +
        "only where the list names one of them.",
    }),
    expect: option(v.optional(v.array(stateForm)), {
      about: "What alerts are at certain times, after the values of that time.",
    }),
  }),
  v.check(
    ({ transitions, expect }) => transitions !== undefined || expect !== undefined,
    "expects nothing; give it transitions (an empty list: nothing fires) or expect",
  ),
  v.check((test) => lengthOf(test) <= longestTest, "a test lasts at most 31 days"),
);

export type RuleTest = v.InferOutput<typeof testForm>;
export type TestSeries = v.InferOutput<typeof seriesForm>;
export type ExpectedTransition = v.InferOutput<typeof transitionForm>;
export type ExpectedState = v.InferOutput<typeof stateForm>;

export interface RuleTests {
  readonly rules: Readonly<Record<string, Rule>>;
  readonly tests: Readonly<Record<string, RuleTest>>;
}

interface Lasting {
  readonly interval: number;
  readonly until?: number | undefined;
  readonly series: readonly { readonly values: Shorthand }[];
}

/** How long a test lasts. @unit ms */
export function lengthOf({ interval, until, series }: Lasting): number {
  const samples = series.reduce((most, { values }) => Math.max(most, values.length), 0);
  return until ?? interval * samples;
}

/** A whole file: rules and their tests, by name. */
export const ruleTestsOptions: Schema<RuleTests> = v.pipe(
  v.strictObject({
    rules: option(rulesOptions, { about: "The rules, as in a configuration." }),
    tests: option(
      v.pipe(v.record(text, testForm), v.maxEntries(maxTests, `at most ${maxTests} tests a file`)),
      { about: "Tests, by a name that says what they show." },
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const path of unknownRules(dataset.value)) {
      const rule = path.pop() ?? "";
      const message = `no rule "${rule}" in this file`;
      addIssue({ message, path: pathTo(dataset.value, ["tests", ...path, "rule"]) });
    }
  }),
);

/** Where tests name rules that the file has not, each with the name at its end. */
function unknownRules({ rules, tests }: RuleTests): string[][] {
  return Object.entries(tests).flatMap(([name, test]) =>
    (["transitions", "expect"] as const).flatMap((key) =>
      (test[key] ?? [])
        .map(({ rule }, index) => [name, key, String(index), rule])
        .filter(([, , , rule = ""]) => !Object.hasOwn(rules, rule)),
    ),
  );
}
