/** Measured power, shared out to where it ends: what a failure moves is known of each consumer. */
import type { Powers, Topology } from "../../config/index.ts";
import { nameplate } from "../../config/index.ts";
import type { Steps } from "./steps.ts";
import type { Usage } from "./usage.ts";
import { usualFlow } from "./usage.ts";

type Power = ReturnType<typeof nameplate>;

export interface Consumers {
  /** By element: loads, and racks without loads. */
  readonly powers: Powers;
  /** Counted with what is planned for them, because nobody measures them. */
  readonly onPaper: readonly string[];
}

/**
 * What each consumer takes, at the 95th percentile. Of a rack its loads share what it takes: those
 * that are measured have theirs, the others the rest by their nameplates. Each watt counts once.
 */
export function* consumerSteps(
  topology: Topology,
  usages: ReadonlyMap<string, Usage>,
): Steps<Consumers> {
  const powers = new Map<string, Power>();
  const onPaper: string[] = [];
  const known = (id: string): Power | undefined => {
    const usage = usages.get(id);
    return usage && usualFlow(usage);
  };
  for (const element of topology.elements.values()) {
    if (!topology.isConsumer(element)) continue;
    yield;
    const place = topology.element(element.place ?? topology.site);
    if (element.kind === "load" && place.kind === "rack") continue;
    const power = known(element.id);
    if (power === undefined) onPaper.push(element.id);
    powers.set(element.id, power ?? nameplate(topology, element));
  }
  for (const rack of topology.elements.values()) {
    if (rack.kind !== "rack" || topology.isConsumer(rack)) continue;
    yield;
    const loads = topology.inside(rack.id).filter(({ kind }) => kind === "load");
    const own = loads.map((load) => known(load.id));
    const whole = known(rack.id);
    const rest = whole && less(whole, own);
    const papers = loads.map((load) => nameplate(topology, load));
    const open = papers.filter((_, at) => own[at] === undefined);
    for (const [at, { id }] of loads.entries()) {
      const paper = papers[at] ?? nothing;
      const share = rest && shareOf(rest, paper, open);
      const power = own[at] ?? share ?? paper;
      if (own[at] === undefined && share === undefined) onPaper.push(id);
      powers.set(id, power);
    }
    // What the rack takes beyond its loads, which are all measured, is lost in it or not listed.
    if (rest !== undefined && open.length === 0) powers.set(rack.id, rest);
  }
  return { powers, onPaper };
}

const nothing: Power = { watts: 0, voltAmperes: 0 };

function less(whole: Power, parts: readonly (Power | undefined)[]): Power {
  const sum = (pick: (power: Power) => number): number =>
    parts.reduce((all, one) => all + (one === undefined ? 0 : pick(one)), 0);
  return {
    watts: Math.max(0, whole.watts - sum(({ watts }) => watts)),
    voltAmperes: Math.max(0, whole.voltAmperes - sum(({ voltAmperes }) => voltAmperes)),
  };
}

/** By nameplate; evenly where no nameplate says anything. */
function shareOf(rest: Power, paper: Power, open: readonly Power[]): Power {
  const all = open.reduce((sum, { voltAmperes }) => sum + voltAmperes, 0);
  const share = all > 0 ? paper.voltAmperes / all : 1 / open.length;
  return { watts: rest.watts * share, voltAmperes: rest.voltAmperes * share };
}
