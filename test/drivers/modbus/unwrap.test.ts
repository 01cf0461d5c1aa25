/** Counters across rollover, reset and swap of the meter. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unwrapper } from "../../../drivers/unwrap.ts";

const second = 1000;

/** The counts of raw values read once a second. */
const counted = (bits: number, raws: readonly bigint[]): bigint[] => {
  const unwrapper = new Unwrapper(bits);
  return raws.map((raw, index) => unwrapper.next(raw, index * second));
};

describe("a counter", () => {
  it("goes on across a rollover", () => {
    expect(counted(16, [65_000n, 65_535n, 4n])).toEqual([65_000n, 65_535n, 65_540n]);
  });

  it("counts what it shows after a reset, when it was seen to count as fast as that", () => {
    expect(counted(32, [1000n, 1010n, 7n, 9n])).toEqual([1000n, 1010n, 1017n, 1019n]);
    expect(counted(32, [1000n, 1010n, 20n])).toEqual([1000n, 1010n, 1030n]);
  });

  it("counts nothing when another meter shows what it cannot have counted", () => {
    expect(counted(32, [1000n, 1010n, 21n, 24n])).toEqual([1000n, 1010n, 1010n, 1013n]);
    expect(counted(32, [1000n, 7n, 9n])).toEqual([1000n, 1000n, 1002n]);
  });

  it("takes a far drop near the top for no rollover", () => {
    expect(counted(16, [60_000n, 20_000n])).toEqual([60_000n, 60_000n]);
  });

  it("believes no pace of less than a second, and no clock that went back", () => {
    const lumps = new Unwrapper(32);
    lumps.next(1000n, 0);
    lumps.next(2000n, 1);
    expect(lumps.next(500n, second)).toBe(2000n);
    const jumped = new Unwrapper(32);
    jumped.next(1000n, 0);
    jumped.next(1100n, 10 * second);
    expect(jumped.next(5n, 5 * second)).toBe(1100n);
  });

  it("goes on from a remembered state", () => {
    const first = new Unwrapper(16);
    first.next(65_000n, 0);
    first.next(10n, second);
    expect(new Unwrapper(16, first.state).next(11n, 2 * second)).toBe(65_547n);
  });

  it("never goes back, whatever the raw values and times", () => {
    const readings = fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 0xffff_ffffn }), fc.nat()));
    fc.assert(
      fc.property(readings, (given) => {
        const unwrapper = new Unwrapper(32);
        const counts = given.map(([raw, time]) => unwrapper.next(raw, time));
        for (const [index, count] of counts.entries()) {
          expect(count >= (counts[index - 1] ?? 0n)).toBe(true);
        }
      }),
    );
  });

  it("is exact for steps of at most a quarter of its range", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 16_384 }), { minLength: 1 }), (steps) => {
        const first = BigInt(steps[0] ?? 0);
        let total = 0n;
        const totals = steps.map((step) => (total += BigInt(step)));
        const raws = totals.map((value) => value & 0xffffn);
        const counts = counted(16, raws);
        expect(counts.map((count) => count - (counts[0] ?? 0n) + first)).toEqual(totals);
      }),
    );
  });
});
