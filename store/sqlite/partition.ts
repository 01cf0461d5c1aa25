/**
 * Partitions: what is dropped as a whole. Rows as they came rest in days, roll-ups (measurements
 * called `…_1m`, `…_5m`, `…_1h`) in months, so that they may be kept for years.
 */
import { isRollup } from "../tiers.ts";

export const dayMs = 86_400_000;

export type Tier = "raw" | "rolled";

export interface Partition {
  /** `raw_20260615`, `rolled_202606`; of its tables, too. */
  readonly name: string;
  readonly tier: Tier;
  /** @unit ms since 1970-01-01 UTC */
  readonly start: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly end: number;
}

export function tierOf(measurement: string): Tier {
  return isRollup(measurement) ? "rolled" : "raw";
}

const known = new Map<string, Partition>();
/** Far above what a file may hold; past it all are made anew. */
const maxKnown = 10_000;
/** The last one of each tier, since most rows are of it. */
const latest: Record<Tier, Partition | undefined> = { raw: undefined, rolled: undefined };

/** The partition of a time; always the same object for the same partition. */
export function partitionAt(tier: Tier, time: number): Partition {
  const last = latest[tier];
  if (last !== undefined && time >= last.start && time < last.end) return last;
  const date = new Date(time).toISOString();
  const digits = tier === "raw" ? date.slice(0, 10) : date.slice(0, 7);
  const found = partitionNamed(`${tier}_${digits.replaceAll("-", "")}`);
  if (found === undefined) throw new RangeError(`no partition has the time ${time}`);
  latest[tier] = found;
  return found;
}

/** The partition of a name; undefined when it is none. */
export function partitionNamed(name: string): Partition | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  const [, tier, year, month, day] = /^(raw|rolled)_(\d{4})(\d\d)(\d\d)?$/.exec(name) ?? [];
  if (tier !== "raw" && tier !== "rolled") return undefined;
  if ((tier === "raw") !== (day !== undefined)) return undefined;
  const [y, m] = [Number(year), Number(month) - 1];
  const start = Date.UTC(y, m, Number(day ?? 1));
  const end = tier === "raw" ? start + dayMs : Date.UTC(y, m + 1, 1);
  const made: Partition = { name, tier, start, end };
  if (known.size >= maxKnown) known.clear();
  known.set(name, made);
  return made;
}
