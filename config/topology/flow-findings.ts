/**
 * What takes more than its rating on paper: in the normal case, when a feed or a ups fails, or on
 * one phase more than on the others.
 */
import type { Finding, FindingSeverity } from "./finding.ts";
import type { Failure, PaperFlow, Use } from "./flow.ts";
import { failuresOf, paperFlow, tightest } from "./flow.ts";
import type { Redundancy } from "./options.ts";
import { shownRating } from "./quantities.ts";
import type { Element, Topology } from "./topology.ts";

/** Sums of the same nameplates in another order differ in their last digits. */
const tolerance = 1 + 1e-9;

/** Unbalance of the phase currents from which loads should be moved; below this load never. */
const unbalance = { most: 0.2, leastLoad: 0.2 };

export function* flowFindings(topology: Topology): Generator<Finding> {
  const normal = paperFlow(topology);
  for (const element of equipmentOf(topology)) {
    const use = tightest(element, normal.of(element.id));
    if (use === undefined || use.used <= use.limit * tolerance) continue;
    yield overRated(element, use);
  }
  yield* failoverFindings(topology, normal);
  for (const element of equipmentOf(topology)) yield* unbalanced(element, normal);
}

function equipmentOf(topology: Topology): readonly Element[] {
  const all = [...topology.elements.values()];
  return all.filter(({ id, kind }) => !topology.isPlace(id) && kind !== "load");
}

function overRated({ id }: Element, use: Use): Finding {
  const beyond = use.used > use.rated * tolerance;
  const [severity, rule] = beyond
    ? (["error", "over-rated"] as const)
    : (["warning", "derated"] as const);
  const sentence = `takes ${shownUse(use)} on paper.`;
  return { rule, severity, element: id, sentence, remedy: "move loads to another branch" };
}

/** `38.4 A on L1 of 32 A, of which 25.6 A may last`. */
function shownUse({ unit, phase, used, limit, rated }: Use): string {
  const on = phase === undefined ? "" : ` on ${phase}`;
  const lasting = limit < rated ? `, of which ${shownRating(limit, unit)} may last` : "";
  return `${shownRating(used, unit)}${on} of ${shownRating(rated, unit)}${lasting}`;
}

/** What would be overloaded by taking over; told once, in the worst case. */
function* failoverFindings(topology: Topology, normal: PaperFlow): Generator<Finding> {
  const worst = new Map<Element, { readonly use: Use; readonly failure: Failure }>();
  for (const failure of failuresOf(topology)) {
    const flow = paperFlow(topology, failure.elements);
    for (const element of equipmentOf(topology)) {
      const use = tightest(element, flow.of(element.id));
      if (use === undefined || use.used <= use.limit * tolerance) continue;
      const before = tightest(element, normal.of(element.id));
      // What is too much already is told as such.
      if (before !== undefined && before.used > before.limit * tolerance) continue;
      const known = worst.get(element)?.use;
      if (known !== undefined && known.used / known.limit >= use.used / use.limit) continue;
      worst.set(element, { use, failure });
    }
  }
  for (const [element, { use, failure }] of worst)
    yield failover(topology, element, { use, failure });
}

function failover(
  topology: Topology,
  element: Element,
  { use, failure }: { readonly use: Use; readonly failure: Failure },
): Finding {
  const name = failure.kind === "feed" ? `feed ${failure.name}` : failure.name;
  const heavy: FindingSeverity = use.used > use.rated * tolerance ? "error" : "warning";
  const severity = isAsked(topology, element, failure) ? heavy : "note";
  const sentence = `would take ${shownUse(use)} when ${name} fails.`;
  const remedy = "plan less behind it, so that each side can carry both";
  return { rule: "failover", severity, element: element.id, sentence, remedy };
}

const asks: Readonly<Record<Failure["kind"], readonly Redundancy[]>> = {
  feed: ["2N"],
  ups: ["N+1", "2N"],
};

/** Whether anybody behind the element counts on it in this failure. */
function isAsked(topology: Topology, { id }: Element, { kind }: Failure): boolean {
  return topology.downstream(id).some(({ redundancy }) => asks[kind].includes(redundancy));
}

/** Told where power is shared out: what stands above a single branch says the same. */
function* unbalanced(element: Element, normal: PaperFlow): Generator<Finding> {
  const { id, phases, children, rating } = element;
  const amperes = phases.map((phase) => normal.of(id).amperes[phase] ?? 0);
  const mean = amperes.reduce((sum, one) => sum + one, 0) / amperes.length;
  if (phases.length < 3 || children.length < 2 || mean === 0) return;
  if (mean < unbalance.leastLoad * (rating.current ?? 0)) return;
  const worst = Math.max(...amperes.map((one) => Math.abs(one - mean))) / mean;
  if (worst <= unbalance.most * tolerance) return;
  const shown = phases.map((phase, at) => `${phase} ${shownRating(amperes[at] ?? 0, "A")}`);
  const percent = `${Math.round(worst * 100)} %`;
  const sentence = `its phases are unbalanced on paper by ${percent}: ${shown.join(", ")}.`;
  const remedy = "move single-phase loads to the phase that carries least";
  yield { rule: "unbalanced", severity: "warning", element: id, sentence, remedy };
}
