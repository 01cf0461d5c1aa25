/**
 * What happens on paper when a feed or a ups fails: who loses power although that must not be, and
 * what would be overloaded by taking over. Each failure is worked out once.
 */
import type { Finding, FindingSeverity } from "./finding.ts";
import { list } from "./finding.ts";
import { shownUse } from "./flow-findings.ts";
import type { Failure, PaperFlow, Use } from "./flow.ts";
import { failuresOf, mustSurvive, paperFlow, tightest } from "./flow.ts";
import { tolerance } from "./grid.ts";
import type { Element, Topology } from "./topology.ts";

interface Overload {
  readonly use: Use;
  readonly failure: Failure;
}

export function* failureFindings(topology: Topology): Generator<Finding> {
  const normal = paperFlow(topology);
  const before = new Set(normal.overloads());
  const consumers = [...topology.elements.values()].filter(
    (element) => topology.isConsumer(element) && normal.isLive(element.id),
  );
  const lost = new Map<Element, string[]>();
  const worst = new Map<Element, Overload>();
  for (const failure of failuresOf(topology)) {
    const flow = paperFlow(topology, failure.elements);
    for (const element of consumers) {
      if (flow.isLive(element.id) || !mustSurvive(element, failure)) continue;
      const names = lost.get(element) ?? [];
      names.push(nameOf(failure));
      lost.set(element, names);
    }
    // What is too much already is told as such.
    const after = flow.overloads().filter((element) => !before.has(element));
    for (const element of after) keepWorst(worst, element, { flow, failure });
  }
  for (const [element, names] of lost) yield oneLegged(element, names);
  for (const [element, overload] of worst) yield failover(topology, element, overload);
}

function nameOf({ kind, name }: Failure): string {
  return kind === "feed" ? `feed ${name}` : name;
}

/** Told once, in the worst case. */
function keepWorst(
  worst: Map<Element, Overload>,
  element: Element,
  { flow, failure }: { readonly flow: PaperFlow; readonly failure: Failure },
): void {
  const use = tightest(element, flow.of(element.id));
  const known = worst.get(element)?.use;
  if (use === undefined) return;
  if (known !== undefined && known.used / known.limit >= (use.used / use.limit) * (2 - tolerance)) {
    return;
  }
  worst.set(element, { use, failure });
}

function oneLegged({ id, redundancy, feeds }: Element, names: readonly string[]): Finding {
  const on = feeds.length === 1 ? ` All its legs are on feed ${feeds.join()}.` : "";
  const sentence = `loses its power with ${list(names)}, but ${redundancy} is asked for.${on}`;
  const remedy = "feed it from a second feed, or say redundancy: N of it";
  return { rule: "one-legged", severity: "error", element: id, sentence, remedy };
}

function failover(topology: Topology, element: Element, { use, failure }: Overload): Finding {
  const heavy: FindingSeverity = use.used > use.rated * tolerance ? "error" : "warning";
  const severity = isAsked(topology, element, failure) ? heavy : "note";
  const sentence = `would take ${shownUse(use)} when ${nameOf(failure)} fails.`;
  const remedy = "plan less behind it, so that each side can carry both";
  return { rule: "failover", severity, element: element.id, sentence, remedy };
}

/** Whether anybody behind the element counts on it in this failure. */
function isAsked(topology: Topology, { id }: Element, failure: Failure): boolean {
  return topology.downstream(id).some((element) => mustSurvive(element, failure));
}
