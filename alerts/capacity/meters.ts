/**
 * What the meters of elements say over time, in watts, volt-amperes and amperes of phases. What a
 * meter does not give follows from voltage and power factor, and where these are missing from a
 * power factor of 1, which is told.
 */
import type { Element, Phase } from "../../config/index.ts";
import { phaseNames } from "../../config/index.ts";
import type { Samples } from "./samples.ts";
import { added, addSteps, combined } from "./samples.ts";
import type { Steps } from "./steps.ts";

/** One series of a meter, with what its rows say beside it. */
export interface SeriesSamples {
  readonly unit: "W" | "VA" | "A";
  readonly values: Samples;
  readonly apparent?: Samples | undefined;
  readonly powerFactor?: Samples | undefined;
  /** Line to neutral. */
  readonly voltage?: Samples | undefined;
}

/** A meter that stands for an element. */
export interface MeterSamples {
  /** Series that are added up. */
  readonly series: readonly SeriesSamples[];
  /** Measured currents, where the meter tells phases apart. */
  readonly phases: Readonly<Partial<Record<Phase, Samples>>>;
}

/** The load of an element over time; sums of windows that are not known are not known. */
export interface Load {
  readonly watts: Samples;
  readonly voltAmperes: Samples;
  readonly amperes: Readonly<Partial<Record<Phase, Samples>>>;
  /** What had to be assumed, in words. */
  readonly assumed: readonly string[];
}

/** Below this a power factor is noise of an idle meter. */
const leastFactor = 0.05;

/** Undefined where the meter has no series. */
export function loadOf(element: Element, { series, phases }: MeterSamples): Load | undefined {
  const assumed = new Set<string>();
  const all = series.map((one) => powersOf(element, one, assumed));
  const watts = added(all.map((one) => one.watts));
  const voltAmperes = added(all.map((one) => one.voltAmperes));
  if (watts === undefined || voltAmperes === undefined) return undefined;
  const measured = element.phases.every((phase) => phases[phase] !== undefined);
  if (!measured && element.phases.length > 1) {
    assumed.add(`${element.id}: its phases share the load evenly`);
  }
  const amperes = measured ? phases : balanced(element, voltAmperes);
  return { watts, voltAmperes, amperes, assumed: [...assumed] };
}

function powersOf(
  { id, voltage }: Element,
  { unit, values, apparent, powerFactor, voltage: measured }: SeriesSamples,
  assumed: Set<string>,
): { readonly watts: Samples; readonly voltAmperes: Samples } {
  const atOne = `${id}: power factor 1`;
  // Power that flows back is no load that takes from a rating.
  const given = values.map((value) => (value < 0 ? 0 : value));
  if (unit === "W") {
    if (apparent !== undefined) {
      return { watts: given, voltAmperes: combined(apparent, given, atLeast) };
    }
    if (powerFactor === undefined) assumed.add(atOne);
    const voltAmperes =
      powerFactor === undefined
        ? given
        : combined(given, powerFactor, (watts, factor) => watts / usable(factor));
    return { watts: given, voltAmperes };
  }
  if (unit === "A" && measured === undefined) assumed.add(`${id}: ${voltage} V`);
  const voltAmperes =
    unit === "VA"
      ? given
      : measured === undefined
        ? given.map((amperes) => amperes * voltage)
        : combined(given, measured, (amperes, volts) => amperes * (volts > 0 ? volts : voltage));
  if (powerFactor === undefined) assumed.add(atOne);
  const watts =
    powerFactor === undefined
      ? voltAmperes
      : combined(voltAmperes, powerFactor, (one, factor) => one * usable(factor));
  return { watts, voltAmperes };
}

/** Meters that are idle say 0, those that count the other way a negative one. */
function usable(factor: number): number {
  const size = Math.min(1, Math.abs(factor));
  return size >= leastFactor ? size : 1;
}

/** Volt-amperes are never less than watts, and where they are not known at least these. */
function atLeast(voltAmperes: number, watts: number): number {
  return voltAmperes > watts ? voltAmperes : watts;
}

/** Load that is shared evenly by the phases of an element. @unit A */
export function balanced(
  { phases, voltage }: Pick<Element, "phases" | "voltage">,
  voltAmperes: Samples,
): Readonly<Partial<Record<Phase, Samples>>> {
  // Between two phases there is √3 times the voltage of one.
  const volts = phases.length === 2 ? Math.sqrt(3) * voltage : phases.length * voltage;
  const amperes = voltAmperes.map((value) => value / volts);
  return Object.fromEntries(phases.map((phase) => [phase, amperes]));
}

/** What several elements take together, none of them behind another. */
export function* sumSteps(loads: readonly Load[]): Steps<Load | undefined> {
  const watts = yield* addSteps(loads.map((load) => load.watts));
  const voltAmperes = yield* addSteps(loads.map((load) => load.voltAmperes));
  if (watts === undefined || voltAmperes === undefined) return undefined;
  const amperes: Partial<Record<Phase, Samples>> = {};
  for (const phase of phaseNames) {
    const sum = yield* addSteps(loads.flatMap((load) => load.amperes[phase] ?? []));
    if (sum !== undefined) amperes[phase] = sum;
  }
  const assumed = [...new Set(loads.flatMap((load) => load.assumed))];
  return { watts, voltAmperes, amperes, assumed };
}
