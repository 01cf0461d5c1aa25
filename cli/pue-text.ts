/** Power usage effectiveness, with what makes it comparable: category, period, coverage. */
import type { Pue, PueCategory } from "../alerts/index.ts";
import { shownAge } from "./values.ts";

const places: Readonly<Record<PueCategory, string>> = {
  1: "IT at the UPS",
  2: "IT at the PDUs",
  3: "IT at the equipment",
};

/** Twelve months, below which it is an interim PUE. @unit ms */
const year = 365 * 86_400_000;

/** `Interim PUE 1.43 (category 2, IT at the PDUs; 7 d, 99 % of the time asked for).` */
export function pueText(pue: Pue): string {
  if (pue.ratio === undefined) return `PUE ?: ${pue.why}.`;
  const { ratio, category, from, to, coverage } = pue;
  const name = to - from < year ? "Interim PUE" : "PUE";
  const time = `${shownAge(to - from)}, ${Math.floor(100 * coverage)} % of the time asked for`;
  return `${name} ${ratio.toFixed(2)} (category ${category}, ${places[category]}; ${time}).`;
}

export function pueJson(pue: Pue): unknown {
  if (pue.ratio === undefined) return { ratio: null, why: pue.why };
  return { ...pue, from: new Date(pue.from), to: new Date(pue.to) };
}
