/**
 * What stored rules make of the past: which questions each measure asks the store about a window,
 * and the one value that comes of the answers. All of it pure. Of windows that are looked at piece
 * by piece at most `pieces` are asked for, so that a question costs the same however long they are.
 */
import type { Query, QueryRow } from "../store/index.ts";
import { assertNever } from "../telemetry/index.ts";
import { median, theilSen } from "./capacity/theil-sen.ts";
import type { Measure, StoredRule, Threshold } from "./rule.ts";

/** The part of a question that a measure decides. */
export type Ask = Pick<Query, "aggregate" | "from" | "to" | "every" | "worstQuality">;

/** The rows of one series, a list for each question; a list is empty where it had no answer. */
export type Answers = readonly (readonly QueryRow[])[];

/** What of a row is looked at; NaN where it has no such value. */
export type ValueOf = (row: QueryRow) => number;

const pieces = 60;
const hour = 3_600_000;
const day = 24 * hour;
/** A forecast further away is told as this. @unit h */
const farAway = 8760;
/** Past days that must have rows before anything is called unusual. */
const leastDays = 3;
/** Rows without which nothing is called stuck. */
const leastRows = 3;
/** The worst quality that rows can have. */
const anyQuality = 4;

/** The questions of a rule at a time, in the order in which `valueOfWindow` wants the answers. */
export function asksOf({ measure, window, quality }: StoredRule, time: number): readonly Ask[] {
  const span = { from: time - window, to: time, worstQuality: quality };
  const every = Math.max(1000, Math.ceil(window / pieces));
  switch (measure.as) {
    case "value":
      return [{ ...span, aggregate: measure.aggregate }];
    case "rate":
    case "forecast":
      return [{ ...span, aggregate: "mean", every }];
    case "changes":
      return [{ ...span, aggregate: "last", every }];
    case "spread":
      return [
        { ...span, aggregate: "min" },
        { ...span, aggregate: "max" },
      ];
    case "bad":
      return [
        { ...span, aggregate: "count" },
        { ...span, aggregate: "count", worstQuality: anyQuality },
      ];
    case "deviation":
      return Array.from({ length: measure.days + 1 }, (_, back) => {
        const to = time - back * day;
        return { ...span, from: to - window, to, aggregate: "mean" };
      });
    default:
      return assertNever(measure);
  }
}

/** What is judged of a window; NaN where too little is known. */
export function valueOfWindow(measure: Measure, answers: Answers, valueOf: ValueOf): number {
  const [first = [], second = []] = answers;
  switch (measure.as) {
    case "value":
      return lastOf(first, valueOf);
    case "rate": {
      const trend = theilSen(pointsOf(first, valueOf));
      return trend === undefined ? Number.NaN : trend.slope * measure.per;
    }
    case "forecast":
      return hoursUntil(measure, pointsOf(first, valueOf));
    case "changes":
      return changesIn(first.map(valueOf).filter(Number.isFinite));
    case "spread":
      return rowsIn(first) < leastRows
        ? Number.NaN
        : lastOf(second, valueOf) - lastOf(first, valueOf);
    case "bad": {
      const all = rowsIn(second);
      return all === 0 ? Number.NaN : (100 * (all - rowsIn(first))) / all;
    }
    case "deviation": {
      const past = answers.slice(1).map((rows) => lastOf(rows, valueOf));
      const known = past.filter(Number.isFinite);
      if (known.length < leastDays) return Number.NaN;
      return lastOf(first, valueOf) - median(Float64Array.from(known).toSorted());
    }
    default:
      return assertNever(measure);
  }
}

function lastOf(rows: readonly QueryRow[], valueOf: ValueOf): number {
  const row = rows.at(-1);
  return row === undefined ? Number.NaN : valueOf(row);
}

/** How many rows of the store stand behind an answer without pieces. */
function rowsIn(rows: readonly QueryRow[]): number {
  return Math.max(0, ...Object.values(rows[0]?.counts ?? {}));
}

type Points = readonly { readonly x: number; readonly y: number }[];

function pointsOf(rows: readonly QueryRow[], valueOf: ValueOf): Points {
  return rows
    .map((row) => ({ x: row.time, y: valueOf(row) }))
    .filter(({ y }) => Number.isFinite(y));
}

function changesIn(values: readonly number[]): number {
  return values.filter((value, i) => i > 0 && value !== values[i - 1]).length;
}

/**
 * Hours until the trend of Theil and Sen passes a limit, 0 where it has; `farAway` where it will
 * not: it goes the other way, or its interval holds that it stands still.
 */
function hoursUntil({ side, limit }: Pick<Threshold, "side" | "limit">, points: Points): number {
  const trend = theilSen(points);
  if (trend === undefined) return Number.NaN;
  const { level, slope, low, high } = trend;
  const rising = side === "above";
  if (rising ? level > limit : level < limit) return 0;
  const certain = rising ? low > 0 : high < 0;
  return certain ? Math.min(farAway, (limit - level) / slope / hour) : farAway;
}
