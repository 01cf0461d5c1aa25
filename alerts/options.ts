/**
 * The form of a rule: one for live points and for stored data. Names are held against the
 * register, so that a rule that could never fire is refused when the file is read.
 * Limits: 1,000 rules. Durations are ms, thresholds are in the field's own unit.
 */
import type { Schema } from "../config/index.ts";
import { duration, nearest, option, pathTo, text, v, whole } from "../config/index.ts";
import { aggregates } from "../store/index.ts";
import {
  fieldFacts,
  levelPattern,
  measurementEntry,
  measurements,
  placeTags,
} from "../telemetry/index.ts";
import type { Threshold, Timing } from "./evaluate.ts";

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** The most rules one hub takes. */
export const maxRules = 1000;

const second = 1000;
const day = 86_400_000;

const form = v.strictObject({
  about: option(text, {
    about: "One sentence: what is wrong when it fires.",
    example: "Rack inlet above the recommended range",
  }),
  source: option(v.optional(text), {
    about: "Where the threshold comes from: a standard, a data sheet, an agreement.",
    example: "ASHRAE TC 9.9, Thermal Guidelines, 5th edition (2021), class A1",
  }),
  runbook: option(v.optional(text), {
    about: "What to do first when it fires, or where that is written.",
    example: "Look for a missing blanking panel, then at the cooling unit of the row",
  }),
  severity: option(v.optional(v.picklist(severities), "warning"), {
    about: "How bad it is: info, warning or critical.",
    example: "warning",
  }),
  on: option(v.optional(v.picklist(["live", "stored"]), "live"), {
    about: "Judge points as they arrive (live), or ask the store on a schedule (stored).",
    example: "live",
  }),
  measurement: option(text, { about: "A measurement of the register.", example: "thermal" }),
  field: option(v.optional(text), { about: "The field to judge.", example: "temp_c" }),
  where: option(v.optional(v.record(v.string(), text), {}), {
    about: "Only rows whose tags have these values: place, class, device or the channel.",
  }),
  by: option(v.optional(v.pipe(v.array(text), v.minLength(1, "name at least one tag"))), {
    about: "One alert for each combination of these tags. Default: device and the channel.",
  }),
  above: option(v.optional(limit()), {
    about: "Wrong when the value is above this, in the field's unit.",
    example: 27,
  }),
  below: option(v.optional(limit()), {
    about: "Wrong when the value is below this, in the field's unit.",
    example: 10,
  }),
  absent: option(v.optional(atLeast(second)), {
    about: "Wrong when a known device sends no such row for this long.",
    example: "60s",
  }),
  clear: option(v.optional(limit()), {
    about: "A firing alert clears at this value. Default: the threshold.",
    example: 26,
  }),
  for: option(v.optional(duration, "0s"), {
    about: "How long it must be wrong before the alert fires.",
    example: "2m",
  }),
  keep: option(v.optional(duration, "0s"), {
    about: "How long it must be right before the alert resolves.",
    example: "1m",
  }),
  every: option(v.optional(v.pipe(atLeast(second), v.maxValue(day, "must be at most 1d"))), {
    about: "Stored rules: how often the store is asked, 1s to 1d. Default 30s.",
    example: "30s",
  }),
  window: option(v.optional(atLeast(second)), {
    about: "Stored rules: the time before now that is asked for. Default 5m.",
    example: "5m",
  }),
  aggregate: option(v.optional(v.picklist(aggregates)), {
    about: "Stored rules: what is judged of the window. Default mean.",
    example: "mean",
  }),
  quality: option(v.optional(whole(0, 4), 1), {
    about: "Worst quality of a row that counts: 0 good, 1 substituted, 2 uncertain, 3 stale.",
    example: 1,
  }),
});

type Form = v.InferOutput<typeof form>;

/** What every rule has. */
interface RuleHead extends Timing {
  readonly about: string;
  /** Where the threshold comes from. */
  readonly source: string | undefined;
  /** What to do first. */
  readonly runbook: string | undefined;
  readonly severity: Severity;
  readonly measurement: string;
  /** Tags a row must have. */
  readonly where: Readonly<Record<string, string>>;
  /** Tags that tell its alerts apart. */
  readonly by: readonly string[];
  readonly quality: number;
}

/** Judges points as they arrive. */
export interface LiveRule extends RuleHead {
  readonly kind: "live";
  readonly field: string;
  readonly threshold: Threshold;
}

/** Judges what the store answers, on a schedule. */
export interface StoredRule extends RuleHead {
  readonly kind: "stored";
  readonly field: string;
  readonly threshold: Threshold;
  /** @unit ms */
  readonly every: number;
  /** @unit ms */
  readonly window: number;
  readonly aggregate: (typeof aggregates)[number];
}

/** Judges the silence of known devices. */
export interface AbsentRule extends RuleHead {
  readonly kind: "absent";
  /** @unit ms */
  readonly absent: number;
}

export type Rule = LiveRule | StoredRule | AbsentRule;

type Complain = (key: keyof Form, message: string) => void;

/** One rule as it stands in the file, checked and in the form that the engine runs. */
export const ruleOptions: Schema<Rule> = v.pipe(
  form,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value;
    const complain: Complain = (key, message) => {
      addIssue({ message, path: input[key] === undefined ? undefined : pathTo(input, [key]) });
    };
    checkCondition(input, complain);
    checkNames(input, complain);
    checkTags(input, complain);
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
);

function limit(): Schema<number> {
  return v.pipe(v.number("must be a number"), v.finite("must be a finite number"));
}

function atLeast(ms: number): Schema<number> {
  return v.pipe(duration, v.minValue(ms, `must be at least ${ms / second}s`));
}

const conditions = ["above", "below", "absent"] as const;
const storedOnly = ["every", "window", "aggregate"] as const;

function checkCondition(input: Form, complain: Complain): void {
  const given = conditions.filter((name) => input[name] !== undefined);
  const [kind] = given;
  if (kind === undefined) complain("measurement", "needs one of above, below or absent");
  else if (given.length > 1) complain(kind, `use only one of ${given.join(", ")}`);
  if (kind === "absent") {
    if (input.on === "stored") complain("on", "absent is judged on live points");
    if (input.field !== undefined) complain("field", "absent is about whole rows, not a field");
    if (input.clear !== undefined) complain("clear", "absent has no value to clear at");
  } else if (input.field === undefined) {
    complain("measurement", `needs a field; ${fieldHint(input.measurement, "")}`);
  }
  checkClear(input, complain);
  if (input.on === "stored") return;
  for (const key of storedOnly) {
    if (input[key] !== undefined) complain(key, `only for rules on: stored`);
  }
}

function checkClear({ above, below, clear }: Form, complain: Complain): void {
  if (clear === undefined) return;
  if (above !== undefined && clear > above) complain("clear", `must not exceed above: ${above}`);
  if (below !== undefined && clear < below) complain("clear", `must not be under below: ${below}`);
}

function checkNames({ measurement, field }: Form, complain: Complain): void {
  if (measurementEntry(measurement) === undefined) {
    const near = nearest(measurement, Object.keys(measurements));
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return complain("measurement", `"${measurement}" is not in the register${hint}`);
  }
  if (field === undefined) return;
  const facts = fieldFacts(measurement, field);
  if (facts === undefined) {
    complain("field", `${measurement} has no field ${field}; ${fieldHint(measurement, field)}`);
  } else if (facts.type === "text") {
    complain("field", `${field} is a text and has no threshold`);
  }
}

function fieldHint(measurement: string, field: string): string {
  const names = Object.keys(measurementEntry(measurement)?.fields ?? {});
  const near = nearest(field, names);
  return near === undefined ? `known: ${names.join(", ")}` : `did you mean "${near}"?`;
}

function checkTags(input: Form, complain: Complain): void {
  const entry = measurementEntry(input.measurement);
  if (entry === undefined) return;
  const channel = entry.channel === undefined ? [] : [entry.channel];
  const known = [...placeTags, "class", ...channel];
  const check = (key: "where" | "by", tag: string): void => {
    if (!known.includes(tag)) {
      const near = nearest(tag, known);
      const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
      complain(key, `${input.measurement} has no tag ${tag}; ${hint}`);
    } else if (input.on === "stored" && tag === "class") {
      complain(key, "class is in the topic, not in the store; use on: live");
    } else if (key === "by" && input.absent !== undefined && channel.includes(tag)) {
      complain(key, `channels of a device are not known before they send; put ${tag} in where`);
    }
  };
  for (const tag of Object.keys(input.where)) check("where", tag);
  for (const tag of input.by ?? []) check("by", tag);
}

function ruleOf(input: Form): Rule {
  const { about, source, runbook, severity, measurement, field = "", where } = input;
  const { quality, keep } = input;
  const channel = measurementEntry(measurement)?.channel;
  const absent = input.absent;
  const whole = absent !== undefined || channel === undefined;
  const by = input.by ?? (whole ? ["device"] : ["device", channel]);
  const told = { about, source, runbook, severity };
  const head = { ...told, measurement, where, by, quality, for: input.for, keep };
  if (absent !== undefined) return { ...head, kind: "absent", absent };
  const threshold = thresholdOf(input);
  if (input.on === "live") return { ...head, kind: "live", field, threshold };
  const { every = 30 * second, window = 300 * second, aggregate = "mean" } = input;
  return { ...head, kind: "stored", field, threshold, every, window, aggregate };
}

function thresholdOf({ above, below = 0, clear }: Form): Threshold {
  const limit = above ?? below;
  return { side: above === undefined ? "below" : "above", limit, clear: clear ?? limit };
}
