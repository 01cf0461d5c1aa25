/** The line against whatever may come over it; `bench/rtu-fuzz.ts` plays a hundred times more. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WireKind } from "./fuzzed-line.ts";
import { FuzzedLine } from "./fuzzed-line.ts";

describe.each(["uart", "usb", "rtu+tcp"] as const satisfies readonly WireKind[])(
  "over %s",
  (kind) => {
    it("no answer is taken for another's, and what is right is taken", async () => {
      const seeds = fc.integer({ min: 0, max: 2 ** 31 });
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const tally = await new FuzzedLine(seed, kind).run(250);
          expect(tally.wrong).toBe(0);
          // Of the requests about two in five meet a fault that no client gets over.
          expect(tally.right + tally.refused).toBeGreaterThan(tally.asked / 3);
        }),
        { numRuns: 12, seed: 20_261_125 },
      );
    });
  },
);

it("a line whose unit owes late answers of every kind: none is taken for the next", async () => {
  // Found by this seed: a silence of one timeout does not prove that nothing more will come.
  const tally = await new FuzzedLine(4242, "rtu+tcp").run(30_000);
  expect(tally.wrong).toBe(0);
});
