/**
 * Cooling of a site: the air that enters racks against its envelope, what coolers supply and take
 * back, and whether their air goes through the racks: return temperature index, (return − supply)
 * over (exhaust − inlet); below 100 % air passes the racks by, above it goes around again
 * (M. Herrlin, ASHRAE Transactions 114, 2008). Temperatures are not weighted by flow of air, which
 * nobody measures. Units: °C, K, %.
 */
import type { Element, Topology } from "../../config/index.ts";
import type { Indices, Tally } from "./envelope.ts";
import { envelopes, indicesOf, tallied, tallyOf } from "./envelope.ts";
import type { Samples } from "./samples.ts";
import { byPlace } from "./place.ts";
import { combined, newestOf } from "./samples.ts";
import type { Steps } from "./steps.ts";

/** One place where air enters equipment. */
export interface Intake {
  /** The rack. */
  readonly place: string;
  /** Which series it is. */
  readonly name: string;
  readonly samples: Samples;
}

/** What a cooler supplies and takes back. */
export interface Unit {
  readonly place: string;
  readonly name: string;
  readonly medium: "air" | "water";
  readonly supply: Samples;
  readonly back: Samples;
}

/** Air into and out of one machine. */
export interface Machine {
  readonly place: string;
  readonly inlet: Samples;
  readonly exhaust: Samples;
}

export interface CoolingSamples {
  readonly intakes: readonly Intake[];
  readonly units: readonly Unit[];
  readonly machines: readonly Machine[];
}

/** Of a rack, a room or the site. */
export interface PlaceCooling {
  readonly element: Element;
  readonly intakes: number;
  /** Intakes with a value no older than three windows; the indices are of these. */
  readonly speaking: number;
  readonly warmest: number | undefined;
  readonly coldest: number | undefined;
  readonly now: Indices | undefined;
  /** The indices of all readings of the time asked for. */
  readonly mean: Indices | undefined;
  /** Share of the readings outside. */
  readonly outRecommended: number | undefined;
  readonly outAllowable: number | undefined;
  /** Share of windows that have a reading. */
  readonly coverage: number;
  /** Mean of its air coolers: return above supply. @unit K */
  readonly rise: number | undefined;
  /** Return temperature index; undefined where one of both sides is not measured. */
  readonly rti: number | undefined;
}

/** A mean and the newest value. */
export interface Level {
  readonly now: number | undefined;
  readonly mean: number | undefined;
}

export interface UnitCooling {
  readonly name: string;
  readonly place: string;
  readonly medium: "air" | "water";
  readonly supply: Level;
  readonly back: Level;
  /** @unit K */
  readonly difference: Level;
}

export interface Cooling {
  /** Places with an intake or an air cooler: the site first. */
  readonly places: readonly PlaceCooling[];
  readonly units: readonly UnitCooling[];
}

interface IntakeTally {
  readonly place: string;
  readonly windows: number;
  readonly newest: number | undefined;
  readonly now: Tally;
  readonly all: Tally;
}

/** A little a step. */
export function* coolingSteps(topology: Topology, read: CoolingSamples): Steps<Cooling> {
  const intakes: IntakeTally[] = [];
  for (const { place, samples } of read.intakes) {
    const envelope = envelopes[topology.element(place).ashrae];
    const newest = newestOf(samples);
    const now = tallyOf(newest === undefined ? [] : [newest], envelope);
    const all = tallyOf(samples, envelope);
    intakes.push({ place, windows: samples.length, newest, now, all });
    yield;
  }
  const units = read.units.map(unitOf);
  yield;
  const rises = read.machines.map(({ place, inlet, exhaust }) => {
    return { place, rise: newestOf(combined(exhaust, inlet, (out, into) => out - into)) };
  });
  const intakesIn = byPlace(topology, intakes);
  const machinesIn = byPlace(topology, rises);
  const airIn = byPlace(
    topology,
    units.filter(({ medium }) => medium === "air"),
  );
  const places: PlaceCooling[] = [];
  for (const element of topology.elements.values()) {
    if (!topology.isPlace(element.id)) continue;
    yield;
    const at = intakesIn.get(element.id) ?? [];
    const air = airIn.get(element.id) ?? [];
    if (at.length === 0 && air.length === 0) continue;
    places.push(placeOf(element, { at, air, machines: machinesIn.get(element.id) ?? [] }));
  }
  return { places, units };
}

function placeOf(
  element: Element,
  {
    at,
    air,
    machines,
  }: {
    readonly at: readonly IntakeTally[];
    readonly air: readonly UnitCooling[];
    readonly machines: readonly { readonly rise: number | undefined }[];
  },
): PlaceCooling {
  const newest = at.flatMap((one) => one.newest ?? []);
  const all = tallied(at.map((one) => one.all));
  const windows = at.reduce((sum, one) => sum + one.windows, 0);
  const rise = meanOf(air.flatMap(({ difference }) => difference.now ?? []));
  const through = meanOf(machines.flatMap((one) => one.rise ?? []));
  return {
    element,
    intakes: at.length,
    speaking: newest.length,
    warmest: newest.length === 0 ? undefined : Math.max(...newest),
    coldest: newest.length === 0 ? undefined : Math.min(...newest),
    now: indicesOf(tallied(at.map((one) => one.now))),
    mean: indicesOf(all),
    outRecommended: all.count === 0 ? undefined : all.outRecommended / all.count,
    outAllowable: all.count === 0 ? undefined : all.outAllowable / all.count,
    coverage: windows === 0 ? 0 : all.count / windows,
    rise,
    rti: rtiOf(rise, through),
  };
}

/** Undefined where a side is not measured, or machines warm nothing. */
export function rtiOf(rise: number | undefined, through: number | undefined): number | undefined {
  if (rise === undefined || through === undefined || through <= 0) return undefined;
  return (100 * rise) / through;
}

function unitOf({ name, place, medium, supply, back }: Unit): UnitCooling {
  const difference = combined(back, supply, (one, other) => one - other);
  return {
    name,
    place,
    medium,
    supply: levelOf(supply),
    back: levelOf(back),
    difference: levelOf(difference),
  };
}

function levelOf(samples: Samples): Level {
  return { now: newestOf(samples), mean: meanOf(samples.filter(Number.isFinite)) };
}

function meanOf(values: ArrayLike<number>): number | undefined {
  if (values.length === 0) return undefined;
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += values[at] ?? 0;
  return sum / values.length;
}
