/** Rules as the engine runs them: checked, complete, plain data. Times are ms. */
import type { Aggregate } from "../store/index.ts";
import type { Influence } from "./life/rule-options.ts";

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** When a value is wrong, and when it is right again. */
export interface Threshold {
  readonly side: "above" | "below";
  readonly limit: number;
  /** At or inside it a firing alert clears; equal to the limit when there is no hysteresis. */
  readonly clear: number;
}

export interface Timing {
  /** How long broken before it fires. @unit ms */
  readonly for: number;
  /** How long not broken before it resolves. @unit ms */
  readonly keep: number;
}

/** How the newest values of a group's series become one. */
export const joins = ["worst", "sum", "mean", "min", "max"] as const;
export type Join = (typeof joins)[number];

/** What is made of the values in a window of the store. */
export type Measure =
  /** An aggregate of them. */
  | { readonly as: "value"; readonly aggregate: Aggregate }
  /** How fast they rise; falling is below 0. */
  | {
      readonly as: "rate";
      /** @unit ms */
      readonly per: number;
    }
  /** The largest less the smallest: 0 of a sensor that is stuck. */
  | { readonly as: "spread" }
  /** How often they changed. */
  | { readonly as: "changes" }
  /** How far their mean is from that of the same hour on past days. */
  | { readonly as: "deviation"; readonly days: number }
  /** Hours until they pass a limit. */
  | ({ readonly as: "forecast" } & Pick<Threshold, "side" | "limit">)
  /** How many rows are of bad quality, in percent. */
  | { readonly as: "bad" };

/** What every rule has. */
interface RuleHead extends Timing, Influence {
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

/** What rules on values have. */
interface Judging extends RuleHead {
  /** The fields that are looked at; a row without one of them is not judged. */
  readonly fields: readonly string[];
  /** In CEL, over `fields`; undefined: the one field itself. */
  readonly expr: string | undefined;
  readonly join: Join;
  readonly threshold: Threshold;
}

/** Judges points as they arrive. */
export interface LiveRule extends Judging {
  readonly kind: "live";
  /** How far behind the newest value of its group a series may be and still count. @unit ms */
  readonly fresh: number | undefined;
}

/** Judges what the store answers, on a schedule. */
export interface StoredRule extends Judging {
  readonly kind: "stored";
  readonly measure: Measure;
  /** @unit ms */
  readonly every: number;
  /** @unit ms */
  readonly window: number;
}

/** Judges the silence of known devices. */
export interface AbsentRule extends RuleHead {
  readonly kind: "absent";
  /** @unit ms */
  readonly absent: number;
}

export type Rule = LiveRule | StoredRule | AbsentRule;
