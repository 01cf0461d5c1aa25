/**
 * Stranded power: what an element could still give, but nothing below it can take, because a
 * breaker or a rack on the way is full. Of all failures and of none the same: normal operation.
 */
import type { Element, Topology } from "../../config/index.ts";
import { tightest } from "../../config/index.ts";
import type { Case } from "./cases.ts";
import { headroomOf } from "./cases.ts";

/** Watts by element; absent where nothing below limits, or the element has no limit itself. */
export function strandedOf(topology: Topology, normal: Case): ReadonlyMap<string, number> {
  const open = new Map<string, number>();
  const stranded = new Map<string, number>();
  const own = (element: Element): number => {
    const flow = normal.of(element.id);
    const use = tightest(element, flow);
    return use === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, headroomOf(element, use, flow));
  };
  // What is fed stands after what feeds it.
  for (const element of [...topology.elements.values()].toReversed()) {
    const { id, kind, children } = element;
    if (topology.isPlace(id) && kind !== "rack") continue;
    if (kind === "load") {
      // A load takes what it takes.
      open.set(id, 0);
      continue;
    }
    const headroom = own(element);
    if (kind === "rack") {
      open.set(id, headroom);
      continue;
    }
    const below = children.reduce((sum, child) => sum + (open.get(child) ?? 0), 0);
    open.set(id, Math.min(headroom, below));
    if (Number.isFinite(headroom) && Number.isFinite(below) && children.length > 0) {
      stranded.set(id, Math.max(0, headroom - below));
    }
  }
  return stranded;
}
