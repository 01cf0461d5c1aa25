/**
 * Chattering (ISA-18.2, IEC 62682): an alert that fires three times within a minute. From then on
 * it is held: it resolves only after a minute of calm (a delayed off). Judged in event time, so
 * that a replay and the hub agree.
 */
import type { Change } from "../evaluate.ts";
import type { Group } from "../groups.ts";
import type { Timing } from "../rule.ts";

/** Firings within `span` that make an alert a chattering one. */
export const often = 3;
/** @unit ms */
export const span = 60_000;
/** How long a chattering alert must be right before it resolves. @unit ms */
export const calm = 60_000;

/** How an alert chatters, kept with it; firings in ms since 1970-01-01 UTC. */
export interface Chatter {
  readonly firings: readonly number[];
  readonly chattering: boolean;
}

/** What a change makes of it. */
export function chatterAfter(before: Chatter | undefined, change: Change): Chatter | undefined {
  const { from, to, time } = change;
  const over = to === "resolved" || to === "inactive";
  if (over) return before?.chattering === true ? undefined : before;
  if (to !== "firing" || from === "unknown") return before;
  const recent = (before?.firings ?? []).filter((one) => time - one < span);
  const firings = [...recent, time].slice(-often);
  return { firings, chattering: before?.chattering === true || firings.length >= often };
}

/** How an alert is timed: as its rule says, or held. */
export function timingOf<T extends Timing>(rule: T, { chatter }: Pick<Group, "chatter">): T {
  if (chatter?.chattering !== true || rule.keep >= calm) return rule;
  return { ...rule, keep: calm };
}
