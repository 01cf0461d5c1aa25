/**
 * How the work of storing is divided among processes: each message goes to one of them. Any way is
 * right, since each reports what it stored and the agent puts the ranges together.
 */
import type { DeviceAddress } from "../telemetry/index.ts";
import { topicOf } from "../telemetry/index.ts";

/** What one of the processes takes. */
export type Share =
  | {
      /** Devices by a hash, so that each is always at the same process; any broker can do it. */
      readonly part: number;
      /** Of so many; parts are numbered from 1. */
      readonly of: number;
    }
  | {
      /** What the broker gives to the members of a group: a shared subscription. */
      readonly group: string;
    };

/** A topic filter as a member of the group subscribes to it. */
export function filterFor(share: Share | undefined, filter: string): string {
  return share !== undefined && "group" in share ? `$share/${share.group}/${filter}` : filter;
}

/** Whether what a device says is for this process. */
export function isOurs(share: Share | undefined, address: DeviceAddress): boolean {
  if (share === undefined || "group" in share) return true;
  return hashOf(topicOf(address, "telemetry")) % share.of === share.part - 1;
}

/** Spreads texts over numbers, always in the same way. */
export function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
}
