/** Measured days for tests: made samples for the meters of a topology. */
import type { Measured, MeterSamples, SeriesSamples } from "../../../alerts/index.ts";
import type { Frame } from "../../../alerts/index.ts";

export const hour = 3_600_000;
export const day = 24 * hour;

/** A frame of whole days from 2026-01-05, a Monday. */
export function daysFrame(days: number, every = hour): Frame {
  const from = Date.UTC(2026, 0, 5);
  return { from, to: from + days * day, every };
}

/** Samples from what an instant says; NaN: no row. */
export function samplesOf(frame: Frame, at: (time: number) => number): Float64Array {
  const windows = Math.round((frame.to - frame.from) / frame.every);
  return Float64Array.from({ length: windows }, (_, index) => at(frame.from + index * frame.every));
}

export function wattMeter(values: Float64Array, more: Partial<SeriesSamples> = {}): MeterSamples {
  return { series: [{ unit: "W", values, ...more }], phases: {} };
}

/** Constant loads, by element. @unit W */
export function measuredOf(
  watts: Readonly<Record<string, number>>,
  frame: Frame = daysFrame(1),
): Measured {
  const meters = new Map(
    Object.entries(watts).map(([id, value]) => [id, wattMeter(samplesOf(frame, () => value))]),
  );
  return { frame, since: frame.to - frame.from, least: 0.5, meters };
}
