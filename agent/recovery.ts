/**
 * What a crash left: pending is what was pending at the checkpoint and is still found, and all
 * that is found above it; what was pending and is not found is damage.
 */
import type { Range } from "../telemetry/index.ts";
import { RangeSet } from "../telemetry/index.ts";
import type { Checkpoint, Counts } from "./checkpoint.ts";

export interface Recovered {
  /** What is pending in each segment, in the order given. */
  readonly pending: readonly (readonly Range[])[];
  /** Batches that were durable once and are not readable now. */
  readonly lost: number;
  /** Batches offered since the checkpoint, readable or lost. */
  readonly since: number;
  /** The counts as they stand now; no number up to `next` is handed out again. */
  readonly counts: Counts;
}

/** Judges what was found: the numbers of the good records of each segment. */
export function recover(found: readonly RangeSet[], checkpoint: Checkpoint): Recovered {
  const { pending: listed, ...counts } = checkpoint;
  const { next, reserved } = counts;
  const before = RangeSet.of(listed);
  const all = RangeSet.of(found.flatMap(({ ranges }) => ranges));
  const last = Math.max(next - 1, all.ranges.at(-1)?.[1] ?? 0);
  const waiting = (from: number, to: number): readonly Range[] => {
    const old = [...before.within(from, Math.min(to, next - 1))];
    return to < next ? old : [...old, [Math.max(from, next), to]];
  };
  const kept = sizeOf(all.ranges.flatMap(([from, to]) => waiting(from, to)));
  const above = sizeOf([...all.within(next, Number.MAX_SAFE_INTEGER)]);
  // Without a checkpoint nothing tells a lost number from one that was settled or never used.
  const holes = reserved === 0 ? 0 : last - next + 1 - above;
  const lost = before.size - (kept - above) + holes;
  const since = above + holes;
  return {
    pending: found.map(({ ranges }) => ranges.flatMap(([from, to]) => waiting(from, to))),
    lost,
    since,
    counts: {
      ...counts,
      next: Math.max(last, reserved) + 1,
      offered: counts.offered + since,
      shed: { ...counts.shed, damaged: counts.shed.damaged + lost },
    },
  };
}

function sizeOf(ranges: readonly Range[]): number {
  let size = 0;
  for (const [from, to] of ranges) size += to - from + 1;
  return size;
}
