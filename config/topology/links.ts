/**
 * A topology as it stands in the file, in one list: each element with its place in the file, what
 * it stands in and what feeds it. `feeds` and `fedBy` of the two ends are one link.
 */
import type { Path } from "../document.ts";
import type { EquipmentKind, EquipmentOptions, InletOptions, TopologyOptions } from "./options.ts";

export type ElementKind = "site" | "room" | "row" | "rack" | EquipmentKind;

/** Options of any element; those that its kind has not are undefined. */
export type ElementOptions = Partial<Omit<EquipmentOptions, "kind">> & {
  readonly meters: EquipmentOptions["meters"];
  readonly cooling?: number | undefined;
  readonly ashrae?: TopologyOptions["ashrae"] | undefined;
  readonly accelerator?: number | undefined;
  readonly inlets?: readonly InletOptions[];
};

/** A name that something in the file is called by, and where it is called so. */
export interface Mention {
  readonly name: string;
  readonly at: Path;
}

/** A mistake, at keys below `topology`. */
export interface TopologyProblem {
  readonly at: Path;
  readonly message: string;
}

export interface Draft {
  readonly id: string;
  readonly kind: ElementKind;
  readonly at: Path;
  readonly options: ElementOptions;
  /** Places that it names, the nearest first. */
  readonly standsIn: readonly (Mention & { readonly kind: "room" | "row" | "rack" })[];
  /** What feeds it, the preferred first, each once. */
  readonly fedBy: Mention[];
}

/** Options do not change, so they are drafted once: for their mistakes and for the topology. */
const drafted = new WeakMap<TopologyOptions, readonly Draft[]>();

/** Every element, in natural order of kind and id, so that the order in the file says nothing. */
export function draftsOf(options: TopologyOptions): readonly Draft[] {
  const known = drafted.get(options) ?? newDrafts(options);
  drafted.set(options, known);
  return known;
}

function newDrafts(options: TopologyOptions): readonly Draft[] {
  const { rooms, rows, racks, equipment } = options;
  const drafts = [
    ...draftsIn("rooms", rooms, () => "room"),
    ...draftsIn("rows", rows, () => "row"),
    ...draftsIn("racks", racks, () => "rack"),
    ...draftsIn("equipment", equipment, ({ kind }) => kind),
  ];
  link(drafts);
  return drafts;
}

function draftsIn<Options extends ElementOptions>(
  section: string,
  all: Readonly<Record<string, Options>>,
  kindOf: (options: Options) => ElementKind,
): Draft[] {
  return sortedNaturally(Object.entries(all), ([id]) => id).map(([id, options]) => {
    const at = [section, id];
    const standsIn = placeKinds.flatMap((kind) => {
      const name = options[kind];
      return name === undefined ? [] : [{ kind, name, at: [...at, kind] }];
    });
    const fedBy = mentions(options.fedBy ?? [], [...at, "fedBy"]);
    return { id, kind: kindOf(options), at, options, standsIn, fedBy };
  });
}

/** From the nearest to the widest. */
const placeKinds = ["rack", "row", "room"] as const;

/** Where each name of a list stands; one name alone stands at the key itself. */
export function mentions(names: readonly string[], at: Path): Mention[] {
  return names.map((name, index) => ({ name, at: names.length > 1 ? [...at, index] : at }));
}

/** Brings links that are written at one end, or follow from the place, to the end that is fed. */
function link(drafts: readonly Draft[]): void {
  const byId = new Map(drafts.map((draft) => [draft.id, draft]));
  const connect = (to: Draft | undefined, name: string, at: Path): void => {
    if (to === undefined || to.fedBy.some((mention) => mention.name === name)) return;
    to.fedBy.push({ name, at });
  };
  for (const { id, at, options } of drafts) {
    for (const mention of mentions(options.feeds ?? [], [...at, "feeds"])) {
      connect(byId.get(mention.name), id, mention.at);
    }
  }
  for (const draft of drafts) {
    const { id, kind, at, options } = draft;
    const rack = options.rack === undefined ? undefined : byId.get(options.rack);
    if (rack?.kind !== "rack") continue;
    // Unless the rack says itself what feeds it.
    if (kind === "pdu" && rack.options.fedBy?.length === 0) connect(rack, id, at);
    if (kind === "load" && draft.fedBy.length === 0) connect(draft, rack.id, at);
  }
}

/** r2 before r10: numbers in names are compared as numbers. */
export function naturally(one: string, other: string): number {
  return compare(orderKey(one), orderKey(other)) || compare(one, other);
}

/** Names in natural order; each key is made once. */
export function sortedNaturally<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
): Item[] {
  return items
    .map((item) => ({ item, name: nameOf(item), key: orderKey(nameOf(item)) }))
    .toSorted((a, b) => compare(a.key, b.key) || compare(a.name, b.name))
    .map(({ item }) => item);
}

function orderKey(name: string): string {
  return name.replace(/\d+/g, (digits) => digits.padStart(16, "0"));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
