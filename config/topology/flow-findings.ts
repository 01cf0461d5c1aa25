/**
 * What takes more than its rating on paper in the normal case, or more on one phase than on the
 * others.
 */
import type { Finding } from "./finding.ts";
import type { PaperFlow, Use } from "./flow.ts";
import { paperFlow, tightest } from "./flow.ts";
import { tolerance } from "./grid.ts";
import { shownRating } from "./quantities.ts";
import type { Element, Topology } from "./topology.ts";

/** Unbalance of the phase currents from which loads should be moved; below this load never. */
const unbalance = { most: 0.2, leastLoad: 0.2 };

export function* flowFindings(topology: Topology): Generator<Finding> {
  const normal = paperFlow(topology);
  for (const element of normal.overloads()) {
    const use = tightest(element, normal.of(element.id));
    if (use !== undefined) yield overRated(element, use);
  }
  for (const element of topology.elements.values()) {
    if (!topology.isPlace(element.id)) yield* unbalanced(element, normal);
  }
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
export function shownUse({ unit, phase, used, limit, rated }: Use): string {
  const on = phase === undefined ? "" : ` on ${phase}`;
  const lasting = limit < rated ? `, of which ${shownRating(limit, unit)} may last` : "";
  return `${shownRating(used, unit)}${on} of ${shownRating(rated, unit)}${lasting}`;
}

/** Told where power is shared out: what stands above a single branch says the same. */
function* unbalanced(element: Element, normal: PaperFlow): Generator<Finding> {
  const { id, phases, children, rating } = element;
  if (phases.length < 3 || children.length < 2) return;
  const flow = normal.of(id);
  const amperes = phases.map((phase) => flow.amperes[phase] ?? 0);
  const mean = amperes.reduce((sum, one) => sum + one, 0) / amperes.length;
  if (mean === 0) return;
  if (mean < unbalance.leastLoad * (rating.current ?? 0)) return;
  const worst = Math.max(...amperes.map((one) => Math.abs(one - mean))) / mean;
  if (worst <= unbalance.most * tolerance) return;
  const shown = phases.map((phase, at) => `${phase} ${shownRating(amperes[at] ?? 0, "A")}`);
  const percent = `${Math.round(worst * 100)} %`;
  const sentence = `its phases are unbalanced on paper by ${percent}: ${shown.join(", ")}.`;
  const remedy = "move single-phase loads to the phase that carries least";
  yield { rule: "unbalanced", severity: "warning", element: id, sentence, remedy };
}
