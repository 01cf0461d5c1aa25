/** What turns the values of a rule's fields into the one that is held against its threshold. */
import type { Judging } from "./evaluate.ts";
import { expressionOf } from "./expression.ts";
import type { Rule } from "./rule.ts";

/** A rule as `observe` wants it; the value of a silence is its length in s. */
export function judgingOf(rule: Rule): Judging {
  const timing = { for: rule.for, keep: rule.keep };
  if (rule.kind === "absent") {
    const limit = rule.absent / 1000;
    const threshold = { side: "above", limit, clear: limit } as const;
    return { ...timing, threshold, join: "worst", fresh: undefined, valueOf: onlyValue };
  }
  const { threshold, join, expr, measurement } = rule;
  const fresh = rule.kind === "live" ? rule.fresh : undefined;
  return { ...timing, threshold, join, fresh, valueOf: valueOf(expr, measurement) };
}

function valueOf(expr: string | undefined, measurement: string): Judging["valueOf"] {
  if (expr === undefined) return onlyValue;
  const read = expressionOf(expr, measurement);
  return "ok" in read ? read.ok.valueOf : () => Number.NaN;
}

function onlyValue([value = Number.NaN]: readonly number[]): number {
  return value;
}
