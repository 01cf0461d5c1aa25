/**
 * Rules as they stand in a file: one form for live points and for stored data. Names are held
 * against the register, so that a rule that could never fire is refused when the file is read.
 * Limits: 1,000 rules. Durations are ms, thresholds are in the field's own unit.
 */
import type { Schema } from "../config/index.ts";
import { pathTo, v } from "../config/index.ts";
import { assertNever, levelPattern, measurementEntry } from "../telemetry/index.ts";
import { expressionOf } from "./expression.ts";
import { influenceProblems } from "./life/rule-options.ts";
import type { Measure, Rule, Threshold } from "./rule.ts";
import type { Complain } from "./rule-checks.ts";
import { checkRule, isStored } from "./rule-checks.ts";
import type { RuleForm } from "./rule-form.ts";
import { ruleForm } from "./rule-form.ts";

/** The most rules one hub takes. */
export const maxRules = 1000;

const minute = 60_000;
const hour = 60 * minute;

/** One rule as it stands in the file, checked and in the form that the engine runs. */
export const ruleOptions: Schema<Rule> = v.pipe(
  ruleForm,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value;
    const complain: Complain = (key, message) => {
      addIssue({ message, path: input[key] === undefined ? undefined : pathTo(input, [key]) });
    };
    checkRule(input, complain);
  }),
  v.transform(ruleOf),
);

/** All rules by id. */
export const rulesOptions: Schema<Readonly<Record<string, Rule>>> = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(levelPattern, "use 1 to 64 of a-z, 0-9, _ and -")),
    ruleOptions,
  ),
  v.maxEntries(maxRules, `a hub takes at most ${maxRules} rules`),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const { path, message } of influenceProblems(dataset.value)) {
      addIssue({ message, path: pathTo(dataset.value, path) });
    }
  }),
);

function ruleOf(input: RuleForm): Rule {
  const { about, source, runbook, severity, measurement, where, quality, keep, absent } = input;
  const channel = measurementEntry(measurement)?.channel;
  const whole = absent !== undefined || channel === undefined;
  const by = input.by ?? (whole ? ["device"] : ["device", channel]);
  const { inhibits, near, failure } = input;
  const told = { about, source, runbook, severity, inhibits, near, failure };
  const head = { ...told, measurement, where, by, quality, for: input.for, keep };
  if (absent !== undefined) return { ...head, kind: "absent", absent };
  const { expr, join } = input;
  const judged = { fields: fieldsOf(input), expr, join, threshold: thresholdOf(input) };
  if (isStored(input)) {
    const { every, window } = { ...times[input.as], ...given(input) };
    return { ...head, ...judged, kind: "stored", measure: measureOf(input), every, window };
  }
  const fresh = input.fresh ?? (join === "worst" ? undefined : 15 * minute);
  return { ...head, ...judged, kind: "live", fresh };
}

function fieldsOf({ field, expr, measurement }: RuleForm): readonly string[] {
  if (expr === undefined) return field === undefined ? [] : [field];
  const read = expressionOf(expr, measurement);
  return "ok" in read ? read.ok.fields : [];
}

/** A forecast is judged in hours. */
function thresholdOf(input: RuleForm): Threshold {
  const { within, clear } = input;
  if (within !== undefined) {
    return { side: "below", limit: within / hour, clear: within / hour };
  }
  const { side, limit } = limitOf(input);
  return { side, limit, clear: clear ?? limit };
}

/** What is true is 1: above 0. */
function limitOf({ above, below }: RuleForm): Pick<Threshold, "side" | "limit"> {
  if (above === undefined && below !== undefined) return { side: "below", limit: below };
  return { side: "above", limit: above ?? 0 };
}

interface Times {
  readonly every: number;
  readonly window: number;
}

function given({ every, window }: RuleForm): Partial<Times> {
  return {
    ...(every === undefined ? {} : { every }),
    ...(window === undefined ? {} : { window }),
  };
}

const times: Readonly<Record<RuleForm["as"], Times>> = {
  value: { every: minute / 2, window: 5 * minute },
  rate: { every: minute / 2, window: 15 * minute },
  bad: { every: minute / 2, window: 15 * minute },
  changes: { every: minute / 2, window: 10 * minute },
  spread: { every: minute / 2, window: hour },
  deviation: { every: 5 * minute, window: hour },
  forecast: { every: 5 * minute, window: 6 * hour },
};

function measureOf(input: RuleForm): Measure {
  switch (input.as) {
    case "value":
      return { as: "value", aggregate: input.aggregate ?? "mean" };
    case "rate":
      return { as: "rate", per: input.per ?? hour };
    case "deviation":
      return { as: "deviation", days: input.days ?? 7 };
    case "forecast":
      return { as: "forecast", ...limitOf(input) };
    case "spread":
    case "changes":
    case "bad":
      return { as: input.as };
    default:
      return assertNever(input.as);
  }
}
