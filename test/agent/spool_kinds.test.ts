/** Telemetry and events lie in segments of their own, and all of both is read again. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf, numbers, pendingOf, rig } from "./spool_rig.ts";

describe("two kinds of segments", () => {
  test("an event that was offered before the telemetry of its commit is read", async () => {
    const { open, append } = rig();
    const spool = await open();
    await append(spool, [batchOf(1, "event"), batchOf(2)]);
    expect((await pendingOf(spool)).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test("the stream begins no later than what a commit under way has yet to write", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    await append(spool, [batchOf(1), batchOf(2, "event")]);
    spool.settle([[1, 2]]);
    const bases: number[] = [];
    const { open: reopen } = disk;
    disk.open = (name, size) => {
      bases.push(spool.base);
      return reopen.call(disk, name, size);
    };
    // The next event is written after telemetry with higher numbers, into a new segment.
    await append(
      spool,
      numbers(3, 60).map((value) => batchOf(value, value === 3 ? "event" : "telemetry")),
    );
    expect(bases.length).toBeGreaterThan(0);
    expect([...bases, spool.base]).toEqual([...bases.map(() => 3), 3]);
  });

  test("in any mixture, each pending batch is read exactly once", async () => {
    const commit = fc.array(fc.constantFrom("event" as const, "telemetry" as const), {
      minLength: 1,
      maxLength: 50,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(commit, { maxLength: 12 }), async (commits) => {
        const { open, append } = rig(undefined, { size: 1024 ** 2 });
        const spool = await open();
        for (const kinds of commits) {
          await append(
            spool,
            kinds.map((kind, index) => batchOf(index, kind)),
          );
        }
        const seen = (await pendingOf(spool)).toSorted((a, b) => a - b);
        expect(seen).toEqual(numbers(1, commits.flat().length));
      }),
      { numRuns: 50 },
    );
  });
});
