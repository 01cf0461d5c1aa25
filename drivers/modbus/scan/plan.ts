/**
 * In which order a search asks: pure. First a sample of every setting, because a bus mostly has
 * one; the setting where somebody answers is finished at once, the others stay samples unless
 * all is asked for, or too few were found.
 */
import type { LineSetting } from "./settings.ts";
import { settingName } from "./settings.ts";

/** Addresses that makers ship and installers begin with. */
const sampled = [1, 2, 3, 4, 5, 10, 11, 20, 30, 32, 50, 100, 126, 127, 200, 247];

/** With fewer addresses a sample saves nothing. */
const sampleFrom = 3 * sampled.length;

export interface PlanParts {
  readonly settings: readonly LineSetting[];
  readonly units: readonly number[];
  /** Every address at every setting. */
  readonly all: boolean;
  /** How many devices there are, when it is known. */
  readonly expect: number | undefined;
}

/** What is known so far. */
export interface Known {
  /** Addresses done, by the setting's name. */
  readonly done: ReadonlyMap<string, ReadonlySet<number>>;
  /** Devices found, by the setting's name. */
  readonly found: ReadonlyMap<string, number>;
}

/** Addresses to ask at one setting. */
export interface Leg {
  readonly setting: LineSetting;
  readonly units: readonly number[];
}

/** What to do next, or undefined when the search is over. */
export function nextLeg(parts: PlanParts, known: Known): Leg | undefined {
  if (enough(parts, known)) return undefined;
  const { settings } = parts;
  const begun = settings.find(
    (setting) => foundAt(known, setting) > 0 && left(parts, known, setting).length > 0,
  );
  if (begun !== undefined) return { setting: begun, units: left(parts, known, begun) };
  for (const setting of settings) {
    const units = samples(parts).filter((unit) => !isDone(known, setting, unit));
    if (units.length > 0) return { setting, units };
  }
  if (sampledOnly(parts, known)) return undefined;
  const open = settings.find((setting) => left(parts, known, setting).length > 0);
  return open && { setting: open, units: left(parts, known, open) };
}

/** Requests that are still to come, as far as can be told now. */
export function remaining(parts: PlanParts, known: Known): number {
  const only = sampledOnly(parts, known);
  const counts = parts.settings.map((setting) => {
    const whole = !only || foundAt(known, setting) > 0;
    const units = whole ? parts.units : samples(parts);
    return units.filter((unit) => !isDone(known, setting, unit)).length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Settings of which only a sample was asked. */
export function sampledSettings(parts: PlanParts, known: Known): LineSetting[] {
  return parts.settings.filter((setting) => left(parts, known, setting).length > 0);
}

function enough({ expect }: PlanParts, { found }: Known): boolean {
  return expect !== undefined && total(found) >= expect;
}

/** Whether samples do for settings at which nobody answered. */
function sampledOnly({ all, expect }: PlanParts, { found }: Known): boolean {
  return !all && expect === undefined && total(found) > 0;
}

function samples({ units, settings }: PlanParts): readonly number[] {
  if (settings.length === 1 || units.length < sampleFrom) return units;
  return units.filter((unit) => sampled.includes(unit));
}

function left({ units }: PlanParts, known: Known, setting: LineSetting): number[] {
  return units.filter((unit) => !isDone(known, setting, unit));
}

function isDone({ done }: Known, setting: LineSetting, unit: number): boolean {
  return done.get(settingName(setting))?.has(unit) ?? false;
}

function foundAt({ found }: Known, setting: LineSetting): number {
  return found.get(settingName(setting)) ?? 0;
}

function total(found: ReadonlyMap<string, number>): number {
  return [...found.values()].reduce((sum, count) => sum + count, 0);
}
