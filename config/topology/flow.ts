/**
 * Power on paper: nameplates flow from loads up to the sources, in the normal case and with
 * something failed. What is fed twice takes half from each; an ats takes all from the preferred
 * one that is alive. Currents are phasors at power factor 1 between parts of one site, so that
 * loads between two phases add up as they do in copper. Losses are not counted.
 */
import type { Phase, Redundancy } from "./options.ts";
import { phaseNames } from "./options.ts";
import type { Powers } from "./grid.ts";
import { amperesAt, Grid, width } from "./grid.ts";
import type { Element, Topology } from "./topology.ts";

/** What goes through an element. */
export interface Flow {
  readonly watts: number;
  readonly voltAmperes: number;
  /** By phase: of racks, which have cords and no phases, empty. @unit A */
  readonly amperes: Readonly<Partial<Record<Phase, number>>>;
}

/** The flow through every element in one case. */
export interface PaperFlow {
  of(id: string): Flow;
  /** Whether power reaches an element. */
  isLive(id: string): boolean;
  /** Equipment that takes more than may last. */
  overloads(): readonly Element[];
}

/** Something that fails as a whole. */
export interface Failure {
  readonly kind: "feed" | "ups";
  readonly name: string;
  readonly elements: ReadonlySet<string>;
}

/** Which redundancy asks that a failure costs no power. */
const asking: Readonly<Record<Failure["kind"], readonly Redundancy[]>> = {
  feed: ["2N"],
  ups: ["N+1", "2N"],
};

/** Whether the redundancy of an element asks that a failure costs it no power. */
export function mustSurvive({ redundancy }: Element, { kind }: Failure): boolean {
  return asking[kind].includes(redundancy);
}

/** Failures to work out: each feed where there are several, and each ups. */
export function failuresOf({ elements }: Topology): readonly Failure[] {
  const all = [...elements.values()];
  const feeds = new Set(all.flatMap(({ feed }) => feed ?? []));
  const ofFeeds = [...feeds].toSorted().map((name): Failure => {
    const begin = all.filter(({ feed }) => feed === name).map(({ id }) => id);
    return { kind: "feed", name, elements: new Set(begin) };
  });
  const ups = all.filter(({ kind }) => kind === "ups").map(({ id }) => id);
  const ofUps = ups.toSorted().map((name): Failure => {
    return { kind: "ups", name, elements: new Set([name]) };
  });
  return [...(ofFeeds.length > 1 ? ofFeeds : []), ...ofUps];
}

/** What a load says that it takes; a rack without loads, what is planned for it. */
export function nameplate(
  topology: Topology,
  element: Element,
): Pick<Flow, "watts" | "voltAmperes"> {
  if (!topology.isConsumer(element)) return { watts: 0, voltAmperes: 0 };
  const { power, apparent } = element.rating;
  const watts = power ?? apparent ?? 0;
  return { watts, voltAmperes: Math.max(apparent ?? watts, watts) };
}

/** The flow of all nameplates with some elements failed. One pass, against the way of power. */
export function paperFlow(topology: Topology, failed: ReadonlySet<string> = none): PaperFlow {
  return flowIn(topology, failed);
}

/** The same of given powers: measured ones. What is not among them takes nothing. */
export function flowOf(
  topology: Topology,
  powers: Powers,
  failed: ReadonlySet<string> = none,
): PaperFlow {
  return flowIn(topology, failed, powers);
}

function flowIn(topology: Topology, failed: ReadonlySet<string>, powers?: Powers): PaperFlow {
  const grid = gridOf(topology);
  const { sums, live } = grid.flow(failed, powers);
  return {
    of: (id) => flowAt(sums, grid.indexOf(id), topology.elements.get(id)),
    isLive: (id) => live[grid.indexOf(id)] === 1,
    overloads: () => grid.overloads(sums),
  };
}

const none: ReadonlySet<string> = new Set();

/** A topology does not change, so its numbers are laid out once. */
const grids = new WeakMap<Topology, Grid>();

function gridOf(topology: Topology): Grid {
  const known = grids.get(topology);
  if (known !== undefined) return known;
  const elements = [...topology.elements.values()];
  const grid = new Grid(elements, (element) => nameplate(topology, element));
  grids.set(topology, grid);
  return grid;
}

function flowAt(sums: Float64Array, index: number, element: Element | undefined): Flow {
  if (element === undefined) return { watts: 0, voltAmperes: 0, amperes: {} };
  const at = index * width;
  const amperes: Partial<Record<Phase, number>> = {};
  if (element.kind !== "rack" && element.kind !== "load") {
    for (const phase of element.phases) amperes[phase] = amperesAt(sums, at, phase);
  }
  return { watts: sums[at] ?? 0, voltAmperes: sums[at + 1] ?? 0, amperes };
}

/** How much of one rating a flow takes. */
export interface Use {
  readonly unit: "W" | "VA" | "A";
  readonly phase: Phase | undefined;
  readonly used: number;
  /** What may last: the rating, derated where it is a current. */
  readonly limit: number;
  readonly rated: number;
}

/** How much a flow takes of each rating that is known. */
export function usesOf({ rating, derate }: Element, flow: Flow): readonly Use[] {
  const uses: Use[] = [];
  const add = (use: Omit<Use, "limit">): void => {
    const limit = use.unit === "A" ? use.rated * derate : use.rated;
    uses.push({ ...use, limit });
  };
  const { power, apparent, current } = rating;
  if (power !== undefined) add({ unit: "W", phase: undefined, used: flow.watts, rated: power });
  if (apparent !== undefined) {
    add({ unit: "VA", phase: undefined, used: flow.voltAmperes, rated: apparent });
  }
  if (current !== undefined) {
    for (const phase of phaseNames) {
      const used = flow.amperes[phase];
      if (used !== undefined) add({ unit: "A", phase, used, rated: current });
    }
  }
  return uses;
}

/** The rating that is nearest to its limit, or undefined where none is known. */
export function tightest(element: Element, flow: Flow): Use | undefined {
  return usesOf(element, flow).reduce<Use | undefined>(
    (worst, use) =>
      worst === undefined || use.used / use.limit > worst.used / worst.limit ? use : worst,
    undefined,
  );
}
