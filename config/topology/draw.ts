/**
 * A topology as trees of text: places with what stands in them, and the way of power, in which
 * what is fed twice stands under both, marked.
 */
import type { Element, Topology } from "./topology.ts";

/** A line with what hangs below it. */
export interface Branch {
  readonly text: string;
  readonly below: readonly Branch[];
}

/** `├─ a`, `│  └─ b`: one line a branch. */
export function drawn(roots: readonly Branch[]): readonly string[] {
  return roots.flatMap((root) => [root.text, ...linesBelow(root, "")]);
}

function linesBelow({ below }: Branch, indent: string): readonly string[] {
  return below.flatMap((branch, at) => {
    const last = at === below.length - 1;
    const line = `${indent}${last ? "└─ " : "├─ "}${branch.text}`;
    return [line, ...linesBelow(branch, `${indent}${last ? "   " : "│  "}`)];
  });
}

/** Says of an element what stands behind its name. */
export type Told = (element: Element) => string;

/** A place with all that stands in it, devices too. */
export function placeTree(topology: Topology, id: string, told: Told): Branch {
  const all = topology.inside(id);
  const places = all.filter((element) => topology.isPlace(element.id));
  const inside = [...places, ...all.filter((element) => !places.includes(element))].map((element) =>
    placeTree(topology, element.id, told),
  );
  const devices = topology.devicesIn(id).map((device) => ({ text: `device ${device}`, below: [] }));
  const text = told(topology.element(id));
  return { text, below: [...inside, ...(topology.isPlace(id) ? devices : [])] };
}

/** Most lines of a tree of power: boards that feed each other twice could make millions. */
export const mostPowerLines = 20_000;

/** The ways of power from some elements down; only what `shown` lets through. */
export function powerTree(
  topology: Topology,
  roots: readonly Element[],
  { told, shown }: { readonly told: Told; readonly shown: (element: Element) => boolean },
): readonly Branch[] {
  let left = mostPowerLines;
  const branch = (element: Element, under: string | undefined): Branch[] => {
    if (!shown(element) || left <= 0) return [];
    left -= 1;
    const others = element.parents.filter((parent) => parent !== under);
    const also =
      under === undefined || others.length === 0 ? "" : ` (also from ${others.join(", ")})`;
    const below = element.children.flatMap((id) => branch(topology.element(id), element.id));
    return [{ text: `${told(element)}${also}`, below }];
  };
  const tree = roots.flatMap((root) => branch(root, undefined));
  const cut = { text: `… cut off after ${mostPowerLines} lines: look at a part of it`, below: [] };
  return left > 0 ? tree : [...tree, cut];
}
