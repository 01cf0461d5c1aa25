/**
 * Which series, added up, are the power of an element: each watt once. A rack may be measured by
 * itself, by what alone feeds it, or by its loads; one of these counts, never two.
 */
import type { Series } from "./meters.ts";
import type { Element, Topology } from "./topology.ts";

/** How an element's power is known. */
export type Basis = "own" | "legs" | "parts";

export interface MeasuredPower {
  /** By its own meter, by what alone feeds it, or by what it alone feeds. */
  readonly basis: Basis | undefined;
  /** Elements whose meters are taken: none of them is behind another. */
  readonly by: readonly string[];
  /** What is added up. */
  readonly series: readonly Series[];
  /** Elements that nobody measures: the sum is short by their power. */
  readonly missing: readonly string[];
}

/** The power of an element or a place; the first complete way counts. */
export function measuredPower(topology: Topology, id: string): MeasuredPower {
  const element = topology.element(id);
  if (element.meters[0] !== undefined) return of("own", [element]);
  if (topology.isPlace(id) && element.kind !== "rack") return ofPlace(topology, id);
  const legs = above(topology, element);
  if (legs !== undefined) return of("legs", legs);
  const parts = element.kind === "rack" ? loadsOf(topology, element) : below(topology, element);
  if (parts.missing.length === 0 && parts.by.length > 0) return of("parts", parts.by);
  return { ...of("parts", parts.by), missing: parts.missing.length > 0 ? parts.missing : [id] };
}

function of(basis: Basis, elements: readonly Element[]): MeasuredPower {
  return {
    basis: elements.length === 0 ? undefined : basis,
    by: elements.map(({ id }) => id),
    series: elements.flatMap(({ meters }) => meters[0] ?? []),
    missing: [],
  };
}

/** A place is the sum of its racks and of the loads outside racks. */
function ofPlace(topology: Topology, id: string): MeasuredPower {
  const ends = topology.within(id).filter((element) => {
    const outside = topology.element(element.place ?? topology.site).kind !== "rack";
    return element.kind === "rack" || (element.kind === "load" && outside);
  });
  const all = ends.map((element) => measuredPower(topology, element.id));
  const by = all.flatMap((one) => one.by).map((name) => topology.element(name));
  return { ...of("parts", by), missing: all.flatMap(({ missing }) => missing) };
}

/** Meters of all that feeds an element and nothing else; undefined when one has none. */
function above(topology: Topology, element: Element): readonly Element[] | undefined {
  const found: Element[] = [];
  const { id, parents } = element;
  const loads = loadsIn(topology, element);
  const mine = new Set([id, ...loads.map((load) => load.id)]);
  // A load of the rack that hangs elsewhere would be left out.
  const feeders = new Set([id, ...parents]);
  if (
    parents.length === 0 ||
    loads.some((one) => !one.parents.every((name) => feeders.has(name)))
  ) {
    return undefined;
  }
  for (const parent of parents.map((name) => topology.element(name))) {
    if (parent.kind === "rack" || !parent.children.every((name) => mine.has(name)))
      return undefined;
    const metered = parent.meters[0] === undefined ? above(topology, parent) : [parent];
    if (metered === undefined) return undefined;
    found.push(...metered);
  }
  return found;
}

/** Loads that stand in a rack: whatever feeds them, they are part of it. */
function loadsIn(topology: Topology, { id, kind }: Element): readonly Element[] {
  return kind === "rack" ? topology.inside(id).filter((one) => one.kind === "load") : [];
}

interface Parts {
  readonly by: readonly Element[];
  readonly missing: readonly string[];
}

/** Meters of all that an element feeds, where nothing else feeds it. */
function below(topology: Topology, { children }: Element): Parts {
  return joined(
    children.map((id): Parts => {
      const child = topology.element(id);
      if (child.parents.length > 1) return { by: [], missing: [id] };
      if (child.meters[0] !== undefined && isPassedBy(topology, child)) {
        return { by: [child], missing: [] };
      }
      return child.children.length === 0 ? { by: [], missing: [id] } : below(topology, child);
    }),
  );
}

/** A rack's own meter has all that stands in it, so also loads that do not hang on the rack. */
function isPassedBy(topology: Topology, element: Element): boolean {
  return loadsIn(topology, element).every(({ parents }) =>
    parents.every((name) => name === element.id),
  );
}

/** Meters of the loads of a rack, or of what alone feeds each. */
function loadsOf(topology: Topology, rack: Element): Parts {
  return joined(
    loadsIn(topology, rack).map((load): Parts => {
      const by = load.meters[0] === undefined ? above(topology, load) : [load];
      return by === undefined ? { by: [], missing: [load.id] } : { by, missing: [] };
    }),
  );
}

function joined(parts: readonly Parts[]): Parts {
  return { by: parts.flatMap(({ by }) => by), missing: parts.flatMap(({ missing }) => missing) };
}

/** One name of a series. */
export function seriesName({ device, measurement, channel, field }: Series): string {
  return `${device}/${measurement}${channel === "" ? "" : `[${channel}]`}.${field}`;
}

/**
 * Series that stand for several elements between which power gets in or out: whoever adds these
 * elements up counts one measurement twice.
 */
export function doublyCounted(
  topology: Topology,
): readonly { readonly series: string; readonly elements: readonly Element[] }[] {
  const byName = new Map<string, Element[]>();
  for (const element of topology.elements.values()) {
    for (const name of new Set(element.meters.flat().map(seriesName))) {
      byName.set(name, [...(byName.get(name) ?? []), element]);
    }
  }
  return [...byName]
    .filter(([, elements]) => elements.length > 1 && !isOneFlow(topology, elements))
    .map(([series, elements]) => ({ series, elements }));
}

/** Whether all that goes through one of them goes through the next, and nothing else does. */
function isOneFlow(topology: Topology, elements: readonly Element[]): boolean {
  return elements.every((element, at) => {
    const next = elements[at + 1];
    return next === undefined || leadsTo(topology, element, next);
  });
}

function leadsTo(topology: Topology, from: Element, to: Element): boolean {
  let at = to;
  while (at.id !== from.id) {
    const [parent] = at.parents;
    if (parent === undefined || at.parents.length > 1) return false;
    at = topology.element(parent);
    if (at.children.length > 1) return false;
  }
  return true;
}
