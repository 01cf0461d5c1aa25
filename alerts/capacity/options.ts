/** Options of the hub's own rows of capacity: whether, how often, of which time. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v } from "../../config/index.ts";
import { rolledEvery } from "./read-fields.ts";

export interface CapacityOptions {
  readonly write: boolean;
  /** @unit ms */
  readonly every: number;
  /** @unit ms */
  readonly since: number;
  /** @unit ms */
  readonly trend: number;
  readonly coverage: number;
}

const day = 86_400_000;
/** More windows than a store answers at once. @unit ms */
export const longestSpan = 300 * day;

const span = v.pipe(
  duration,
  v.minValue(rolledEvery, "must be at least 5m"),
  v.maxValue(longestSpan, "must be at most 300d"),
);

/** A share. */
export const coverage: Schema<number> = v.pipe(
  v.number("must be a number from 0 to 1"),
  v.minValue(0, "must be a number from 0 to 1"),
  v.maxValue(1, "must be a number from 0 to 1"),
);

export const capacityOptions: Schema<CapacityOptions> = v.strictObject({
  write: v.optional(
    option(v.boolean(), {
      about: "Whether the hub writes rows of `capacity` and `kpi`, where there is a topology.",
    }),
    true,
  ),
  every: v.optional(
    option(
      v.pipe(
        span,
        v.maxValue(day, "must be at most 1d"),
        v.check((ms) => ms % rolledEvery === 0, "must be a multiple of 5m"),
      ),
      { about: "How often; a multiple of 5m." },
    ),
    "5m",
  ),
  since: v.optional(option(span, { about: "What is used: now, p95 and peak of this time." }), "7d"),
  trend: v.optional(
    option(span, { about: "How far back days to full look; at least two weeks." }),
    "28d",
  ),
  coverage: v.optional(
    option(coverage, {
      about: "Least share of 5 min windows with a row; below it nothing is told.",
    }),
    0.5,
  ),
});
