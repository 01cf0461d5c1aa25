/** What a particle sensor measured, and the point and traces made of it. */
import type { Point } from "../../telemetry/index.ts";
import { withRangeQuality } from "../../telemetry/index.ts";
import type { Place, Trace } from "../contract.ts";

export const particleFields = ["pm1_ugm3", "pm25_ugm3", "pm4_ugm3", "pm10_ugm3"] as const;
export type ParticleField = (typeof particleFields)[number];

/** One value and where in its frame it stood. */
export interface FrameValue {
  /** Offset in the frame. */
  readonly at: number;
  readonly raw: Uint8Array;
  readonly value: number;
}

export type Values = Readonly<Partial<Record<ParticleField, FrameValue>>>;

const measurement = "environment";

/** @param channel value of the `sensor` tag */
export function pointOf(values: Values, channel: string): Point {
  const fields: Record<string, number> = {};
  for (const field of particleFields) {
    const found = values[field];
    if (found !== undefined) fields[field] = found.value;
  }
  return { measurement, tags: { sensor: channel }, fields: withRangeQuality(measurement, fields) };
}

export function tracesOf(values: Values, channel: string): Trace[] {
  return particleFields.flatMap((field) => {
    const found = values[field];
    if (found === undefined) return [];
    const raw = Buffer.from(found.raw).toString("hex");
    return [{ ...placeOf(field, found.at, channel), raw }];
  });
}

export function placeOf(field: ParticleField, at: number, channel: string): Place {
  return { measurement, channel, field, at: `byte ${at}` };
}
