/**
 * Loads over time, one mean a window. A window without a row is NaN and stays it in every sum, so
 * that what is not known never looks like nothing.
 */
import type { Steps } from "./steps.ts";
import { atOnce } from "./steps.ts";
import type { Point } from "./theil-sen.ts";

/** One value a window, NaN where there is none. */
export type Samples = Float64Array;

/** Windows of equal length; they begin at multiples of it since 1970-01-01 UTC. */
export interface Frame {
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** @unit ms */
  readonly every: number;
}

/** What is told of a load. Undefined where too few windows have a row. */
export interface Stat {
  /** Mean of the last windows, no older than three of them. */
  readonly now: number | undefined;
  /** Exceeded in 5 of 100 windows. */
  readonly p95: number | undefined;
  readonly peak: number | undefined;
  /** Share of windows that have a row. */
  readonly coverage: number;
}

export const day = 86_400_000;

/** Windows that may be late before `now` is not known. */
const fresh = 3;

/** The frame that holds a span, rounded outwards to whole windows. */
export function frameOf(span: Frame): Frame {
  const { from, to, every } = span;
  return {
    from: Math.floor(from / every) * every,
    to: Math.ceil(to / every) * every,
    every,
  };
}

export function windowsIn({ from, to, every }: Frame): number {
  return Math.round((to - from) / every);
}

/** Window by window; NaN where one of them is, undefined of none. */
export function added(all: readonly Samples[]): Samples | undefined {
  return atOnce(addSteps(all));
}

/** How many are added in one step. */
const addedAtOnce = 50;

export function* addSteps(all: readonly Samples[]): Steps<Samples | undefined> {
  const [first, ...others] = all;
  if (first === undefined || others.length === 0) return first;
  // Loops, as a large site adds a hundred million numbers.
  const sum = first.slice();
  for (const [index, other] of others.entries()) {
    if (index % addedAtOnce === addedAtOnce - 1) yield;
    for (let at = 0; at < sum.length; at += 1) {
      sum[at] = (sum[at] ?? Number.NaN) + (other[at] ?? Number.NaN);
    }
  }
  return sum;
}

export function combined(
  one: Samples,
  other: Samples,
  how: (one: number, other: number) => number,
): Samples {
  return one.map((value, at) => how(value, other[at] ?? Number.NaN));
}

/** Linear between the two nearest; NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Those that are known, the smallest first. */
function sortedOf(samples: Samples): Samples {
  const known = new Float64Array(samples.length);
  let count = 0;
  for (let at = 0; at < samples.length; at += 1) {
    const value = samples[at] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    known[count] = value;
    count += 1;
  }
  return known.subarray(0, count).toSorted();
}

/** The last value, no older than three windows. */
export function newestOf(samples: Samples): number | undefined {
  return samples.subarray(-fresh).findLast(Number.isFinite);
}

/** Of the last `windows`; values count only when at least the share `least` of them has a row. */
export function statOf(samples: Samples | undefined, windows: number, least: number): Stat {
  const last = samples?.subarray(-windows) ?? new Float64Array();
  const sorted = sortedOf(last);
  const coverage = windows === 0 ? 0 : sorted.length / windows;
  const enough = sorted.length > 0 && coverage >= least;
  return {
    now: newestOf(last),
    p95: enough ? quantile(sorted, 0.95) : undefined,
    peak: enough ? sorted.at(-1) : undefined,
    coverage,
  };
}

/** The 95th percentile of each whole UTC day of which at least the share `least` is known. */
export function dailyOf(samples: Samples, frame: Frame, least: number): readonly Point[] {
  const { from, to, every } = frame;
  const found: Point[] = [];
  for (let x = Math.ceil(from / day); (x + 1) * day <= to; x += 1) {
    const begin = Math.round((x * day - from) / every);
    const end = Math.round(((x + 1) * day - from) / every);
    const sorted = sortedOf(samples.subarray(begin, end));
    if (sorted.length === 0 || sorted.length < least * (end - begin)) continue;
    found.push({ x, y: quantile(sorted, 0.95) });
  }
  return found;
}
