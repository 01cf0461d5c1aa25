/**
 * Power on paper: nameplates flow from loads up to the sources, in the normal case and with
 * something failed. What is fed twice takes half from each; an ats takes all from the preferred
 * one that is alive. Currents are phasors at power factor 1 between parts of one site, so that
 * loads between two phases add up as they do in copper. Losses are not counted.
 */
import type { Phase } from "./options.ts";
import { phaseNames } from "./options.ts";
import type { Element, Topology } from "./topology.ts";
import { transforms } from "./topology.ts";

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
}

/** Something that fails as a whole. */
export interface Failure {
  readonly kind: "feed" | "ups";
  readonly name: string;
  readonly elements: ReadonlySet<string>;
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

/** Watts, volt-amperes, then the real and imaginary part of each phase's current. */
const width = 8;

/** Directions of the phase voltages, as real and imaginary parts. */
const directions: Readonly<Record<Phase, readonly [number, number]>> = {
  L1: [1, 0],
  L2: [-0.5, -Math.sqrt(3) / 2],
  L3: [-0.5, Math.sqrt(3) / 2],
};

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

/** The flow of all nameplates with some elements failed. One pass, in the order of power. */
export function paperFlow(topology: Topology, failed: ReadonlySet<string> = none): PaperFlow {
  const order = [...topology.elements.values()];
  const index = new Map(order.map(({ id }, at) => [id, at]));
  const live = liveIn(order, failed);
  const sums = new Float64Array(order.length * width);
  for (const element of order.toReversed()) {
    const at = (index.get(element.id) ?? 0) * width;
    const own = nameplate(topology, element);
    sums[at] = (sums[at] ?? 0) + own.watts;
    sums[at + 1] = (sums[at + 1] ?? 0) + own.voltAmperes;
    const parents = element.parents.filter((parent) => live.has(parent));
    if (!live.has(element.id)) sums.fill(0, at, at + width);
    const taken = element.kind === "ats" ? parents.slice(0, 1) : parents;
    for (const parent of taken) {
      const to = { element: topology.element(parent), at: (index.get(parent) ?? 0) * width };
      pass(sums, { element, at, share: 1 / taken.length }, to);
    }
  }
  return {
    of: (id) => flowAt(sums, index.get(id), topology.elements.get(id)),
    isLive: (id) => live.has(id),
  };
}

const none: ReadonlySet<string> = new Set();

function liveIn(order: readonly Element[], failed: ReadonlySet<string>): ReadonlySet<string> {
  const live = new Set<string>();
  for (const { id, kind, parents } of order) {
    if (failed.has(id)) continue;
    if (kind === "source" || parents.some((parent) => live.has(parent))) live.add(id);
  }
  return live;
}

/** One end of a link, and where its sums begin. */
interface End {
  readonly element: Element;
  readonly at: number;
}

/** Adds what goes through the lower end to the upper one. */
function pass(sums: Float64Array, from: End & { readonly share: number }, to: End): void {
  const add = (offset: number, value: number): void => {
    sums[to.at + offset] = (sums[to.at + offset] ?? 0) + value;
  };
  const { element, share } = from;
  const apparent = (sums[from.at + 1] ?? 0) * share;
  add(0, (sums[from.at] ?? 0) * share);
  add(1, apparent);
  if (to.element.kind === "rack") return;
  if (element.kind === "rack" || element.kind === "load" || transforms(element.kind)) {
    const currents = balanced(apparent, phasesAt(element, to.element), to.element.voltage);
    for (const [offset, value] of currents.entries()) add(2 + offset, value);
    return;
  }
  for (let offset = 2; offset < width; offset += 1) {
    add(offset, (sums[from.at + offset] ?? 0) * share);
  }
}

/** The phases over which an element loads what feeds it. */
function phasesAt(element: Element, above: Element): readonly Phase[] {
  if (element.kind === "rack") return above.phases;
  const both = element.phases.filter((phase) => above.phases.includes(phase));
  return both.length === 0 ? above.phases : both;
}

/** Currents of a load on one phase, between two or on all three, as three complex numbers. */
function balanced(apparent: number, phases: readonly Phase[], voltage: number): number[] {
  const [first = "L1", second] = phases;
  const currents = new Map<Phase, readonly [number, number]>();
  if (phases.length === 2 && second !== undefined) {
    const amperes = apparent / (Math.sqrt(3) * voltage);
    const [[re1, im1], [re2, im2]] = [directions[first], directions[second]];
    const [re, im] = [(re1 - re2) / Math.sqrt(3), (im1 - im2) / Math.sqrt(3)];
    currents.set(first, [amperes * re, amperes * im]);
    currents.set(second, [-amperes * re, -amperes * im]);
  } else {
    for (const phase of phases) {
      const amperes = apparent / (phases.length * voltage);
      const [re, im] = directions[phase];
      currents.set(phase, [amperes * re, amperes * im]);
    }
  }
  return phaseNames.flatMap((phase) => currents.get(phase) ?? [0, 0]);
}

function flowAt(sums: Float64Array, index: number | undefined, element: Element | undefined): Flow {
  if (index === undefined || element === undefined)
    return { watts: 0, voltAmperes: 0, amperes: {} };
  const at = index * width;
  const amperes: Partial<Record<Phase, number>> = {};
  if (element.kind !== "rack" && element.kind !== "load") {
    for (const phase of element.phases) {
      const part = at + 2 + 2 * phaseNames.indexOf(phase);
      amperes[phase] = Math.hypot(sums[part] ?? 0, sums[part + 1] ?? 0);
    }
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

/** The rating that is nearest to its limit, or undefined where none is known. */
export function tightest({ rating, derate }: Element, flow: Flow): Use | undefined {
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
  return uses.reduce<Use | undefined>(
    (worst, use) =>
      worst === undefined || use.used / use.limit > worst.used / worst.limit ? use : worst,
    undefined,
  );
}
