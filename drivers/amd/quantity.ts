/**
 * Numbers as AMD's tools write them in JSON: bare, as a text, with the unit inside (`"36 W"`,
 * `{"value": 36, "unit": "W"}`) or in the name of the key (`Voltage (mV)`), by version.
 */
import { isRecord } from "../../telemetry/index.ts";
import { mebibyte, numberIn, scaled } from "../cards.ts";

/** What a field is measured in: the unit of the register. */
export type Base = "W" | "J" | "C" | "%" | "Hz" | "V" | "B" | "1";

/** Unit as printed → base, and how much of it. The tools' kB and MB are KiB and MiB. */
const units: ReadonlyMap<string, readonly [Base, number]> = new Map([
  ["w", ["W", 1]],
  ["mw", ["W", 1e-3]],
  ["j", ["J", 1]],
  ["uj", ["J", 1e-6]],
  ["c", ["C", 1]],
  ["°c", ["C", 1]],
  ["%", ["%", 1]],
  ["vram%", ["%", 1]],
  ["hz", ["Hz", 1]],
  ["mhz", ["Hz", 1e6]],
  ["ghz", ["Hz", 1e9]],
  ["v", ["V", 1]],
  ["mv", ["V", 1e-3]],
  ["b", ["B", 1]],
  ["kb", ["B", 1024]],
  ["mb", ["B", mebibyte]],
  ["gb", ["B", 1024 * mebibyte]],
]);

/** A value that is there: `problem` tells why it could not be read. */
export type Quantity =
  | { readonly value: number; readonly raw: string }
  | { readonly problem: string; readonly raw: string };

/**
 * Reads a value in its base unit; undefined when there is none (`N/A`, `null`, not there).
 * @param usual the unit where none is printed
 */
export function quantity(found: unknown, base: Base, usual: string): Quantity | undefined {
  const inner = isRecord(found) && "value" in found ? found["value"] : found;
  const unit = isRecord(found) && typeof found["unit"] === "string" ? found["unit"] : "";
  if (typeof inner !== "number" && typeof inner !== "string") return undefined;
  const raw = `${inner} ${unit}`.trim().slice(0, 60);
  const text = String(inner).trim();
  if (text === "" || /^(n\/a|none|unsupported|not supported|unknown)$/i.test(text))
    return undefined;
  const [, digits = "", printed = ""] =
    /^\(?([-+.\d]{1,25}) ?([A-Za-z%°]{0,5})\)?$/.exec(text) ?? [];
  const number = typeof inner === "number" ? inner : numberIn(digits);
  if (number === undefined || !Number.isFinite(number)) return { problem: "is no number", raw };
  const name = (unit || printed || usual).toLowerCase();
  if (base === "1") return name === "" ? { value: number, raw } : { problem: "has a unit", raw };
  const [is, scale] = units.get(name) ?? [];
  if (is !== base || scale === undefined) return { problem: `is not in ${base}`, raw };
  return { value: scaled(number, scale), raw };
}
