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
  const { next, reserved, pending: listed } = checkpoint;
  const before = RangeSet.of(listed);
  const kept = new RangeSet();
  const above = new RangeSet();
  let last = next - 1;
  const pending = found.map(({ ranges }) =>
    ranges.flatMap(([from, to]) => {
      const old = [...before.within(from, Math.min(to, next - 1))];
      for (const [first, end] of old) kept.add(first, end);
      if (to < next) return old;
      const fresh: Range = [Math.max(from, next), to];
      above.add(...fresh);
      last = Math.max(last, to);
      return [...old, fresh];
    }),
  );
  // Without a checkpoint nothing tells a lost number from one that was settled or never used.
  const holes = reserved === 0 ? 0 : last - next + 1 - above.size;
  const lost = before.size - kept.size + holes;
  const since = above.size + holes;
  const { pending: _listed, ...counts } = checkpoint;
  return {
    pending,
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
