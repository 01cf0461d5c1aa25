/**
 * What the files for people without a hub ask of their database: of each element of a topology
 * the series that stand for it, each watt once, and how they become watts, volt-amperes and
 * amperes. The same choices as `alerts/capacity`, made from the configuration alone: of several
 * ways to measure an element the first that it names, and of assumptions the usual ones.
 */
import type { Element, Phase, Series, Topology } from "../../config/index.ts";
import { measuredPower } from "../../config/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import { channelTagOf, fieldFacts, measurementEntry } from "../../telemetry/index.ts";
import type { PueCategory } from "../capacity/index.ts";
import { leastImbalanced, pueMeters } from "../capacity/index.ts";

/** A value of one window, made of the means of fields in it. */
export type Value =
  | { readonly mean: string }
  /** Never below zero: power that flows back is no load. */
  | { readonly positive: Value }
  | { readonly larger: readonly [Value, Value] }
  | { readonly of: Value; readonly times: number };

/** Rows of one meter. */
export interface Rows {
  readonly measurement: string;
  /** Place, device and channel. */
  readonly where: Tags;
}

export interface Part extends Rows {
  readonly value: Value;
}

export type QuantityUnit = "W" | "VA" | "A";

/** How much goes through an element: the parts, added up window by window where all have one. */
export interface Quantity {
  readonly unit: QuantityUnit;
  /** Of currents. */
  readonly phase: Phase | undefined;
  readonly parts: readonly Part[];
  /** What the element may carry for long; undefined: no such rating. */
  readonly limit: number | undefined;
  /** Of currents: the mean of all phases below which their unbalance means nothing. @unit A */
  readonly least: number;
}

export interface ElementQuestions {
  readonly element: Element;
  /** Watts first; empty where the element cannot be told. */
  readonly quantities: readonly Quantity[];
  /** Why it cannot be told. */
  readonly why: string | undefined;
}

/** A counter of energy. */
export interface Counter extends Rows {
  readonly field: string;
}

export interface PueQuestion {
  readonly facility: readonly Counter[];
  readonly it: readonly Counter[];
  readonly category: PueCategory;
}

export interface Questions {
  readonly elements: readonly ElementQuestions[];
  /** A text: why there is none. */
  readonly pue: PueQuestion | string;
}

/** Meters whose rows are asked for at once. */
export interface Group<Asked extends Rows> {
  /** Of them all; of its tags only `common` and `by` hold. */
  readonly first: Asked;
  /** Tags that all meters share. */
  readonly common: Tags;
  /** Names of the tags that tell them apart. */
  readonly by: readonly string[];
  readonly each: readonly Tags[];
}

/** Groups of rows that differ in their tags alone. */
export function groupsOf<Asked extends Rows>(all: readonly Asked[]): readonly Group<Asked>[] {
  const keyed = Map.groupBy(all, ({ where, ...rest }) =>
    JSON.stringify([rest, Object.keys(where)]),
  );
  return [...keyed.values()].flatMap((rows): Group<Asked>[] => {
    const [first] = rows;
    if (first === undefined) return [];
    const tags = Object.entries(first.where);
    const shared = ([tag, value]: readonly [string, string]): boolean =>
      tag !== "device" && rows.every(({ where }) => where[tag] === value);
    const by = tags.filter((one) => !shared(one)).map(([tag]) => tag);
    const each = rows.map(({ where }) =>
      Object.fromEntries(by.map((tag) => [tag, where[tag] ?? ""])),
    );
    return [{ first, common: Object.fromEntries(tags.filter(shared)), by, each }];
  });
}

/** Every question about a site. @param place region, org and site of its rows */
export function questionsOf(topology: Topology, place: Tags): Questions {
  const asking = { topology, place };
  const all = [...topology.elements.values()].filter(({ kind }) => kind !== "load");
  return {
    elements: all.map((element) => elementQuestions(element, asking)),
    pue: pueQuestion(asking),
  };
}

interface Asking {
  readonly topology: Topology;
  readonly place: Tags;
}

function elementQuestions(element: Element, asking: Asking): ElementQuestions {
  const { by, missing, series } = measuredPower(asking.topology, element.id);
  const none = (why: string): ElementQuestions => ({ element, quantities: [], why });
  if (missing.length > 0) return none(`nothing measures ${missing.join(", ")}`);
  const watts = allOf(series, (one) => wattsOf(one, elementOf(by, one, asking), asking));
  if (watts === undefined) return none("its meters do not say watts");
  const quantities: Quantity[] = [
    { unit: "W", phase: undefined, parts: watts, limit: element.rating.power, least: 0 },
  ];
  const apparent = element.rating.apparent;
  const voltAmperes = allOf(series, (one) => voltAmperesOf(one, asking));
  if (apparent !== undefined && voltAmperes !== undefined) {
    quantities.push({
      unit: "VA",
      phase: undefined,
      parts: voltAmperes,
      limit: apparent,
      least: 0,
    });
  }
  const amperes = phasesOf(element, by, asking);
  return { element, quantities: [...quantities, ...amperes], why: undefined };
}

/** The element among `by` whose meter a series is. */
function elementOf(by: readonly string[], series: Series, { topology }: Asking): Element {
  const found = by
    .map((id) => topology.element(id))
    .find(({ meters: [way] }) => way?.includes(series) === true);
  return found ?? topology.element(topology.site);
}

/** All of them, or undefined. */
function allOf<In, Out>(
  all: readonly In[],
  each: (one: In) => Out | undefined,
): readonly Out[] | undefined {
  const found = all.map(each).filter((one) => one !== undefined);
  return all.length > 0 && found.length === all.length ? found : undefined;
}

function rowsOf({ device, measurement, channel }: Omit<Series, "field">, place: Tags): Rows {
  const tag = channelTagOf(measurement);
  const on = tag === undefined || channel === "" ? {} : { [tag]: channel };
  return { measurement, where: { ...place, device, ...on } };
}

function wattsOf(series: Series, { voltage }: Element, { place }: Asking): Part | undefined {
  const unit = fieldFacts(series.measurement, series.field)?.unit?.shown;
  const mean = { positive: { mean: series.field } };
  if (unit === "W") return { ...rowsOf(series, place), value: mean };
  // Only where the rows say no voltage of their own, at power factor 1.
  const known = Object.keys(measurementEntry(series.measurement)?.fields ?? {});
  if (unit !== "A" || known.includes("voltage_v")) return undefined;
  return { ...rowsOf(series, place), value: { of: mean, times: voltage } };
}

/** What the meter itself says; never less than the watts of the same rows. */
function voltAmperesOf(series: Series, { place }: Asking): Part | undefined {
  const known = Object.keys(measurementEntry(series.measurement)?.fields ?? {});
  const apparent = ["apparent_power_va", "output_va"].find((name) => known.includes(name));
  const unit = fieldFacts(series.measurement, series.field)?.unit?.shown;
  if (apparent === undefined || unit !== "W") return undefined;
  const watts = { positive: { mean: series.field } };
  return { ...rowsOf(series, place), value: { larger: [{ mean: apparent }, watts] } };
}

/** Where meters put the currents of the phases of what they measure. */
const phaseMeasurements: Readonly<Record<string, string>> = {
  rack_power: "rack_phase",
  energy_meter: "meter_phase",
};

function phasesOf(element: Element, by: readonly string[], asking: Asking): readonly Quantity[] {
  const { topology } = asking;
  if (topology.isPlace(element.id)) return [];
  const measured = by.map((id) => currentsOf(topology.element(id), asking));
  const { current } = element.rating;
  const limit = current === undefined ? undefined : current * element.derate;
  const least = leastImbalanced * (current ?? 0);
  const found = element.phases.map((phase): Quantity => {
    const parts = measured.flatMap((currents) => currents?.get(phase) ?? []);
    return { unit: "A", phase, parts, limit, least };
  });
  const whole = !measured.includes(undefined) && found.every(({ parts }) => parts.length > 0);
  return whole ? found : [];
}

/** The currents of an element's own meter by phase; undefined where it does not tell them. */
function currentsOf(element: Element, asking: Asking): ReadonlyMap<Phase, Part> | undefined {
  const [way = []] = element.meters;
  const [first] = way;
  if (first === undefined) return undefined;
  const found = new Map<Phase, Part>();
  for (const phase of element.phases) {
    const own = way.find(({ channel }) => channel === phase);
    const { device } = own ?? first;
    const measurement =
      own === undefined ? phaseMeasurements[first.measurement] : ownPhases(own.measurement);
    const alone = asking.topology.measuredBy(device).every(({ id }) => id === element.id);
    // A channel that is an outlet or a circuit has no phases of its own.
    if (measurement === undefined || (own === undefined && (!alone || way.length > 1))) {
      return undefined;
    }
    const rows = rowsOf({ device, measurement, channel: phase }, asking.place);
    found.set(phase, { ...rows, value: { mean: "current_a" } });
  }
  return found;
}

function ownPhases(measurement: string): string | undefined {
  return Object.values(phaseMeasurements).find((name) => name === measurement);
}

function pueQuestion({ topology, place }: Asking): PueQuestion | string {
  const meters = pueMeters(topology);
  if (typeof meters === "string") return meters;
  const counter = (series: Series): Counter => ({ ...rowsOf(series, place), field: series.field });
  return {
    facility: meters.facility.map(counter),
    it: meters.it.map(counter),
    category: meters.category,
  };
}
