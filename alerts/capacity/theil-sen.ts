/**
 * The slope of Theil and Sen: the median of the slopes between all pairs, which a third of wild
 * values does not move, with the interval that Sen gave for it (J. Am. Stat. Assoc. 63, 1968).
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line through points, in the units of y by those of x. */
export interface Trend {
  readonly slope: number;
  /** Between `low` and `high` the slope lies in 95 of 100 cases. */
  readonly low: number;
  readonly high: number;
  /** The line at the last point. */
  readonly level: number;
}

/** Most points: all pairs are looked at. */
export const mostPoints = 1000;

/** Of the normal distribution, for 95 %. */
const z = 1.96;

/** Undefined of less than three points with different x; of many the last `mostPoints`. */
export function theilSen(all: readonly Point[]): Trend | undefined {
  const points = all.slice(-mostPoints);
  const slopes: number[] = [];
  for (const [at, one] of points.entries()) {
    for (let next = at + 1; next < points.length; next += 1) {
      const other = points[next];
      if (other === undefined || other.x === one.x) continue;
      slopes.push((other.y - one.y) / (other.x - one.x));
    }
  }
  const last = points.at(-1);
  const n = points.length;
  if (last === undefined || n < 3 || slopes.length < 3) return undefined;
  const sorted = Float64Array.from(slopes).toSorted();
  const slope = median(sorted);
  const intercepts = Float64Array.from(points, ({ x, y }) => y - slope * x).toSorted();
  const spread = z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const from = Math.floor((sorted.length - spread) / 2) - 1;
  const to = Math.ceil((sorted.length + spread) / 2);
  return {
    slope,
    low: sorted[Math.max(0, from)] ?? slope,
    high: sorted[Math.min(sorted.length - 1, to)] ?? slope,
    level: median(intercepts) + slope * last.x,
  };
}

/** Of sorted values; NaN of none. */
export function median(sorted: ArrayLike<number>): number {
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
