/**
 * The second fact: do a profile's values make sense on this device? A few values that everybody
 * knows the size of, read by the profile and held against what they can be.
 */
import { decodeField } from "../field.ts";
import type { Span } from "../pdu.ts";
import { placeOf } from "../pdu.ts";
import type { ModbusProfile, PlacedField } from "../profile.ts";
import { rowsOf } from "../profile.ts";
import { isSunSpec } from "../sunspec/resolve.ts";

/** Where a value lies on any device that works; wider than what is healthy. */
const usual: Readonly<Record<string, readonly [low: number, high: number]>> = {
  frequency_hz: [45, 65],
  input_hz: [45, 65],
  output_hz: [45, 65],
  voltage_v: [80, 500],
  input_voltage_v: [80, 500],
  output_voltage_v: [80, 500],
  temp_c: [-50, 120],
  rh_pct: [0, 100],
  supply_air_c: [0, 60],
  return_air_c: [0, 60],
  battery_charge_pct: [0, 100],
};

/** Values looked at of one profile. */
const mostLooks = 3;

/** One value worth looking at. */
export interface Look {
  readonly field: PlacedField;
  readonly span: Span;
  readonly range: readonly [low: number, high: number];
}

/**
 * The values of a profile to look at, at most three, each of another kind. None of a SunSpec
 * device: where its values stand shows only when its chain of models is walked.
 */
export function looksOf(profile: ModbusProfile): Look[] {
  const looks = new Map<string, Look>();
  if (isSunSpec(profile)) return [];
  for (const field of rowsOf(profile).flatMap((row) => row.fields)) {
    const range = usual[field.name];
    // A scale factor would be another request, and a wrong one would make anything of it.
    if (range === undefined || looks.has(field.name) || field.exponent !== undefined) continue;
    looks.set(field.name, { field, span: field.span, range });
  }
  return [...looks.values()].slice(0, mostLooks);
}

export interface Seen {
  readonly fact: string;
  readonly plausible: boolean;
}

/**
 * `frequency_hz 49.98 at input 0x0046`, and whether that can be; undefined when the value says
 * nothing: none, or 0 on a meter that is not connected yet.
 */
export function looked({ field, span, range }: Look, words: Uint16Array): Seen | undefined {
  let value: unknown;
  try {
    value = decodeField(field.form, words);
  } catch {
    return { fact: `${field.name} makes no sense at ${placeOf(span)}`, plausible: false };
  }
  if (typeof value !== "number" || value === 0) return undefined;
  const [low, high] = range;
  const shown = Number(value.toPrecision(5));
  return {
    fact: `${field.name} ${shown} at ${placeOf(span)}`,
    plausible: value >= low && value <= high,
  };
}
