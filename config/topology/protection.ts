/**
 * Breakers on paper: what is behind one must stand its current, and of two in a row the nearer to
 * the load must trip first.
 */
import type { Finding } from "./finding.ts";
import { shownRating } from "./quantities.ts";
import type { Element, Topology } from "./topology.ts";
import { transforms } from "./topology.ts";

export function* protectionFindings(topology: Topology): Generator<Finding> {
  for (const element of topology.elements.values()) {
    const children = element.children.map((id) => topology.element(id));
    if (element.kind === "breaker") yield* breakerFindings(element, children);
    yield* sumFindings(element, children);
  }
}

function* breakerFindings(
  { id, rating }: Element,
  children: readonly Element[],
): Generator<Finding> {
  const { current, cable } = rating;
  if (current === undefined) return;
  const own = shownRating(current, "A");
  if (cable !== undefined && current > cable) {
    const sentence = `trips at ${own}, but the cable behind it carries ${shownRating(cable, "A")}.`;
    const remedy = "a smaller breaker or a thicker cable";
    yield { rule: "breaker-cable", severity: "error", element: id, sentence, remedy };
  }
  for (const { id: child, kind, rating: below } of children) {
    if (below.current === undefined || transforms(kind)) continue;
    const carries = `${child} is rated ${shownRating(below.current, "A")}`;
    if (kind === "breaker" && below.current > current) {
      const sentence = `is rated ${own} and trips before ${child}: ${carries}.`;
      const remedy = "the breaker nearer to the load must be the smaller one";
      yield { rule: "breaker-order", severity: "warning", element: id, sentence, remedy };
    } else if (kind !== "breaker" && current > below.current) {
      const sentence = `trips at ${own}, but ${carries}.`;
      const remedy = `a breaker of at most ${shownRating(below.current, "A")}`;
      yield { rule: "breaker-load", severity: "error", element: id, sentence, remedy };
    }
  }
}

/** Breakers may together be rated for more than what feeds them: usual, but worth knowing. */
function* sumFindings(
  { id, phases, rating }: Element,
  children: readonly Element[],
): Generator<Finding> {
  const { current } = rating;
  const breakers = children.filter(({ kind }) => kind === "breaker");
  if (current === undefined || breakers.length < 2) return;
  const sums = phases.map((phase) =>
    breakers.reduce(
      (sum, one) => sum + (one.phases.includes(phase) ? (one.rating.current ?? 0) : 0),
      0,
    ),
  );
  const most = Math.max(...sums);
  if (most <= current) return;
  const times = (most / current).toFixed(2);
  const sum = `breakers of ${shownRating(most, "A")} hang on ${shownRating(current, "A")}`;
  const sentence = `${sum}, ${times} times its rating.`;
  const remedy = "usual where not all draw at once; hold the measured load against the rating";
  yield { rule: "oversubscribed", severity: "note", element: id, sentence, remedy };
}
