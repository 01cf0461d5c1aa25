/**
 * How much more a rack may take, and what stops it: every rating on its way of power, the places
 * around it, now and in the failures that it must survive.
 */
import type { Element, Failure, Flow, Phase, Topology } from "../../config/index.ts";
import { flowOf, mustSurvive, phaseNames, usesOf } from "../../config/index.ts";
import type { Case } from "./cases.ts";
import type { Steps } from "./steps.ts";
import { atOnce } from "./steps.ts";

/** What stops more power. */
export interface Stop {
  readonly element: string;
  readonly unit: "W" | "VA" | "A" | undefined;
  readonly phase: Phase | undefined;
  readonly failure: Failure | undefined;
  /** In words, where it is no rating. */
  readonly why: string | undefined;
}

export interface Room {
  /** Watts that may be added at power factor 1; undefined where no rating says anything. */
  readonly watts: number | undefined;
  readonly by: Stop | undefined;
}

/**
 * How much one rack may take more. With `redundant` it must survive each feed and each ups,
 * otherwise what its own redundancy asks. Exact for powers; currents of unlike phases are added by
 * size, so that the answer is never too high.
 */
export function* roomSteps(
  topology: Topology,
  cases: readonly Case[],
  { rack, redundant }: { readonly rack: Element; readonly redundant: boolean },
): Steps<Room> {
  let room: Room = { watts: undefined, by: undefined };
  const take = (watts: number, by: Stop): void => {
    if (room.watts === undefined || watts < room.watts) room = { watts, by };
  };
  const on = [rack, ...topology.upstream(rack.id)];
  const one = new Map([[rack.id, { watts: 1, voltAmperes: 1 }]]);
  for (const { failure, of, isLive } of cases) {
    yield;
    if (failure !== undefined && !redundant && !mustSurvive(rack, failure)) continue;
    const stop = { element: rack.id, unit: undefined, phase: undefined, failure };
    if (!isLive(rack.id)) {
      take(0, { ...stop, why: failure === undefined ? "nothing feeds it" : "loses its power" });
      break;
    }
    const more = flowOf(topology, one, failure?.elements);
    for (const element of on) {
      for (const [watts, by] of limitsTo(element, of(element.id), more.of(element.id))) {
        take(watts, { ...by, failure });
      }
    }
  }
  const [normal] = cases;
  for (const place of normal === undefined ? [] : topology.placesAround(rack.id)) {
    const { power } = place.rating;
    if (power === undefined || normal === undefined) continue;
    const used = usedIn(topology, place, normal);
    const by = { element: place.id, unit: "W", phase: undefined, why: undefined } as const;
    take(power - used, { ...by, failure: undefined });
  }
  return room.watts === undefined ? room : { ...room, watts: Math.max(0, room.watts) };
}

/** By each rating of an element: how many times `more` it carries beside what it carries. */
function* limitsTo(
  element: Element,
  flow: Flow,
  more: Flow,
): Generator<readonly [number, Omit<Stop, "failure">]> {
  const { id } = element;
  const steps = usesOf(element, { ...more, amperes: fullOf(element, more) });
  for (const { unit, phase, limit } of usesOf(element, {
    ...flow,
    amperes: fullOf(element, flow),
  })) {
    const step = steps.find((one) => one.unit === unit && one.phase === phase);
    const used = unit === "W" ? flow.watts : unit === "VA" ? flow.voltAmperes : flow.amperes;
    const carried = typeof used === "number" ? used : phase === undefined ? 0 : (used[phase] ?? 0);
    if (step === undefined || step.used <= 0) continue;
    yield [(limit - carried) / step.used, { element: id, unit, phase, why: undefined }];
  }
}

/** Every phase of an element, also those that carry nothing. */
function fullOf({ phases, kind }: Element, { amperes }: Flow): Flow["amperes"] {
  if (kind === "rack" || kind === "load") return {};
  const all = phaseNames.filter((phase) => phases.includes(phase));
  return Object.fromEntries(all.map((phase) => [phase, amperes[phase] ?? 0]));
}

/** What a place takes: as measured, else what flows into its racks and its other loads. */
export function usedIn(topology: Topology, place: Element, normal: Case): number {
  const own = normal.of(place.id).watts;
  if (own > 0) return own;
  return topology
    .within(place.id)
    .filter((one) => one.kind === "rack" || isOutside(topology, one))
    .reduce((sum, { id }) => sum + normal.of(id).watts, 0);
}

/** A load that stands in no rack. */
function isOutside(topology: Topology, { kind, place }: Element): boolean {
  return kind === "load" && topology.element(place ?? topology.site).kind !== "rack";
}

/** What is to be placed. */
export interface Wish {
  /** Of each. @unit W */
  readonly power: number;
  readonly count: number;
  /** Height of each in rack units; undefined: height is not looked at. */
  readonly units: number | undefined;
  readonly redundant: boolean;
  /** Only this rack. */
  readonly rack: string | undefined;
}

export interface Fit {
  readonly rack: string;
  /** How many of them it takes, at most the count wished for. */
  readonly takes: number;
  readonly room: Room;
  readonly unitsLeft: number | undefined;
}

/** What each rack takes alone, the fullest racks first that take all: none is opened in vain. */
export function fitsOf(
  topology: Topology,
  cases: readonly Case[],
  { power, count, units, redundant, rack: only }: Wish,
): readonly Fit[] {
  const racks = [...topology.elements.values()].filter(
    ({ id, kind }) => kind === "rack" && (only === undefined || id === only),
  );
  const fits = racks.map((rack): Fit => {
    const room = atOnce(roomSteps(topology, cases, { rack, redundant }));
    const unitsLeft = freeUnits(topology, rack);
    // A hair more, so that 10 × 70 W fit into 700 W.
    const byPower = room.watts === undefined ? count : Math.floor((room.watts + 1e-6) / power);
    const byHeight =
      units === undefined || unitsLeft === undefined ? count : Math.floor(unitsLeft / units);
    const takes = Math.max(0, Math.min(count, byPower, byHeight));
    return { rack: rack.id, takes, room, unitsLeft };
  });
  const left = ({ room }: Fit): number => room.watts ?? Number.POSITIVE_INFINITY;
  return fits.toSorted((one, other) => other.takes - one.takes || left(one) - left(other) || 0);
}

function freeUnits(topology: Topology, { id, units }: Element): number | undefined {
  if (units === undefined) return undefined;
  const taken = topology
    .inside(id)
    .reduce((sum, one) => sum + (one.kind === "load" ? (one.units ?? 0) : 0), 0);
  return Math.max(0, units - taken);
}
