/** What each element takes, each watt once: by the series that the topology says stand for it. */
import type { Basis, Flow, Phase, Topology } from "../../config/index.ts";
import { measuredPower, phaseNames } from "../../config/index.ts";
import type { Load, MeterSamples } from "./meters.ts";
import { balanced, loadOf, together } from "./meters.ts";
import type { Frame, Samples, Stat } from "./samples.ts";
import { statOf, windowsIn } from "./samples.ts";

/** What was measured. */
export interface Measured {
  readonly frame: Frame;
  /** How far back `now`, p95, peak and coverage reach. @unit ms */
  readonly since: number;
  /** Least share of windows with a row, below which nothing is told. */
  readonly least: number;
  /** The way of metering that speaks, by element. */
  readonly meters: ReadonlyMap<string, MeterSamples>;
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

/** The usage of every element. */
export function usagesOf(topology: Topology, measured: Measured): ReadonlyMap<string, Usage> {
  const loads = new Map<string, Load>();
  for (const [id, meter] of measured.meters) {
    const load = loadOf(topology.element(id), meter);
    if (load !== undefined) loads.set(id, load);
  }
  const all = [...topology.elements.keys()];
  return new Map(all.map((id) => [id, usageOf(topology, id, { measured, loads })]));
}

function usageOf(
  topology: Topology,
  id: string,
  { measured, loads }: { readonly measured: Measured; readonly loads: ReadonlyMap<string, Load> },
): Usage {
  const { basis, by, missing } = measuredPower(topology, id);
  const silent = by.filter((name) => !loads.has(name));
  const all = by.flatMap((name) => loads.get(name) ?? []);
  const short = [...new Set([...missing, ...silent])];
  const sum = short.length > 0 ? undefined : together(all);
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
