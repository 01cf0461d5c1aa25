/**
 * The topology of a site: places (site > room > row > rack) as a tree, power (source to load) as
 * a graph without loops, and which device stands where. Pure: built once from the configuration,
 * asked by everybody. Units: W, VA, A of a phase, V line to neutral.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Draft, ElementKind } from "./links.ts";
import { draftsOf, sortedNaturally } from "./links.ts";
import type { Series, SiteFacts } from "./meters.ts";
import { inletSeries } from "./inlets.ts";
import { seriesOf } from "./meters.ts";
import type { AirClass, Phase, Redundancy, TopologyOptions } from "./options.ts";
import { phaseNames } from "./options.ts";
import { orderOf, phasesIn } from "./problems.ts";

/** A place or a piece of equipment. */
export interface Element {
  readonly id: string;
  readonly kind: ElementKind;
  readonly about: string | undefined;
  /** The place it stands in; of the site itself undefined. */
  readonly place: string | undefined;
  /** What feeds it, the preferred first. */
  readonly parents: readonly string[];
  /** What it feeds. */
  readonly children: readonly string[];
  /** The feed that begins here. */
  readonly feed: string | undefined;
  /** Feeds that it is on, by its own word or what is above it. */
  readonly feeds: readonly string[];
  readonly phases: readonly Phase[];
  /** Line to neutral, at its output. @unit V */
  readonly voltage: number;
  /** The voltage that its nameplate says, if any. @unit V */
  readonly ratedVoltage: number | undefined;
  readonly rating: Rating;
  /** Share of the rated current for lasting load. */
  readonly derate: number;
  readonly redundancy: Redundancy;
  /** Height, in rack units. */
  readonly units: number | undefined;
  /** Ways to measure its power, the preferred first; series of one way are added up. */
  readonly meters: readonly (readonly Series[])[];
  /** Of a rack: what measures the air that enters it, by its own word. */
  readonly inlets: readonly Series[];
  /** Which air may enter what stands there; the nearest place's word counts. */
  readonly ashrae: AirClass;
  /** Nameplate of each accelerator there; the nearest place's word counts. @unit W */
  readonly accelerator: number | undefined;
}

export interface Rating {
  /** @unit W */
  readonly power: number | undefined;
  /** @unit VA */
  readonly apparent: number | undefined;
  /** Of a phase. @unit A */
  readonly current: number | undefined;
  /** Of the cable behind a breaker. @unit A */
  readonly cable: number | undefined;
  /** @unit W */
  readonly cooling: number | undefined;
}

export class Topology {
  /** The site, an element too. */
  readonly site: string;
  /** Every element; what feeds stands before what it feeds. */
  readonly elements: ReadonlyMap<string, Element>;
  /** Devices whose sum is the water that the site uses. */
  readonly water: readonly string[];
  readonly #inside: ReadonlyMap<string, readonly string[]>;
  readonly #devicePlaces: ReadonlyMap<string, string>;
  readonly #devicesIn: ReadonlyMap<string, readonly string[]>;

  constructor(elements: readonly Element[], site: SiteFacts, water: readonly string[]) {
    this.site = site.name;
    this.water = water;
    this.elements = new Map(elements.map((element) => [element.id, element]));
    this.#inside = Map.groupBy(
      elements.map(({ id }) => id),
      (id) => this.elements.get(id)?.place ?? "",
    );
    this.#devicePlaces = new Map(site.devices.map((device) => [device.id, this.#placeFor(device)]));
    this.#devicesIn = Map.groupBy(
      sortedNaturally([...this.#devicePlaces.keys()], String),
      (id) => this.#devicePlaces.get(id) ?? site.name,
    );
  }

  #placeFor({ rack, zone }: SiteFacts["devices"][number]): string {
    const named = [rack, zone].find((name) => name !== undefined && this.isPlace(name));
    return named ?? this.site;
  }

  /** @throws E_BUG for a name that nothing has */
  element(id: string): Element {
    const found = this.elements.get(id);
    if (found === undefined) throw new GatewayError("E_BUG", `no element ${id} in the topology`);
    return found;
  }

  isPlace(id: string): boolean {
    const kind = this.elements.get(id)?.kind;
    return kind === "site" || kind === "room" || kind === "row" || kind === "rack";
  }

  /** Places around an element, from the nearest to the site. */
  placesAround(id: string): readonly Element[] {
    const around: Element[] = [];
    let at = this.element(id).place;
    while (at !== undefined) {
      const place = this.element(at);
      around.push(place);
      at = place.place;
    }
    return around;
  }

  /** What stands directly in a place, in natural order. */
  inside(id: string): readonly Element[] {
    const ids = this.#inside.get(id) ?? [];
    return sortedNaturally(ids, String).map((one) => this.element(one));
  }

  /** All that stands in a place, at any depth, without the place itself. */
  within(id: string): readonly Element[] {
    const found: Element[] = this.inside(id).slice();
    // The list grows while it is walked.
    for (const { id } of found) found.push(...this.inside(id));
    return found;
  }

  /** All that brings power to an element, the nearest first, each once. */
  upstream(id: string): readonly Element[] {
    return this.#closure(id, ({ parents }) => parents);
  }

  /** All that an element brings power to, the nearest first, each once. */
  downstream(id: string): readonly Element[] {
    return this.#closure(id, ({ children }) => children);
  }

  #closure(id: string, next: (element: Element) => readonly string[]): readonly Element[] {
    const found = new Set<Element>();
    const walk = [this.element(id)];
    for (const element of walk) {
      for (const name of next(element)) {
        const other = this.element(name);
        if (found.size < found.add(other).size) walk.push(other);
      }
    }
    return [...found];
  }

  /** Where power ends: loads, and racks without loads of their own. */
  isConsumer({ id, kind }: Element): boolean {
    return kind === "load" || (kind === "rack" && !this.#hasLoads(id));
  }

  #hasLoads(rack: string): boolean {
    return (this.#inside.get(rack) ?? []).some((id) => this.elements.get(id)?.kind === "load");
  }

  /** The place of a device: its rack, else its room or row, else the site. */
  placeOfDevice(device: string): string | undefined {
    return this.#devicePlaces.get(device);
  }

  /** Devices directly in a place, in natural order. */
  devicesIn(place: string): readonly string[] {
    return this.#devicesIn.get(place) ?? [];
  }

  /** Elements that a device measures. */
  measuredBy(device: string): readonly Element[] {
    return [...this.elements.values()].filter(({ meters }) =>
      meters.some((way) => way.some((series) => series.device === device)),
    );
  }
}

/**
 * The topology of a configuration without mistakes.
 * @throws E_BUG when `topologyProblems` would name a loop
 */
export function topologyOf(options: TopologyOptions, site: SiteFacts): Topology {
  const { order, loops } = orderOf(draftsOf(options));
  if (loops[0] !== undefined) throw new GatewayError("E_BUG", loops[0].message);
  const phases = phasesIn(order);
  const children = new Map<string, string[]>();
  for (const { id, fedBy } of order) {
    for (const { name } of fedBy) {
      const below = children.get(name) ?? [];
      below.push(id);
      children.set(name, below);
    }
  }
  const built = new Map<string, Element>([[site.name, siteElement(site.name, options)]]);
  const places = order.filter(({ at }) => at[0] !== "equipment").toSorted(byWidth);
  const devices = new Map(site.devices.map((device) => [device.id, device]));
  const said = new Map<string, Said>([[site.name, options]]);
  for (const draft of [...places, ...order.filter(({ at }) => at[0] === "equipment")]) {
    const around = said.get(draft.standsIn[0]?.name ?? site.name) ?? options;
    const { redundancy, ashrae, accelerator } = draft.options;
    said.set(draft.id, {
      redundancy: redundancy ?? around.redundancy,
      ashrae: ashrae ?? around.ashrae,
      accelerator: accelerator ?? around.accelerator,
    });
  }
  for (const draft of order) {
    const above = draft.fedBy.flatMap(({ name }) => built.get(name) ?? []);
    built.set(draft.id, {
      ...basics(draft, above, options),
      place: draft.standsIn[0]?.name ?? site.name,
      parents: draft.fedBy.map(({ name }) => name),
      children: sortedNaturally(children.get(draft.id) ?? [], String),
      phases: phases.get(draft.id) ?? phaseNames,
      ...saidBy(said.get(draft.id) ?? options),
      meters: draft.options.meters.map((meter) => seriesOf(meter, devices.get(meter.device))),
      inlets: (draft.options.inlets ?? []).map(inletSeries),
    });
  }
  return new Topology([...built.values()], site, options.water);
}

/** What is said of a place counts for all that stands in it, unless that says otherwise. */
type Said = Pick<Element, "redundancy" | "ashrae"> & {
  readonly accelerator?: number | undefined;
};

function saidBy({
  redundancy,
  ashrae,
  accelerator,
}: Said): Pick<Element, "redundancy" | "ashrae" | "accelerator"> {
  return { redundancy, ashrae, accelerator };
}

const widths: readonly ElementKind[] = ["room", "row", "rack"];

function byWidth(one: Draft, other: Draft): number {
  return widths.indexOf(one.kind) - widths.indexOf(other.kind);
}

/** What an element says of itself, and takes over from what feeds it. */
function basics(
  { id, kind, options }: Draft,
  above: readonly Element[],
  site: TopologyOptions,
): Omit<Element, "place" | "parents" | "children" | "phases" | "meters" | "inlets" | keyof Said> {
  const { about, feed, power, apparent, current, cable, cooling, units } = options;
  const inherited = above[0]?.voltage ?? site.voltage;
  const feeds = feed === undefined ? above.flatMap((parent) => parent.feeds) : [feed];
  return {
    id,
    kind,
    about,
    feed,
    feeds: sortedNaturally([...new Set(feeds)], String),
    voltage: transforms(kind) ? (options.voltage ?? inherited) : inherited,
    ratedVoltage: options.voltage,
    rating: { power, apparent, current, cable, cooling },
    derate: options.derate ?? (kind === "breaker" ? site.derate : 1),
    units,
  };
}

/** Whether what goes in may differ in voltage and phases from what comes out. */
export function transforms(kind: ElementKind): boolean {
  return kind === "source" || kind === "transformer" || kind === "ups";
}

function siteElement(id: string, options: TopologyOptions): Element {
  const { voltage } = options;
  return {
    ...saidBy(options),
    id,
    kind: "site",
    about: undefined,
    place: undefined,
    parents: [],
    children: [],
    feed: undefined,
    feeds: [],
    phases: phaseNames,
    voltage,
    ratedVoltage: undefined,
    rating: {
      power: undefined,
      apparent: undefined,
      current: undefined,
      cable: undefined,
      cooling: undefined,
    },
    derate: 1,
    units: undefined,
    meters: [],
    inlets: [],
  };
}
