/**
 * What a crash left: pending is what was pending at the checkpoint and is still found, and all
 * that is found above it; what was pending and is not found is damage.
 */
import { RangeSet } from "../telemetry/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Segment } from "./segment.ts";

export interface Recovered {
  /** The highest number found, or the one before the checkpoint's next. */
  readonly last: number;
  /** Batches that were durable once and are not readable now. */
  readonly lost: number;
  /** Batches offered since the checkpoint, readable or lost. */
  readonly since: number;
}

/** Scans segments and fills in what is pending in each. */
export async function recover(
  segments: readonly Segment[],
  { next, pending: before, reserved }: Pick<Checkpoint, "next" | "pending" | "reserved">,
): Promise<Recovered> {
  const missing = RangeSet.of(before);
  const above = new RangeSet();
  let last = next - 1;
  for (const segment of segments) {
    const found = await segment.scan();
    for (const [from, to] of before) keep(segment, found, [from, Math.min(to, next - 1)]);
    keep(segment, found, [next, Number.MAX_SAFE_INTEGER]);
    for (const [from, to] of found.ranges) {
      missing.remove(from, to);
      if (to >= next) above.add(Math.max(from, next), to);
      last = Math.max(last, to);
    }
  }
  // Without a checkpoint nothing tells a lost number from one that was settled or never used.
  const holes = reserved === 0 ? 0 : last - next + 1 - above.size;
  return { last, lost: missing.size + holes, since: above.size + holes };
}

function keep(segment: Segment, found: RangeSet, [low, high]: readonly [number, number]): void {
  for (const [from, to] of found.ranges) {
    const [start, end] = [Math.max(from, low), Math.min(to, high)];
    if (start <= end) segment.pending.add(start, end);
  }
}
