/**
 * What is wrong with a topology on paper, without a single reading: what is unfed or on one leg,
 * what takes more than its rating now or when something fails, breakers that protect nothing,
 * meters that would be counted twice. Each with what to do about it.
 */
import { failureFindings } from "./failure-findings.ts";
import { flowFindings } from "./flow-findings.ts";
import { naturally } from "./links.ts";
import { doublyCounted } from "./measured.ts";
import { protectionFindings } from "./protection.ts";
import type { Topology } from "./topology.ts";
import { transforms } from "./topology.ts";
import { failuresOf, nameplate, paperFlow } from "./flow.ts";
import type { Finding } from "./finding.ts";
import { findingSeverities, list } from "./finding.ts";
import { tolerance } from "./grid.ts";
import { shownRating } from "./quantities.ts";

/** Everything found, the worst first; the same whatever the order in the file. */
export function paperFindings(topology: Topology): readonly Finding[] {
  const found = [
    ...feedFindings(topology),
    ...redundancyFindings(topology),
    ...flowFindings(topology),
    ...failureFindings(topology),
    ...protectionFindings(topology),
    ...placeFindings(topology),
    ...meterFindings(topology),
  ];
  return found.toSorted(
    (one, other) =>
      findingSeverities.indexOf(one.severity) - findingSeverities.indexOf(other.severity) ||
      naturally(one.rule, other.rule) ||
      naturally(one.element, other.element) ||
      naturally(one.sentence, other.sentence),
  );
}

/** What no source reaches, what feeds nothing, what has no nameplate. */
function* feedFindings(topology: Topology): Generator<Finding> {
  const flow = paperFlow(topology);
  for (const element of topology.elements.values()) {
    const { id, kind, children, parents } = element;
    if (topology.isPlace(id) && !topology.isConsumer(element)) continue;
    if (!flow.isLive(id)) {
      const above =
        parents.length === 0 ? "nothing feeds it" : `no source is above ${list(parents)}`;
      const remedy = "name what feeds it (fedBy), up to a source";
      yield { rule: "unfed", severity: "error", element: id, sentence: `${above}.`, remedy };
    }
    if (topology.isConsumer(element)) {
      if (nameplate(topology, element).voltAmperes > 0) continue;
      const sentence = "no power is planned for it: it counts as nothing in every sum.";
      const remedy = "give it the power of its nameplate";
      yield { rule: "no-nameplate", severity: "note", element: id, sentence, remedy };
    } else if (children.length === 0) {
      const sentence = `this ${kind} feeds nothing.`;
      const remedy = "name what it feeds, or leave it out";
      yield { rule: "idle", severity: "note", element: id, sentence, remedy };
    }
  }
}

/** 2N means nothing where there are no two feeds. */
function* redundancyFindings(topology: Topology): Generator<Finding> {
  if (failuresOf(topology).some(({ kind }) => kind === "feed")) return;
  const consumers = [...topology.elements.values()].filter((one) => topology.isConsumer(one));
  const asking = consumers.filter(({ redundancy }) => redundancy === "2N");
  if (asking.length === 0) return;
  const sentence = `2N is asked for by ${count(asking.length)}, but there are no two feeds.`;
  const remedy = "name the feeds (topology.feeds) and where each begins (feed)";
  yield { rule: "no-feeds", severity: "error", element: topology.site, sentence, remedy };
}

function count(consumers: number): string {
  return consumers === 1 ? "1 consumer" : `${consumers} consumers`;
}

/** Places that hold more power, heat or height than they may. */
function* placeFindings(topology: Topology): Generator<Finding> {
  for (const { id, kind, rating, units } of topology.elements.values()) {
    if (!topology.isPlace(id)) continue;
    const inside = topology.within(id);
    const watts = inside.reduce((sum, one) => sum + nameplate(topology, one).watts, 0);
    for (const [what, limit] of [
      ["power", rating.power],
      ["cooling", rating.cooling],
    ] as const) {
      if (limit === undefined || watts <= limit * tolerance) continue;
      const has = `its ${what} is ${shownRating(limit, "W")}`;
      const sentence = `holds ${shownRating(watts, "W")} on paper, ${has}.`;
      const remedy = `move loads out of this ${kind}, or raise its ${what}`;
      yield { rule: `over-${what}`, severity: "error", element: id, sentence, remedy };
    }
    const taken = inside.reduce(
      (sum, one) => sum + (one.kind === "load" ? (one.units ?? 0) : 0),
      0,
    );
    if (kind !== "rack" || units === undefined || taken <= units) continue;
    const sentence = `holds ${taken} U of loads, it has ${units} U.`;
    const remedy = "move a load to another rack";
    yield { rule: "over-height", severity: "error", element: id, sentence, remedy };
  }
}

/** Series that stand for two, and equipment at a voltage that is not its own. */
function* meterFindings(topology: Topology): Generator<Finding> {
  for (const { series, elements } of doublyCounted(topology)) {
    const names = elements.map(({ id }) => id).toSorted(naturally);
    const [first = ""] = names;
    const sentence = `${series} stands for ${list(names)}: their sum would count it twice.`;
    const remedy = "leave it at the one that it measures, or name each one's own channel";
    yield { rule: "double-counted", severity: "error", element: first, sentence, remedy };
  }
  for (const { id, kind, voltage, ratedVoltage } of topology.elements.values()) {
    if (ratedVoltage === undefined || transforms(kind)) continue;
    if (Math.abs(ratedVoltage - voltage) <= 0.1 * voltage) continue;
    const [own, got] = [shownRating(ratedVoltage, "V"), shownRating(voltage, "V")];
    const sentence = `is rated for ${own} line to neutral, but gets ${got}.`;
    const remedy = "check the voltage of what feeds it; a transformer changes it";
    yield { rule: "voltage", severity: "error", element: id, sentence, remedy };
  }
}
