/**
 * The numbers of a topology, laid out so that one case is one pass over arrays: a site of 5,000
 * elements has dozens of cases.
 */
import type { Phase } from "./options.ts";
import { phaseNames } from "./options.ts";
import type { Element } from "./topology.ts";
import { transforms } from "./topology.ts";

/** Of each element: watts, volt-amperes, then real and imaginary part of each phase's current. */
export const width = 8;

/** Sums of the same nameplates in another order differ in their last digits. */
export const tolerance = 1 + 1e-9;

/** Directions of the phase voltages, as real and imaginary parts. */
const directions: Readonly<Record<Phase, readonly [number, number]>> = {
  L1: [1, 0],
  L2: [-0.5, -Math.sqrt(3) / 2],
  L3: [-0.5, Math.sqrt(3) / 2],
};

/** What elements take by themselves, by their ids. */
export type Powers = ReadonlyMap<string, { readonly watts: number; readonly voltAmperes: number }>;

/** A link up to what feeds an element. */
interface Link {
  /** Index of what feeds it. */
  readonly to: number;
  /** Currents of one volt-ampere, where they are not those of the element itself. */
  readonly currents: readonly number[] | undefined;
}

interface Node {
  readonly element: Element;
  readonly links: readonly Link[];
  readonly watts: number;
  readonly voltAmperes: number;
}

export class Grid {
  readonly #nodes: readonly Node[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #live = new WeakMap<ReadonlySet<string>, Uint8Array>();

  /** Elements in the order of power, and what each takes by itself. */
  constructor(
    elements: readonly Element[],
    own: (element: Element) => { readonly watts: number; readonly voltAmperes: number },
  ) {
    this.#index = new Map(elements.map(({ id }, at) => [id, at]));
    this.#nodes = elements.map((element) => {
      const links = element.parents.map((id) => {
        const to = this.indexOf(id);
        const above = elements[to];
        return { to, currents: above === undefined ? [] : linkCurrents(element, above) };
      });
      return { element, links, ...own(element) };
    });
  }

  indexOf(id: string): number {
    return this.#index.get(id) ?? 0;
  }

  /**
   * What goes through each element, and which are alive (1), with some failed. Powers that are
   * given stand for those of the nameplates: what is not among them takes nothing.
   */
  flow(
    failed: ReadonlySet<string>,
    given?: Powers,
  ): { readonly sums: Float64Array; readonly live: Uint8Array } {
    const nodes = this.#nodes;
    const live = this.#liveWithout(failed);
    const sums = new Float64Array(nodes.length * width);
    for (let at = nodes.length - 1; at >= 0; at -= 1) {
      const node = nodes[at];
      if (node === undefined || live[at] === 0) continue;
      const own = given === undefined ? node : given.get(node.element.id);
      sums[at * width] = (sums[at * width] ?? 0) + (own?.watts ?? 0);
      sums[at * width + 1] = (sums[at * width + 1] ?? 0) + (own?.voltAmperes ?? 0);
      // What nothing goes through passes nothing on: of one rack that is most of a site.
      if (sums[at * width] === 0 && sums[at * width + 1] === 0) continue;
      const alive = node.links.filter(({ to }) => live[to] === 1);
      const taken = node.element.kind === "ats" ? alive.slice(0, 1) : alive;
      for (const link of taken) pass(sums, at * width, { link, share: 1 / taken.length });
    }
    return { sums, live };
  }

  /** Which are alive with some failed; the same failure is asked for once for each rack. */
  #liveWithout(failed: ReadonlySet<string>): Uint8Array {
    const known = this.#live.get(failed);
    if (known !== undefined) return known;
    const live = new Uint8Array(this.#nodes.length);
    for (const [at, { element, links }] of this.#nodes.entries()) {
      if (failed.size > 0 && failed.has(element.id)) continue;
      const fed = element.kind === "source" || links.some(({ to }) => live[to] === 1);
      live[at] = fed ? 1 : 0;
    }
    this.#live.set(failed, live);
    return live;
  }

  /** Equipment that takes more than may last. */
  overloads(sums: Float64Array): readonly Element[] {
    const found: Element[] = [];
    for (const [index, { element }] of this.#nodes.entries()) {
      const { kind, rating, derate, phases } = element;
      if (kind === "rack" || kind === "load") continue;
      const at = index * width;
      const { power, apparent, current } = rating;
      const over =
        (power !== undefined && (sums[at] ?? 0) > power * tolerance) ||
        (apparent !== undefined && (sums[at + 1] ?? 0) > apparent * tolerance) ||
        (current !== undefined &&
          phases.some((phase) => amperesAt(sums, at, phase) > current * derate * tolerance));
      if (over) found.push(element);
    }
    return found;
  }
}

/** Adds what goes through the element at `at` to what feeds it. */
function pass(sums: Float64Array, at: number, by: { readonly link: Link; readonly share: number }) {
  const { link, share } = by;
  const to = link.to * width;
  const apparent = (sums[at + 1] ?? 0) * share;
  sums[to] = (sums[to] ?? 0) + (sums[at] ?? 0) * share;
  sums[to + 1] = (sums[to + 1] ?? 0) + apparent;
  const { currents } = link;
  for (let part = 0; part < width - 2; part += 1) {
    const more =
      currents === undefined
        ? (sums[at + 2 + part] ?? 0) * share
        : (currents[part] ?? 0) * apparent;
    sums[to + 2 + part] = (sums[to + 2 + part] ?? 0) + more;
  }
}

/** @unit A */
export function amperesAt(sums: Float64Array, at: number, phase: Phase): number {
  const part = at + 2 + 2 * phaseNames.indexOf(phase);
  const [re, im] = [sums[part] ?? 0, sums[part + 1] ?? 0];
  return Math.sqrt(re * re + im * im);
}

/** A rack has cords and no phases; what ends or transforms power loads its phases evenly. */
function linkCurrents(element: Element, above: Element): readonly number[] | undefined {
  const { kind, phases } = element;
  if (above.kind === "rack") return [];
  if (kind === "rack") return balanced(above.phases, above.voltage);
  if (kind !== "load" && !transforms(kind)) return undefined;
  const both = phases.filter((phase) => above.phases.includes(phase));
  return balanced(both.length === 0 ? above.phases : both, above.voltage);
}

/** Currents of one volt-ampere on one phase, between two or on all three. */
function balanced(phases: readonly Phase[], voltage: number): readonly number[] {
  const [first = "L1", second] = phases;
  const currents = new Map<Phase, readonly [number, number]>();
  if (phases.length === 2 && second !== undefined) {
    const [[re1, im1], [re2, im2]] = [directions[first], directions[second]];
    // The voltage between two phases is √3 times that of one, and so is its direction's length.
    const [re, im] = [(re1 - re2) / (3 * voltage), (im1 - im2) / (3 * voltage)];
    currents.set(first, [re, im]);
    currents.set(second, [-re, -im]);
  } else {
    for (const phase of phases) {
      const [re, im] = directions[phase];
      currents.set(phase, [re / (phases.length * voltage), im / (phases.length * voltage)]);
    }
  }
  return phaseNames.flatMap((phase) => currents.get(phase) ?? [0, 0]);
}
