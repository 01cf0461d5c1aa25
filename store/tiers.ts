/**
 * Which lines are roll-ups: they may rest elsewhere than what they are made of (a retention
 * policy, bucket or database of their own), because they are kept longer. The one rule for
 * writing and for reading: the measurement's name ends in the length of a window.
 */
import { rollupNames } from "../telemetry/index.ts";

/** `rack_power_5m` is made of `rack_power`. */
const rollup = new RegExp(`_(${rollupNames.join("|")})$`);

export function isRollup(measurement: string): boolean {
  return rollup.test(measurement);
}

/** Where lines rest; without `rollups` they rest with all others. */
export interface Places<T> {
  readonly points: T;
  readonly rollups: T | undefined;
}

/** The place of a measurement. */
export function placeOf<T>({ points, rollups }: Places<T>, measurement: string): T {
  return rollups !== undefined && isRollup(measurement) ? rollups : points;
}

/** Every place, once. */
export function allPlaces<T>({ points, rollups }: Places<T>): readonly T[] {
  return rollups === undefined || rollups === points ? [points] : [points, rollups];
}
