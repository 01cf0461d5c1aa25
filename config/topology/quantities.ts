/**
 * Ratings as they stand on nameplates and drawings: a number with its unit, `7.4kW`, `200kVA`,
 * `32A`, `230V`. Always above zero.
 */
import type { Schema } from "../options.ts";
import { v } from "../options.ts";

/** Largest rating that is not a slip of the pen. @unit W, VA, A or V */
const largest = 1e10;

function rating(units: Readonly<Record<string, number>>, what: string): Schema<number> {
  const names = Object.keys(units);
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${names.join("|")})$`);
  return v.pipe(
    v.string(`write a ${what} with its unit (${names.join(", ")})`),
    v.regex(pattern, (issue) => `"${issue.input}" is not a ${what}; units: ${names.join(", ")}`),
    v.transform((text) => {
      const [, number = "", unit = ""] = pattern.exec(text) ?? [];
      // Twelve digits, so that 1.1kW is not 1100.0000000000002 W.
      return Number((Number(number) * (units[unit] ?? Number.NaN)).toPrecision(12));
    }),
    v.check((value) => value > 0, "must be more than zero"),
    v.maxValue(largest, `is too large for a ${what}`),
  );
}

/** `800W`, `7.4kW`, `1.2MW`. @unit W */
export const watts: Schema<number> = rating({ W: 1, kW: 1e3, MW: 1e6 }, "power");

/** `800VA`, `200kVA`, `1.5MVA`. @unit VA */
export const voltAmperes: Schema<number> = rating({ VA: 1, kVA: 1e3, MVA: 1e6 }, "apparent power");

/** `500mA`, `16A`, `4kA`. @unit A */
export const amperes: Schema<number> = rating({ mA: 1e-3, A: 1, kA: 1e3 }, "current");

/** `120V`, `230V`, `11kV`. @unit V */
export const volts: Schema<number> = rating({ V: 1, kV: 1e3 }, "voltage");

const prefixes = [
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** `7.4 kW`, `32 A`, `1.25 MVA`: three digits are what a rating is worth. */
export function shownRating(value: number, unit: "W" | "VA" | "A" | "V"): string {
  const large = prefixes.find(([factor]) => unit !== "A" && Math.abs(value) >= factor);
  const [factor, prefix] = large ?? [1, ""];
  const scaled = value / factor;
  const digits = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${Number(scaled.toFixed(digits))} ${prefix}${unit}`;
}
