/** What each element takes, each watt once: by the series that the topology says stand for it. */
import type { Basis, Flow, Phase, Topology } from "../../config/index.ts";
import { measuredPower, phaseNames } from "../../config/index.ts";
import type { Load, MeterSamples } from "./meters.ts";
import { balanced, loadOf, sumSteps } from "./meters.ts";
import type { Frame, Samples, Stat } from "./samples.ts";
import { addSteps, dailyOf, statOf, windowsIn } from "./samples.ts";
import type { Steps } from "./steps.ts";
import type { Point } from "./theil-sen.ts";

/** What was measured. */
export interface Measured {
  readonly frame: Frame;
  /** How far back `now`, p95, peak and coverage reach. @unit ms */
  readonly since: number;
  /** Least share of windows with a row, below which nothing is told. */
  readonly least: number;
  /** The way of metering that speaks, by element. */
  readonly meters: ReadonlyMap<string, MeterSamples>;
  /** Where they were worked out before; else they are made of the frame. */
  readonly days?: Days;
}

export interface Usage {
  /** By its own meter, by what alone feeds it, by its parts; undefined: by nothing. */
  readonly basis: Basis | undefined;
  readonly by: readonly string[];
  /** What nobody measures, or whose meter has said nothing: no sum is told. */
  readonly missing: readonly string[];
  readonly assumed: readonly string[];
  readonly watts: Stat;
  readonly voltAmperes: Stat;
  readonly amperes: Readonly<Partial<Record<Phase, Stat>>>;
  /** Over the whole frame; undefined where something is missing. */
  readonly samples: Samples | undefined;
}

/** The 95th percentile, as a flow through the element; undefined where it is not known. */
export function usualFlow({ watts, voltAmperes, amperes }: Usage): Flow | undefined {
  return flowBy((stat) => stat.p95, { watts, voltAmperes, amperes });
}

function flowBy(
  pick: (stat: Stat) => number | undefined,
  { watts, voltAmperes, amperes }: Pick<Usage, "watts" | "voltAmperes" | "amperes">,
): Flow | undefined {
  const [real, apparent] = [pick(watts), pick(voltAmperes)];
  if (real === undefined || apparent === undefined) return undefined;
  const currents: Partial<Record<Phase, number>> = {};
  for (const phase of phaseNames) {
    const stat = amperes[phase];
    const value = stat === undefined ? undefined : pick(stat);
    if (value !== undefined) currents[phase] = value;
  }
  return { watts: real, voltAmperes: apparent, amperes: currents };
}

/** The usage of every element, one a step. */
export function* usageSteps(
  topology: Topology,
  measured: Measured,
): Steps<ReadonlyMap<string, Usage>> {
  const loads = yield* loadSteps(topology, measured);
  const usages = new Map<string, Usage>();
  for (const id of topology.elements.keys()) {
    usages.set(id, yield* oneUsage(topology, id, { measured, loads }));
    yield;
  }
  return usages;
}

type Loads = ReadonlyMap<string, Load>;

function* loadSteps(topology: Topology, { meters }: Measured): Steps<Loads> {
  const loads = new Map<string, Load>();
  for (const [id, meter] of meters) {
    const load = loadOf(topology.element(id), meter);
    if (load !== undefined) loads.set(id, load);
    yield;
  }
  return loads;
}

/** The busy hour of each whole day, by element; of those that are measured. */
export type Days = ReadonlyMap<string, readonly Point[]>;

/** What each element took at the 95th percentile of each whole day in the frame. */
export function* daySteps(topology: Topology, measured: Measured): Steps<Days> {
  const loads = yield* loadSteps(topology, measured);
  const days = new Map<string, readonly Point[]>();
  for (const id of topology.elements.keys()) {
    const { all, short } = sharesOf(topology, id, loads);
    const series = all.map(({ watts }) => watts);
    const watts = short.length > 0 ? undefined : yield* addSteps(series);
    if (watts !== undefined) days.set(id, dailyOf(watts, measured.frame, measured.least));
    yield;
  }
  return days;
}

/** The loads whose sum an element is, and who is missing in it. */
function sharesOf(topology: Topology, id: string, loads: Loads) {
  const { basis, by, missing } = measuredPower(topology, id);
  const silent = by.filter((name) => !loads.has(name));
  const all = by.flatMap((name) => loads.get(name) ?? []);
  return { basis, by, all, short: [...new Set([...missing, ...silent])] };
}

function* oneUsage(
  topology: Topology,
  id: string,
  { measured, loads }: { readonly measured: Measured; readonly loads: Loads },
): Steps<Usage> {
  const { basis, by, all, short } = sharesOf(topology, id, loads);
  const sum = short.length > 0 ? undefined : yield* sumSteps(all);
  const windows = windowsOf(measured);
  const known = new Map<Samples | undefined, Stat>();
  // Phases that share a load have one series, and so have watts at power factor 1.
  const stat = (samples: Samples | undefined): Stat => {
    const found = known.get(samples) ?? statOf(samples, windows, measured.least);
    known.set(samples, found);
    return found;
  };
  const element = topology.element(id);
  // Meters on the other side of a ups tell nothing of the phases on this one.
  const own = by.length === 1 && by[0] === id;
  const phases =
    sum === undefined || topology.isPlace(id)
      ? {}
      : own || hasPhases(element.phases, sum)
        ? sum.amperes
        : balanced(element, sum.voltAmperes);
  const amperes = Object.fromEntries(
    element.phases.flatMap((phase) => {
      const samples = phases[phase];
      return samples === undefined ? [] : [[phase, stat(samples)]];
    }),
  );
  return {
    basis,
    by,
    missing: short,
    assumed: sum?.assumed ?? [],
    watts: stat(sum?.watts),
    voltAmperes: stat(sum?.voltAmperes),
    amperes,
    samples: sum?.watts,
  };
}

function hasPhases(phases: readonly Phase[], { amperes }: Load): boolean {
  return phases.every((phase) => amperes[phase] !== undefined);
}

/** How many of the last windows `since` holds. */
export function windowsOf({ frame, since }: Measured): number {
  return Math.min(windowsIn(frame), Math.max(1, Math.round(since / frame.every)));
}
