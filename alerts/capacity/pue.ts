/**
 * Energy figures from counters, numerator and denominator over one span. Below twelve months they
 * are interim.
 *
 *   PUE   ISO/IEC 30134-2 (EN 50600-4-2): energy of the site over energy of IT
 *   pPUE  the same, annex on derivatives: inside one boundary, (subsystems + IT) over IT
 *   WUE   ISO/IEC 30134-9: litres of water of the site a kWh of IT
 */
import type { Element, Series, Topology } from "../../config/index.ts";
import { measuredPower } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { measurementEntry } from "../../telemetry/index.ts";
import type { Rises } from "./counters.ts";
import { Counters } from "./counters.ts";
import type { Reading } from "./read-fields.ts";
import type { Pace, Steps } from "./steps.ts";
import { atOnce } from "./steps.ts";

/** Where the energy of IT is measured: at the UPS, at the PDU, at the equipment. */
export type PueCategory = 1 | 2 | 3;

interface Unknown {
  readonly ratio: undefined;
  readonly why: string;
}

/** Over which time a figure is. */
interface Spanned {
  /** Both ends. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  readonly to: number;
  /** Share of the time asked for that lies between both ends. */
  readonly coverage: number;
}

export type Pue =
  | Unknown
  | (Spanned & {
      readonly ratio: number;
      readonly category: PueCategory;
      /** Of all inside the boundary. @unit Wh */
      readonly facility: number;
      /** @unit Wh */
      readonly it: number;
    });

/** Inside a room, or behind the beginning of a feed. */
export interface PartialPue {
  readonly kind: "room" | "feed";
  readonly name: string;
  readonly pue: Pue;
}

export type Wue =
  | Unknown
  | (Spanned & {
      /** @unit l/kWh */
      readonly ratio: number;
      readonly litres: number;
      /** @unit Wh */
      readonly it: number;
    });

export interface EnergyFigures {
  readonly pue: Pue;
  readonly partial: readonly PartialPue[];
  /** Undefined: the topology names no water meter. */
  readonly wue: Wue | undefined;
}

/** Counters of energy, as the measurements name them. */
const counters = ["energy_wh_total", "import_wh_total"] as const;

interface Side {
  readonly series: readonly Series[];
  readonly category: PueCategory;
}

interface Asked {
  readonly reading: Reading;
  readonly signal: AbortSignal;
}

/** @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function energyOf(
  topology: Topology,
  store: Pick<Store, "query">,
  { pace, ...asked }: Asked & { readonly pace: Pace },
): Promise<EnergyFigures> {
  const { whole, it, parts } = await pace(boundarySteps(topology));
  const deps = { read: new Counters(store, asked), since: asked.reading.since };
  const pue = await ratioOf(whole, it, deps);
  const partial: PartialPue[] = [];
  for (const { kind, name, whole: all, it: own } of parts) {
    partial.push({ kind, name, pue: await ratioOf(all, own, deps) });
  }
  return { pue, partial, wue: await wueOf(topology, it, deps) };
}

/** The counters of energy that a site's PUE is made of. */
export interface PueMeters {
  readonly facility: readonly Series[];
  readonly it: readonly Series[];
  readonly category: PueCategory;
}

/** Which counters stand for both sides, or why none do. */
export function pueMeters(topology: Topology): PueMeters | string {
  const { whole, it } = atOnce(boundarySteps(topology));
  if (typeof whole === "string") return whole;
  return typeof it === "string" ? it : { facility: whole, it: it.series, category: it.category };
}

/** What goes into a boundary and what of it is IT, or why that is not measured. */
interface Boundary {
  readonly whole: readonly Series[] | string;
  readonly it: Side | string;
}

interface Boundaries extends Boundary {
  readonly parts: readonly (Boundary & Pick<PartialPue, "kind" | "name">)[];
}

/** A rack a step. */
function* boundarySteps(topology: Topology): Steps<Boundaries> {
  const racks: Rack[] = [];
  const rooms: Element[] = [];
  for (const element of topology.elements.values()) {
    if (element.kind === "room") rooms.push(element);
    if (element.kind !== "rack") continue;
    const { by, missing } = measuredPower(topology, element.id);
    const around = new Set(topology.placesAround(element.id).map(({ id }) => id));
    racks.push({ element, around, by: by.map((id) => topology.element(id)), missing });
    yield;
  }
  const parts: (Boundary & Pick<PartialPue, "kind" | "name">)[] = [];
  for (const { id: name } of rooms) {
    const inside = racks.filter(({ around }) => around.has(name));
    const whole = wholeRoom(topology, name, inside);
    parts.push({ kind: "room", name, whole, it: racksOf(inside, name) });
    yield;
  }
  for (const [name, begins] of feedsOf(topology)) {
    const whole = sumOf(begins, "has no meter with a counter of energy");
    parts.push({ kind: "feed", name, whole, it: itOnFeed(racks, name) });
    yield;
  }
  return { whole: facilityOf(topology, racks), it: itOf(topology, racks), parts };
}

/** A rack, and whose meters its power is. */
interface Rack {
  readonly element: Element;
  /** Places around it. */
  readonly around: ReadonlySet<string>;
  readonly by: readonly Element[];
  readonly missing: readonly string[];
}

interface Deps {
  readonly read: Counters;
  /** @unit ms */
  readonly since: number;
}

async function ratioOf(
  all: readonly Series[] | string,
  it: Side | string,
  { read, since }: Deps,
): Promise<Pue> {
  if (typeof all === "string") return unknown(all);
  if (typeof it === "string") return unknown(it);
  const found = await read.between([all, it.series], "energy");
  if (typeof found === "string") return unknown(found);
  const [facility = 0, used = 0] = found.rises;
  if (used <= 0) return unknown("the energy of IT does not rise");
  if (facility < used) return unknown("IT takes more than the whole: look at the meters");
  const { category } = it;
  return { ratio: facility / used, category, facility, it: used, ...spanOf(found, since) };
}

async function wueOf(
  topology: Topology,
  it: Side | string,
  { read, since }: Deps,
): Promise<Wue | undefined> {
  const { water } = topology;
  if (water.length === 0) return undefined;
  if (typeof it === "string") return unknown(it);
  const meters = water.map((device): Series => {
    return { device, measurement: "water_meter", channel: "", field: "volume_l_total" };
  });
  const found = await read.between([meters, it.series], "count");
  if (typeof found === "string") return unknown(found);
  const [litres = 0, used = 0] = found.rises;
  if (used <= 0) return unknown("the energy of IT does not rise");
  return { ratio: (1000 * litres) / used, litres, it: used, ...spanOf(found, since) };
}

function unknown(why: string): Unknown {
  return { ratio: undefined, why };
}

function spanOf({ from, to }: Rises, since: number): Spanned {
  return { from, to, coverage: (to - from) / since };
}

/** All sources: by their own meters, else by all that they feed. */
function facilityOf(topology: Topology, racks: readonly Rack[]): readonly Series[] | string {
  const sources = [...topology.elements.values()].filter(({ kind }) => kind === "source");
  if (sources.length === 0) return "the topology has no source";
  const by = sources.map(({ id }) => measuredPower(topology, id));
  const all = by.flatMap((one) => one.by).map((id) => topology.element(id));
  const at = by.findIndex((one) => one.missing.length > 0);
  const dumb = isRacksAlone(racks, all) ? sources[0] : sources[at];
  const why = "has no meter with a counter of energy";
  return dumb === undefined ? sumOf(all, why) : `${dumb.id} ${why}`;
}

/** Whether a sum is made of the meters of racks, so that it is IT and nothing beside. */
function isRacksAlone(racks: readonly Rack[], sum: readonly Element[]): boolean {
  const inRacks = new Set(racks.flatMap(({ by }) => by));
  return sum.every((element) => inRacks.has(element));
}

/** At the equipment or the PDUs where all racks are measured there, else at all UPS. */
function itOf(topology: Topology, racks: readonly Rack[]): Side | string {
  const whole = racksOf(racks, topology.site);
  if (typeof whole !== "string") return whole;
  const ups = [...topology.elements.values()].filter(({ kind }) => kind === "ups");
  const nested = ups.some(({ id }) => topology.upstream(id).some(({ kind }) => kind === "ups"));
  const outputs = sumOf(ups, "");
  if (ups.length === 0 || nested || typeof outputs === "string") {
    return "neither all racks nor all UPS have meters with counters of energy";
  }
  return { series: outputs, category: 1 };
}

/** All racks of a place. */
function racksOf(racks: readonly Rack[], place: string): Side | string {
  if (racks.length === 0 || racks.some(({ missing }) => missing.length > 0)) {
    return `not all racks of ${place} are measured`;
  }
  return sideOf(racks.flatMap(({ by }) => by));
}

function sideOf(by: readonly Element[]): Side | string {
  const series = sumOf(by, "has no counter of energy");
  if (typeof series === "string") return series;
  return { series, category: by.every(({ kind }) => kind === "load") ? 3 : 2 };
}

/** A room's own meter, else its racks and all that stands beside them. */
function wholeRoom(
  topology: Topology,
  room: string,
  racks: readonly Rack[],
): readonly Series[] | string {
  const { basis, by, missing } = measuredPower(topology, room);
  if (missing.length > 0) return `no energy of ${missing[0] ?? room} is measured`;
  const all = by.map((id) => topology.element(id));
  if (basis !== "own" && isRacksAlone(racks, all)) {
    return `nothing but its racks is measured in ${room}`;
  }
  return sumOf(all, "has no counter of energy");
}

function feedsOf(topology: Topology): readonly (readonly [string, readonly Element[]])[] {
  const beginning = [...topology.elements.values()].filter(({ feed }) => feed !== undefined);
  return [...Map.groupBy(beginning, ({ feed }) => feed ?? "")].toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  );
}

/** What racks take from one feed: of each what is measured on that feed alone. */
function itOnFeed(racks: readonly Rack[], feed: string): Side | string {
  const on: Element[] = [];
  for (const { element, by, missing } of racks) {
    if (!element.feeds.includes(feed)) continue;
    const legs = by.filter(({ feeds }) => feeds.includes(feed));
    const shared = legs.some(({ feeds }) => feeds.length > 1);
    if (missing.length > 0 || legs.length === 0 || shared) {
      return `${element.id} is not measured on feed ${feed} alone`;
    }
    on.push(...legs);
  }
  return on.length === 0 ? `no rack is on feed ${feed}` : sideOf(on);
}

/** The counters of elements, or who has none. */
function sumOf(elements: readonly Element[], why: string): readonly Series[] | string {
  const found: Series[] = [];
  for (const element of elements) {
    const own = countersOf(element);
    if (own === undefined) return `${element.id} ${why}`;
    found.push(...own);
  }
  return found;
}

/** The counters beside the power of an element; undefined where its meter has none. */
function countersOf({ meters: [way] }: Element): readonly Series[] | undefined {
  const found = way?.flatMap((series): Series[] => {
    const fields = measurementEntry(series.measurement)?.fields ?? {};
    const field = counters.find((name) => Object.hasOwn(fields, name));
    return field === undefined ? [] : [{ ...series, field }];
  });
  return found === undefined || found.length !== way?.length ? undefined : found;
}
