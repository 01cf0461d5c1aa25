/**
 * Mistakes of a topology that no single key shows: names that nothing has, loops, two where only
 * one may be, phases that do not exist. With any of them there is no topology to speak of.
 */
import { nearest } from "../validate.ts";
import { inletProblems, waterProblems } from "./inlets.ts";
import type { Draft, ElementKind, Mention, TopologyProblem } from "./links.ts";
import { draftsOf, mentions } from "./links.ts";
import type { SiteFacts } from "./meters.ts";
import { meterProblems } from "./meters.ts";
import type { Phase, TopologyOptions } from "./options.ts";
import { phaseNames } from "./options.ts";

/** What may have how many feeding it. @unit inputs */
const mostInputs: Readonly<Record<ElementKind, number>> = {
  site: 0,
  room: 0,
  row: 0,
  source: 0,
  transformer: 1,
  ups: 1,
  breaker: 1,
  pdu: 1,
  ats: 2,
  switchboard: 8,
  rack: 8,
  load: 8,
};

/** The most elements in a row from a source to a load; a large site has a dozen. */
const deepest = 64;

/** Loops that are told of; one is enough to mend the next. */
const mostLoops = 8;

/** Every mistake, each at its key. */
export function topologyProblems(
  options: TopologyOptions,
  site: SiteFacts,
): readonly TopologyProblem[] {
  const drafts = draftsOf(options);
  const byId = new Map<string, Draft>();
  const found: TopologyProblem[] = [];
  for (const draft of drafts) {
    const other = draft.id === site.name ? "the site" : byId.get(draft.id)?.at.join(".");
    if (other !== undefined) found.push({ at: draft.at, message: `${other} has this name too` });
    byId.set(draft.id, draft);
  }
  const devices = new Map(site.devices.map((device) => [device.id, device]));
  for (const draft of drafts) {
    found.push(...placeProblems(draft, byId), ...linkProblems(draft, byId));
    found.push(...ownProblems(draft, options), ...meterProblems(draft, devices));
    found.push(...inletProblems(draft, devices));
  }
  found.push(...waterProblems(options, devices));
  if (found.length > 0) return found;
  const { order, loops } = orderOf(drafts);
  if (loops.length > 0) return loops;
  return [...depthProblems(order), ...phaseProblems(order, byId)];
}

function* placeProblems(
  { kind, standsIn }: Draft,
  byId: ReadonlyMap<string, Draft>,
): Generator<TopologyProblem> {
  for (const place of standsIn) {
    if (byId.get(place.name)?.kind === place.kind) continue;
    const names = [...byId.values()].filter((one) => one.kind === place.kind).map(({ id }) => id);
    yield { at: place.at, message: `no ${place.kind} "${place.name}"; ${hint(place, names)}` };
  }
  const [nearer, wider] = standsIn;
  if (nearer === undefined || wider === undefined) return;
  const message = `a ${kind} stands in one place: its ${nearer.kind} says the ${wider.kind}`;
  yield { at: wider.at, message };
}

/** `did you mean "r12"?`, or what there is. */
function hint({ name }: Mention, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? "there is none" : `known: ${known.slice(0, 12).join(", ")}`;
}

function* linkProblems(draft: Draft, byId: ReadonlyMap<string, Draft>): Generator<TopologyProblem> {
  const { kind, at, options, fedBy } = draft;
  const own = mentions(options.fedBy ?? [], [...at, "fedBy"]);
  const toward = mentions(options.feeds ?? [], [...at, "feeds"]);
  for (const [from, list] of [
    [true, own],
    [false, toward],
  ] as const) {
    const seen = new Set<string>();
    for (const mention of list) {
      const message = nameProblem(mention, from, byId);
      if (message !== undefined) yield { at: mention.at, message };
      else if (seen.has(mention.name)) yield { at: mention.at, message: "is named twice" };
      seen.add(mention.name);
    }
  }
  const most = mostInputs[kind];
  const extra = fedBy[most];
  if (extra === undefined) return;
  const all = fedBy.map(({ name }) => name).join(", ");
  const may = most === 0 ? "is fed by nothing" : `is fed by at most ${most}`;
  const remedy = most === 1 ? "; put an ats or a switchboard between" : "";
  yield { at: extra.at, message: `a ${kind} ${may}, not by ${all}${remedy}` };
}

function nameProblem(
  mention: Mention,
  isParent: boolean,
  byId: ReadonlyMap<string, Draft>,
): string | undefined {
  const fits = ({ kind }: Draft): boolean =>
    isParent ? !["room", "row", "rack", "load"].includes(kind) : !["room", "row"].includes(kind);
  const found = byId.get(mention.name);
  if (found !== undefined) {
    return fits(found) ? undefined : `${mention.name} is a ${found.kind}, which cannot be linked`;
  }
  const known = [...byId.values()].filter(fits).map(({ id }) => id);
  return `nothing is called "${mention.name}"; ${hint(mention, known)}`;
}

function* ownProblems(draft: Draft, all: TopologyOptions): Generator<TopologyProblem> {
  const { kind, at, options } = draft;
  const { feed, cable, units, redundancy } = options;
  if (feed !== undefined && !all.feeds.includes(feed)) {
    const message = `no feed "${feed}"; ${hint({ name: feed, at }, all.feeds)}`;
    yield { at: [...at, "feed"], message };
  }
  if (kind === "load" && (options.feeds ?? []).length > 0) {
    yield { at: [...at, "feeds"], message: "a load feeds nothing" };
  }
  if (cable !== undefined && kind !== "breaker") {
    yield { at: [...at, "cable"], message: "only a breaker has the cable behind it" };
  }
  if (kind !== "load" && at[0] === "equipment" && redundancy !== undefined) {
    yield { at: [...at, "redundancy"], message: "is said of loads, racks, rows and rooms" };
  }
  if (kind !== "load" && at[0] === "equipment" && units !== undefined) {
    yield { at: [...at, "units"], message: "is said of loads and racks" };
  }
}

interface Ordered {
  /** What feeds stands before what is fed. */
  readonly order: readonly Draft[];
  readonly loops: readonly TopologyProblem[];
}

/** The drafts in the direction of power, as far as there is one. */
export function orderOf(drafts: readonly Draft[]): Ordered {
  const fed = new Map<string, Draft[]>();
  const open = new Map(drafts.map((draft) => [draft, draft.fedBy.length]));
  for (const draft of drafts) {
    for (const { name } of draft.fedBy) {
      const children = fed.get(name) ?? [];
      children.push(draft);
      fed.set(name, children);
    }
  }
  const order = drafts.filter(({ fedBy }) => fedBy.length === 0);
  // The list grows while it is walked.
  for (const { id } of order) {
    for (const child of fed.get(id) ?? []) {
      const left = (open.get(child) ?? 0) - 1;
      open.set(child, left);
      if (left === 0) order.push(child);
    }
  }
  const done = new Set(order);
  return {
    order,
    loops: loopsOf(new Map(drafts.flatMap((d) => (done.has(d) ? [] : [[d.id, d]])))),
  };
}

/** Among what could not be put in order each has a feeder, so walking up must come back. */
function loopsOf(left: ReadonlyMap<string, Draft>): TopologyProblem[] {
  const found: TopologyProblem[] = [];
  const seen = new Set<string>();
  for (const start of left.values()) {
    const path: Draft[] = [];
    let at: Draft | undefined = start;
    while (at !== undefined && !seen.has(at.id)) {
      seen.add(at.id);
      path.push(at);
      at = at.fedBy.map(({ name }) => left.get(name)).find((one) => one !== undefined);
    }
    const from = at === undefined ? -1 : path.indexOf(at);
    if (at === undefined || from === -1) continue;
    const round = path.slice(from).toReversed();
    const names = [...round, ...round.slice(0, 1)].map(({ id }) => id).join(" → ");
    const closing = at.fedBy.find(({ name }) => left.has(name));
    found.push({ at: closing?.at ?? at.at, message: `feeds itself: ${names}` });
    if (found.length === mostLoops) break;
  }
  return found;
}

function depthProblems(order: readonly Draft[]): TopologyProblem[] {
  const depths = new Map<string, number>();
  for (const { id, at, fedBy } of order) {
    const depth = 1 + Math.max(0, ...fedBy.map(({ name }) => depths.get(name) ?? 0));
    const message = `is the ${depth}th in a row from its source; at most ${deepest} may be`;
    if (depth > deepest) return [{ at, message }];
    depths.set(id, depth);
  }
  return [];
}

/** Phases of each element by its own word, else those of what feeds it. */
export function phasesIn(order: readonly Draft[]): ReadonlyMap<string, readonly Phase[]> {
  const phases = new Map<string, readonly Phase[]>();
  for (const { id, options, fedBy } of order) {
    const above = phases.get(fedBy[0]?.name ?? "") ?? phaseNames;
    phases.set(
      id,
      phaseNames.filter((name) => (options.phases ?? above).includes(name)),
    );
  }
  return phases;
}

function phaseProblems(
  order: readonly Draft[],
  byId: ReadonlyMap<string, Draft>,
): TopologyProblem[] {
  const phases = phasesIn(order);
  return order.flatMap(({ id, kind, at, options, fedBy }) =>
    fedBy.flatMap(({ name }) => {
      // A rack has cords, not phases; a load behind it has what its cord has.
      if (kind === "rack" || byId.get(name)?.kind === "rack") return [];
      if (kind === "load" && options.phases === undefined) return [];
      const above = phases.get(name) ?? [];
      const missing = (phases.get(id) ?? []).filter((phase) => !above.includes(phase));
      if (missing.length === 0) return [];
      const key = options.phases === undefined ? at : [...at, "phases"];
      return [
        { at: key, message: `${name} brings ${above.join(", ")}, not ${missing.join(", ")}` },
      ];
    }),
  );
}
