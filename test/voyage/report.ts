/** What an outage is measured by: the goals, and which of them it missed. */
import type { OutageResult } from "./outage.ts";

/** Heap that the agent and the hub of an outage may use together. @unit bytes */
const mostHeap = 256 * 1024 ** 2;
/** Beside the segments: the checkpoint. @unit bytes */
const beside = 1024 ** 2;
const leastDrainRate = 5;
/** Of live latency while the backlog drains, over the normal one. */
const mostSlower = 1.2;

export interface OutageReport extends OutageResult {
  /** Nothing had to be shed. */
  readonly fits: boolean;
  /** Missing although not shed. */
  readonly lost: number;
  readonly slower: { readonly p50: number; readonly p99: number };
  /** Goals missed. */
  readonly failing: readonly string[];
}

export function reportOf(result: OutageResult, spool: number): OutageReport {
  const { shed, missing, normal, draining } = result;
  const all = shed.full + shed.disk + shed.damaged + shed.large;
  const lost = Math.max(0, missing - all);
  const ratio = (slow: number, usual: number): number => Math.round((100 * slow) / usual) / 100;
  const slower = {
    p50: ratio(draining.p50, normal.p50),
    p99: ratio(draining.p99, normal.p99),
  };
  const goals: readonly (readonly [boolean, string])[] = [
    [lost === 0, "lost 0"],
    [result.doubled === 0, "doubled 0"],
    [result.disk <= spool + beside, "disk within the spool's size"],
    [result.heap <= mostHeap, "heap within 256 MiB"],
    [result.drainRate >= leastDrainRate, "drain rate at least 5"],
    [slower.p50 <= mostSlower && slower.p99 <= mostSlower, "live within 1.2 of normal"],
  ];
  const missed = goals.filter(([met]) => !met).map(([, goal]) => goal);
  return { ...result, fits: all === 0, lost, slower, failing: [...missed, ...result.wrong] };
}
