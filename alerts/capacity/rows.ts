/**
 * A site's capacity as rows of `capacity` (one an element) and `kpi` (one for the site and each
 * room, rack and feed). What is not known is no field, so that nobody takes it for 0. Their `zone`
 * is the room and their `rack` the rack that they are about; their `device` is the hub.
 */
import type { Element, Topology } from "../../config/index.ts";
import type { Fields, Place, Point } from "../../telemetry/index.ts";
import { quality } from "../../telemetry/index.ts";
import type { Ledger, PlaceLedger } from "./accelerators.ts";
import type { ElementCapacity } from "./capacity.ts";
import type { Failover } from "./cases.ts";
import type { PlaceCooling } from "./cooling.ts";
import type { Forecast } from "./forecast.ts";
import type { EnergyFigures } from "./pue.ts";
import type { SiteCapacity } from "./site.ts";
import type { Steps } from "./steps.ts";
import type { Terms } from "./ledger.ts";

/** A row, and where what it is about stands. */
export interface Row {
  readonly point: Point;
  readonly place: Place;
}

type Known = Readonly<Record<string, number | undefined>>;

/** An element a step. */
export function* rowSteps(topology: Topology, site: SiteCapacity): Steps<readonly Row[]> {
  const rows: Row[] = [];
  for (const one of site.capacity.elements) {
    rows.push(capacityRow(topology, one));
    yield;
  }
  rows.push(...(yield* kpiSteps(topology, site)));
  return rows;
}

function capacityRow(topology: Topology, one: ElementCapacity): Row {
  const { element, usage, use, headroom, failover, imbalance, stranded, forecast, room } = one;
  // On paper there is always something left: only what is measured is told.
  const isKnown = usage.watts.p95 !== undefined;
  const known = {
    rated_w: ratedWatts(element, 1),
    derated_w: ratedWatts(element, element.derate),
    now_w: usage.watts.now,
    used_w: usage.watts.p95,
    peak_w: usage.watts.peak,
    headroom_w: headroom,
    load_pct: use && (100 * use.used) / use.limit,
    ...(isKnown ? failoverFields(failover) : {}),
    addable_w: isKnown ? room?.watts : undefined,
    stranded_w: stranded,
    imbalance_pct: imbalance === undefined ? undefined : 100 * imbalance,
    ...fullFields(forecast),
    coverage_pct: 100 * usage.watts.coverage,
  };
  // What had to be assumed is said by the row's quality.
  const q = usage.assumed.length === 0 ? quality.good : quality.substituted;
  const tags = { element: element.id };
  const point = { measurement: "capacity", tags, fields: { ...only(known), q } };
  return { point, place: placeTags(topology, element) };
}

function failoverFields(failover: Failover | undefined): Known {
  if (failover === undefined) return {};
  const { headroom, use } = failover;
  return { failover_headroom_w: headroom, failover_load_pct: (100 * use.used) / use.limit };
}

/** Ratings in other units at power factor 1; the tightest counts. @unit W */
export function ratedWatts(
  { rating, phases, voltage }: Element,
  derate: number,
): number | undefined {
  const { power, apparent, current } = rating;
  const volts = voltage * (phases.length === 2 ? Math.sqrt(3) : phases.length);
  const amperes = current === undefined ? undefined : current * derate * volts;
  const all = [power, apparent, amperes].filter((one) => one !== undefined);
  return all.length === 0 ? undefined : Math.min(...all);
}

function fullIn(days: number): Known {
  return { to_full_d: days, to_full_low_d: days, to_full_high_d: days };
}

/** What does not rise is told as this, so that a rule on days to full ends. @unit d */
const farAway = 3650;

function fullFields(forecast: Forecast | undefined): Known {
  if (forecast?.says === "full") return fullIn(0);
  if (forecast?.says === "not rising") return fullIn(farAway);
  if (forecast?.says !== "rising") return {};
  const { days, earliest, latest } = forecast;
  return {
    to_full_d: Math.min(farAway, days),
    to_full_low_d: Math.min(farAway, earliest),
    to_full_high_d: Math.min(farAway, latest),
  };
}

function* kpiSteps(
  topology: Topology,
  { energy, cooling, accelerators }: SiteCapacity,
): Steps<readonly Row[]> {
  const coolingOf = new Map(cooling.places.map((one) => [one.element.id, one]));
  const ledgers = new Map(accelerators.places.map((one) => [one.element.id, one]));
  const rows: Row[] = [];
  const add = (scope: string, place: Place, known: Known): void => {
    const fields = only(known);
    if (Object.keys(fields).length === 0) return;
    const point = { measurement: "kpi", tags: { scope }, fields: { ...fields, q: quality.good } };
    rows.push({ point, place });
  };
  for (const element of topology.elements.values()) {
    if (!topology.isPlace(element.id)) continue;
    yield;
    add(element.id, placeTags(topology, element), {
      ...energyFields(element, energy),
      ...coolingFields(coolingOf.get(element.id)),
      ...ledgerFields(ledgers.get(element.id)),
    });
  }
  for (const { kind, name, pue } of energy.partial) {
    if (kind === "feed") add(feedScope(name), {}, { ppue_ratio: pue.ratio, ...spanned(pue) });
  }
  return rows;
}

/** A feed may be called as a rack is. */
export function feedScope(feed: string): string {
  return `feed ${feed}`;
}

function energyFields({ id, kind }: Element, { pue, partial, wue }: EnergyFigures): Known {
  if (kind === "site") {
    return { pue_ratio: pue.ratio, wue_lkwh: wue?.ratio, ...spanned(pue) };
  }
  const own = partial.find((one) => one.kind === kind && one.name === id)?.pue;
  return own === undefined ? {} : { ppue_ratio: own.ratio, ...spanned(own) };
}

function spanned(of: EnergyFigures["pue"]): Known {
  return of.ratio === undefined ? {} : { energy_coverage_pct: 100 * of.coverage };
}

function coolingFields(of: PlaceCooling | undefined): Known {
  if (of === undefined) return {};
  const { outRecommended, outAllowable } = of;
  return {
    rci_hi_pct: of.now?.hi,
    rci_lo_pct: of.now?.lo,
    rti_pct: of.rti,
    rise_k: of.rise,
    inlet_c: of.warmest,
    intakes_count: of.speaking,
    out_recommended_pct: outRecommended === undefined ? undefined : 100 * outRecommended,
    out_allowable_pct: outAllowable === undefined ? undefined : 100 * outAllowable,
  };
}

function ledgerFields(of: PlaceLedger | undefined): Known {
  if (of === undefined) return {};
  const { energy, time }: Ledger = of.newest;
  const { whole: nameplate, ...wattHours } = energy;
  const { whole: cards, ...hours } = time;
  return {
    nameplate_wh: nameplate,
    ...suffixed(wattHours, "wh"),
    cards_h: cards,
    ...suffixed(hours, "h"),
    unrated_count: of.unrated,
  };
}

function suffixed(terms: Omit<Terms, "whole">, unit: string): Known {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) => [`${name}_${unit}`, value]),
  );
}

function only(known: Known): Fields {
  return Object.fromEntries(
    Object.entries(known).flatMap(([field, value]) =>
      value === undefined || !Number.isFinite(value) ? [] : [[field, value]],
    ),
  );
}

/** The room and the rack of an element, itself included. */
function placeTags(topology: Topology, element: Element): Place {
  const all = [element, ...topology.placesAround(element.id)];
  const zone = all.find(({ kind }) => kind === "room")?.id;
  const rack = all.find(({ kind }) => kind === "rack")?.id;
  return { ...(zone === undefined ? {} : { zone }), ...(rack === undefined ? {} : { rack }) };
}
