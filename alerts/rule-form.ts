/** The form of a rule in a file: what each key takes. What keys mean together: `options.ts`. */
import type { Schema } from "../config/index.ts";
import { duration, option, text, v, whole } from "../config/index.ts";
import { aggregates } from "../store/index.ts";
import { influenceEntries } from "./life/rule-options.ts";
import { joins, severities } from "./rule.ts";

const second = 1000;
const day = 86_400_000;
/** What past days may be looked at, and the longest window. */
const mostDays = 31;

/** Ways to look at a window; see `Measure`. */
export const measures = [
  "value",
  "rate",
  "spread",
  "changes",
  "deviation",
  "forecast",
  "bad",
] as const;

export const ruleForm = v.strictObject({
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
  on: option(v.optional(v.picklist(["live", "stored"])), {
    about:
      "Judge points as they arrive (live), or ask the store on a schedule (stored). Default: " +
      "stored where `as` looks at a window, else live.",
    example: "live",
  }),
  measurement: option(text, { about: "A measurement of the register.", example: "thermal" }),
  field: option(v.optional(text), { about: "The field to judge.", example: "temp_c" }),
  expr: option(v.optional(text), {
    about:
      "Instead of a field: CEL over the fields of a row. A number is held against above or " +
      "below; what is true or false is wrong when true.",
    example: "active_power_w / apparent_power_va",
  }),
  as: option(v.optional(v.picklist(measures), "value"), {
    about:
      "What is judged of the window in the store: its aggregate (value), how fast it rises " +
      "(rate), largest less smallest (spread), how often it changed (changes), its distance " +
      "from the same hour on past days (deviation), hours until it passes a limit (forecast), " +
      "rows of bad quality in percent (bad).",
    example: "rate",
  }),
  where: option(v.optional(v.record(v.string(), text), {}), {
    about: "Only rows whose tags have these values: place, class, device or the channel.",
  }),
  by: option(v.optional(v.pipe(v.array(text), v.minLength(1, "name at least one tag"))), {
    about: "One alert for each combination of these tags. Default: device and the channel.",
  }),
  join: option(v.optional(v.picklist(joins), "worst"), {
    about:
      "How the newest values of a group's series become one: the worst of them, or their sum, " +
      "mean, min or max; field by field before `expr`, so that a ratio is one of sums.",
    example: "sum",
  }),
  fresh: option(v.optional(atLeast(second)), {
    about:
      "Live groups of several series: how far behind the newest value a series may be and still " +
      "count. Default 15m; of the worst, any.",
    example: "15m",
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
  within: option(v.optional(atLeast(second)), {
    about: "as: forecast: wrong when the value will pass above or below in less than this.",
    example: "4h",
  }),
  per: option(v.optional(atLeast(second)), {
    about: "as: rate: the time that the rise is counted for. Default 1h.",
    example: "1h",
  }),
  days: option(v.optional(whole(3, mostDays)), {
    about: "as: deviation: how many past days are looked at. Default 7; three must have rows.",
    example: 7,
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
    about: "Stored rules: how often the store is asked, 1s to 1d. Default 30s; 5m of past days.",
    example: "30s",
  }),
  window: option(
    v.optional(v.pipe(atLeast(second), v.maxValue(mostDays * day, "must be at most 31d"))),
    {
      about:
        "Stored rules: the time before now that is asked for. Default 5m; rate and bad 15m, " +
        "changes 10m, spread and deviation 1h, forecast 6h.",
      example: "5m",
    },
  ),
  aggregate: option(v.optional(v.picklist(aggregates)), {
    about: "Stored rules, as: value: what is judged of the window. Default mean.",
    example: "mean",
  }),
  quality: option(v.optional(whole(0, 4), 1), {
    about: "Worst quality of a row that counts: 0 good, 1 substituted, 2 uncertain, 3 stale.",
    example: 1,
  }),
  ...influenceEntries,
});

export type RuleForm = v.InferOutput<typeof ruleForm>;

function limit(): Schema<number> {
  return v.pipe(v.number("must be a number"), v.finite("must be a finite number"));
}

function atLeast(ms: number): Schema<number> {
  return v.pipe(duration, v.minValue(ms, `must be at least ${ms / second}s`));
}
