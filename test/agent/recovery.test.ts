/** What recovery says, against the plainest model there is: sets of numbers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstCheckpoint } from "../../agent/index.ts";
import { recover } from "../../agent/recovery.ts";
import { RangeSet } from "../../telemetry/index.ts";
import { SeededEntropy } from "../virtual.ts";
import { numbers } from "./spool_rig.ts";

const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 80 }), { maxLength: 40 });

function setOf(values: readonly number[]): RangeSet {
  return RangeSet.of(values.map((value) => [value, value] as const));
}

function valuesOf(ranges: Iterable<readonly [number, number]>): number[] {
  return [...ranges].flatMap(([from, to]) => numbers(from, to));
}

test("recovery keeps what is found and waits, and counts what is not found", () => {
  fc.assert(
    fc.property(
      fc.array(seqs, { maxLength: 4 }),
      seqs,
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      (segments, listed, next, reserves) => {
        const before = listed.filter((seq) => seq < next);
        const reserved = reserves ? 100 : 0;
        const checkpoint = {
          ...firstCheckpoint("edge", new SeededEntropy(1)),
          next,
          reserved,
          offered: before.length,
          pending: setOf(before).ranges,
        };
        const { pending, lost, since, counts } = recover(segments.map(setOf), checkpoint);
        const found = new Set(segments.flat());
        const waits = (seq: number): boolean => seq >= next || before.includes(seq);
        segments.forEach((segment, index) => {
          const expected = segment.filter(waits).toSorted((a, b) => a - b);
          expect(valuesOf(pending[index] ?? [])).toEqual(expected);
        });
        const last = Math.max(next - 1, ...found);
        const holes = numbers(next, last).filter((seq) => !found.has(seq)).length;
        const missing = before.filter((seq) => !found.has(seq)).length;
        expect(lost).toBe(missing + (reserves ? holes : 0));
        const above = [...found].filter((seq) => seq >= next).length;
        expect(since).toBe(above + (reserves ? holes : 0));
        expect(counts.next).toBe(Math.max(last, reserved) + 1);
        const queued = [...found].filter(waits).length;
        expect(counts.offered).toBe(queued + counts.shed.damaged);
      },
    ),
  );
});
