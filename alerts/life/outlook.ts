/** How all that fires looks at a moment: what follows from what, and of what nobody is told. */
import type { Group } from "../groups.ts";
import type { Causes } from "./causes.ts";
import type { Quiet } from "./quiet.ts";
import type { FiringGroup } from "./trace.ts";

interface Links {
  /** Consequence → root cause. */
  readonly causes: ReadonlyMap<Group, Group>;
  /** Root cause → its consequences. */
  readonly consequences: ReadonlyMap<Group, readonly Group[]>;
}

export interface Outlook extends Links {
  /** Why nobody is told of them. */
  readonly quiet: ReadonlyMap<Group, Quiet>;
}

export const noOutlook: Outlook = { causes: new Map(), consequences: new Map(), quiet: new Map() };

export function linksOf(all: Causes<FiringGroup>): Links {
  const causes = new Map<Group, Group>();
  const consequences = new Map<Group, Group[]>();
  for (const [{ group }, { group: cause }] of all) {
    causes.set(group, cause);
    const list = consequences.get(cause);
    if (list === undefined) consequences.set(cause, [group]);
    else list.push(group);
  }
  return { causes, consequences };
}

/** Whether the payload of an alert says something else than before. */
export function looksOther(group: Group, before: Outlook, now: Outlook): boolean {
  return (
    before.causes.get(group) !== now.causes.get(group) ||
    isShelved(group, before) !== isShelved(group, now) ||
    !isSame(before.consequences.get(group), now.consequences.get(group))
  );
}

function isShelved(group: Group, { quiet }: Outlook): boolean {
  return quiet.get(group)?.why === "shelved";
}

function isSame(some: readonly Group[] = [], others: readonly Group[] = []): boolean {
  return some.length === others.length && some.every((group, index) => group === others[index]);
}
