/**
 * Which air may enter equipment, and how well a room keeps to it. ASHRAE TC 9.9, Thermal Guidelines
 * for Data Processing Environments, 5th edition (2021): 18 to 27 °C is recommended, what is allowed
 * depends on the class. Rack cooling indices: M. Herrlin, ASHRAE Transactions 111 (2005), part 2.
 * Unit: °C.
 */
import type { AirClass } from "../../config/index.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Envelope {
  readonly recommended: Range;
  readonly allowable: Range;
}

const recommended: Range = { low: 18, high: 27 };

export const envelopes: Readonly<Record<AirClass, Envelope>> = {
  A1: { recommended, allowable: { low: 15, high: 32 } },
  A2: { recommended, allowable: { low: 10, high: 35 } },
  A3: { recommended, allowable: { low: 5, high: 40 } },
  A4: { recommended, allowable: { low: 5, high: 45 } },
};

/** What many readings of intakes come to. Tallies of parts add up to that of the whole. */
export interface Tally {
  readonly count: number;
  /** Kelvins above recommended, each as a share of what is allowed there. */
  readonly over: number;
  readonly under: number;
  /** Readings outside. */
  readonly outRecommended: number;
  readonly outAllowable: number;
}

export const noTally: Tally = { count: 0, over: 0, under: 0, outRecommended: 0, outAllowable: 0 };

/** Readings that are not known (NaN) are left out. */
export function tallyOf(temperatures: Iterable<number>, envelope: Envelope): Tally {
  const { recommended: good, allowable } = envelope;
  let { count, over, under, outRecommended, outAllowable } = noTally;
  for (const value of temperatures) {
    if (Number.isNaN(value)) continue;
    count += 1;
    over += Math.max(0, value - good.high) / (allowable.high - good.high);
    under += Math.max(0, good.low - value) / (good.low - allowable.low);
    if (value > good.high || value < good.low) outRecommended += 1;
    if (value > allowable.high || value < allowable.low) outAllowable += 1;
  }
  return { count, over, under, outRecommended, outAllowable };
}

export function tallied(all: readonly Tally[]): Tally {
  return all.reduce(
    (sum, one) => ({
      count: sum.count + one.count,
      over: sum.over + one.over,
      under: sum.under + one.under,
      outRecommended: sum.outRecommended + one.outRecommended,
      outAllowable: sum.outAllowable + one.outAllowable,
    }),
    noTally,
  );
}

/** In %: 100 when no intake leaves what is recommended, 0 when all stand at what is allowed. */
export interface Indices {
  readonly hi: number;
  readonly lo: number;
}

/** Undefined of no reading. */
export function indicesOf({ count, over, under }: Tally): Indices | undefined {
  if (count === 0) return undefined;
  return { hi: 100 * (1 - over / count), lo: 100 * (1 - under / count) };
}
