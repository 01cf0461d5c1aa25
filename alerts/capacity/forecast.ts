/**
 * When a load reaches its limit, from one value a day: the trend of Theil and Sen, with an
 * interval. A step (a rack filled at once) is no trend: only the days after it count.
 */
import type { Point, Trend } from "./theil-sen.ts";
import { median, theilSen } from "./theil-sen.ts";

export type Forecast =
  /** Too few days, in all or since the load stepped up or down. */
  | { readonly says: "too little data"; readonly days: number; readonly needed: number }
  /** The interval of the slope holds zero, or lies below it. */
  | { readonly says: "not rising"; readonly perDay: number }
  | { readonly says: "full" }
  | {
      readonly says: "rising";
      /** In the unit of the load, a day. */
      readonly perDay: number;
      /** From the last day on. */
      readonly days: number;
      readonly earliest: number;
      readonly latest: number;
    };

/** Two whole weeks, so that weekends weigh the same everywhere. */
export const leastDays = 14;

/** How much better a step must explain the days than a line does. */
const stepGain = 0.6;
/** Days on either side of a step, so that one wild day makes none. */
const leastSide = 4;

/** From one value a day, `x` in days, in order; `limit` in the unit of `y`. */
export function forecastOf(days: readonly Point[], limit: number): Forecast {
  const since = lastStep(days);
  const kept = days.slice(since);
  const few = { says: "too little data", days: kept.length, needed: leastDays } as const;
  if (kept.length < leastDays) return few;
  const trend = theilSen(kept);
  if (trend === undefined) return few;
  if (trend.level >= limit) return { says: "full" };
  if (trend.low <= 0) return { says: "not rising", perDay: trend.slope };
  const left = limit - trend.level;
  return {
    says: "rising",
    perDay: trend.slope,
    days: left / trend.slope,
    earliest: left / trend.high,
    latest: left / trend.low,
  };
}

/** Index of the first day after the last step; 0 where there is none. */
function lastStep(days: readonly Point[]): number {
  let from = 0;
  for (;;) {
    const next = stepIn(days.slice(from));
    if (next === 0) return from;
    from += next;
  }
}

/** Where two levels explain the days much better than a line does. */
function stepIn(days: readonly Point[]): number {
  const trend = theilSen(days);
  if (trend === undefined) return 0;
  const line = offLine(days, trend);
  let best = { at: 0, off: line * stepGain };
  for (let at = leastSide; at <= days.length - leastSide; at += 1) {
    const off = offLevel(days.slice(0, at)) + offLevel(days.slice(at));
    if (off < best.off) best = { at, off };
  }
  return best.at;
}

function offLine(days: readonly Point[], { slope, level }: Trend): number {
  const last = days.at(-1)?.x ?? 0;
  return days.reduce((sum, { x, y }) => sum + Math.abs(y - level - slope * (x - last)), 0);
}

function offLevel(days: readonly Point[]): number {
  const level = median(Float64Array.from(days, ({ y }) => y).toSorted());
  return days.reduce((sum, { y }) => sum + Math.abs(y - level), 0);
}
