/** What the keys of a rule may not say together, and names that the register does not know. */
import { nearest } from "../config/index.ts";
import { fieldFacts, measurementEntry, measurements, placeTags } from "../telemetry/index.ts";
import { expressionOf } from "./expression.ts";
import type { RuleForm } from "./rule-form.ts";

export type Complain = (key: keyof RuleForm, message: string) => void;

const conditions = ["above", "below", "absent"] as const;
/** Keys that have a meaning only for some rules, and which those are. */
const onlyFor = [
  ["every", isStored, "only for rules on: stored"],
  ["window", isStored, "only for rules on: stored"],
  [
    "aggregate",
    (input: RuleForm) => isStored(input) && input.as === "value",
    "only for rules on: stored that judge a value",
  ],
  ["per", (input: RuleForm) => input.as === "rate", "only for as: rate"],
  ["days", (input: RuleForm) => input.as === "deviation", "only for as: deviation"],
  ["within", (input: RuleForm) => input.as === "forecast", "only for as: forecast"],
  [
    "fresh",
    (input: RuleForm) => !isStored(input) && input.absent === undefined,
    "only for rules on live points",
  ],
] as const;

/** Whether a rule asks the store. */
export function isStored({ on, as }: Pick<RuleForm, "on" | "as">): boolean {
  return on === "stored" || (on === undefined && as !== "value");
}

/** Complains of all that is wrong with a rule. */
export function checkRule(input: RuleForm, complain: Complain): void {
  checkCondition(input, complain);
  checkMeasure(input, complain);
  checkNames(input, complain);
  checkTags(input, complain);
}

function checkCondition(input: RuleForm, complain: Complain): void {
  const given = conditions.filter((name) => input[name] !== undefined);
  const [kind] = given;
  const truth = gives(input) === "truth";
  if (kind === undefined && !truth) {
    complain("measurement", "needs one of above, below or absent");
  } else if (kind !== undefined && truth) {
    complain(kind, "expr is true or false and needs no limit");
  } else if (given.length > 1) complain(kind ?? "above", `use only one of ${given.join(", ")}`);
  if (kind === "absent") checkAbsent(input, complain);
  else if (input.field === undefined && input.expr === undefined) {
    complain("measurement", `needs a field; ${fieldHint(input.measurement, "")}`);
  } else if (input.field !== undefined && input.expr !== undefined) {
    complain("expr", "use field or expr, not both");
  }
  checkClear(input, complain);
}

function checkAbsent(input: RuleForm, complain: Complain): void {
  if (input.on === "stored") complain("on", "absent is judged on live points");
  if (input.field !== undefined) complain("field", "absent is about whole rows, not a field");
  if (input.expr !== undefined) complain("expr", "absent is about whole rows, not their values");
  if (input.clear !== undefined) complain("clear", "absent has no value to clear at");
  if (input.join !== "worst") complain("join", "absent has no values to join");
  if (input.as !== "value") complain("as", "absent looks at no window");
}

function checkMeasure(input: RuleForm, complain: Complain): void {
  const { as, on, join, expr, within } = input;
  for (const [key, holds, message] of onlyFor) {
    if (input[key] !== undefined && !holds(input)) complain(key, message);
  }
  if (as === "value") return;
  if (on === "live") complain("on", `as: ${as} looks at a window in the store; leave \`on\` out`);
  if (join !== "worst") complain("join", "only for as: value");
  if (gives(input) === "truth") complain("expr", `as: ${as} needs a number`);
  if (expr !== undefined && (as === "spread" || as === "bad"))
    complain("expr", `as: ${as} needs a field`);
  if (as !== "forecast") return;
  if (within === undefined) complain("as", "needs within: how soon is too soon");
}

function checkClear({ above, below, clear, as }: RuleForm, complain: Complain): void {
  if (clear === undefined) return;
  if (as === "forecast") return complain("clear", "a forecast has none; use keep");
  if (above !== undefined && clear > above) complain("clear", `must not exceed above: ${above}`);
  if (below !== undefined && clear < below) complain("clear", `must not be under below: ${below}`);
}

function checkNames({ measurement, field, expr }: RuleForm, complain: Complain): void {
  if (measurementEntry(measurement) === undefined) {
    const near = nearest(measurement, Object.keys(measurements));
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return complain("measurement", `"${measurement}" is not in the register${hint}`);
  }
  if (expr !== undefined) {
    const read = expressionOf(expr, measurement);
    if ("problem" in read) complain("expr", read.problem);
  }
  if (field === undefined) return;
  const facts = fieldFacts(measurement, field);
  if (facts === undefined) {
    complain("field", `${measurement} has no field ${field}; ${fieldHint(measurement, field)}`);
  } else if (facts.type === "text") {
    complain("field", `${field} is a text and has no threshold`);
  }
}

/** What an expression gives; undefined where there is none, or one that cannot be read. */
function gives({ expr, measurement }: RuleForm): "number" | "truth" | undefined {
  if (expr === undefined || measurementEntry(measurement) === undefined) return undefined;
  const read = expressionOf(expr, measurement);
  return "ok" in read ? read.ok.gives : undefined;
}

function fieldHint(measurement: string, field: string): string {
  const names = Object.keys(measurementEntry(measurement)?.fields ?? {});
  const near = nearest(field, names);
  return near === undefined ? `known: ${names.join(", ")}` : `did you mean "${near}"?`;
}

function checkTags(input: RuleForm, complain: Complain): void {
  const entry = measurementEntry(input.measurement);
  if (entry === undefined) return;
  const channel = entry.channel === undefined ? [] : [entry.channel];
  const known = [...placeTags, "class", ...channel];
  const check = (key: "where" | "by", tag: string): void => {
    if (!known.includes(tag)) {
      const near = nearest(tag, known);
      const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
      complain(key, `${input.measurement} has no tag ${tag}; ${hint}`);
    } else if (isStored(input) && tag === "class") {
      complain(key, "class is in the topic, not in the store; use on: live");
    } else if (key === "by" && input.absent !== undefined && channel.includes(tag)) {
      complain(key, `channels of a device are not known before they send; put ${tag} in where`);
    }
  };
  for (const tag of Object.keys(input.where)) check("where", tag);
  for (const tag of input.by ?? []) check("by", tag);
}
