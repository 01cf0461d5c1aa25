/** PUE, partial PUE and WUE, with what makes them comparable: category, period, coverage. */
import type { EnergyFigures, Pue, PueCategory, Wue } from "../alerts/index.ts";
import { shownAge } from "./values.ts";

const places: Readonly<Record<PueCategory, string>> = {
  1: "IT at the UPS",
  2: "IT at the PDUs",
  3: "IT at the equipment",
};

/** Twelve months, below which a figure is interim. @unit ms */
const year = 365 * 86_400_000;

/** `Interim PUE 1.43 (category 2, IT at the PDUs; 7 d, 99 % of the time asked for).` */
export function energyText({ pue, partial, wue }: EnergyFigures): string {
  const known = partial.filter((one) => one.pue.ratio !== undefined);
  const parts = known.map((one) => {
    return pueText(one.pue, `pPUE of ${one.kind === "feed" ? "feed " : ""}${one.name}`);
  });
  return [pueText(pue, "PUE"), ...parts, ...(wue === undefined ? [] : [wueText(wue)])].join("\n");
}

function pueText(pue: Pue, name: string): string {
  if (pue.ratio === undefined) return `${name} ?: ${pue.why}.`;
  const { ratio, category } = pue;
  const how = `category ${category}, ${places[category]}`;
  return `${periodText(pue)}${name} ${ratio.toFixed(2)} (${how}; ${timeText(pue)}).`;
}

function wueText(wue: Wue): string {
  if (wue.ratio === undefined) return `WUE ?: ${wue.why}.`;
  return `${periodText(wue)}WUE ${wue.ratio.toFixed(2)} l/kWh (${timeText(wue)}).`;
}

interface Spanned {
  readonly from: number;
  readonly to: number;
  readonly coverage: number;
}

function periodText({ from, to }: Spanned): string {
  return to - from < year ? "Interim " : "";
}

function timeText({ from, to, coverage }: Spanned): string {
  return `${shownAge(to - from)}, ${Math.floor(100 * coverage)} % of the time asked for`;
}

export function energyJson({ pue, partial, wue }: EnergyFigures): object {
  const parts = partial.map(({ kind, name, pue: own }) => ({ kind, name, ...ratioJson(own) }));
  return { pue: ratioJson(pue), partialPue: parts, wue: wue === undefined ? null : ratioJson(wue) };
}

function ratioJson(of: Pue | Wue): object {
  if (of.ratio === undefined) return { ratio: null, why: of.why };
  return { ...of, from: new Date(of.from), to: new Date(of.to) };
}
