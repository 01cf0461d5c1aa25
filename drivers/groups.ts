/** Groups of a session that reads rows of a profile: one for each pace that rows have. */
import type { Group } from "./contract.ts";

interface Paced {
  /** @unit ms */
  readonly every?: number | undefined;
}

/** A pace as a group's name: `60s`, or `default` for the device's interval. */
export function groupName(every: number | undefined): string {
  if (every === undefined) return "default";
  return every % 1000 === 0 ? `${every / 1000}s` : `${every}ms`;
}

export function groupsOf(rows: readonly Paced[]): Group[] {
  const paces = new Set(rows.map(({ every }) => every));
  return [...paces].map((every) => ({ name: groupName(every), every }));
}
