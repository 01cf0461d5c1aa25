/**
 * Counters across rollover and reset.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unwrapper } from "../../../drivers/modbus/unwrap.ts";

const counted = (bits: number, raws: readonly bigint[]): bigint[] => {
  const unwrapper = new Unwrapper(bits);
  return raws.map((raw) => unwrapper.next(raw));
};

describe("a counter", () => {
  it("goes on across a rollover", () => {
    expect(counted(16, [65_000n, 65_535n, 4n])).toEqual([65_000n, 65_535n, 65_540n]);
  });

  it("goes on across a reset", () => {
    expect(counted(32, [1000n, 7n, 9n])).toEqual([1000n, 1007n, 1009n]);
  });

  it("takes a far drop near the top for a reset, not for a rollover", () => {
    expect(counted(16, [60_000n, 20_000n])).toEqual([60_000n, 80_000n]);
  });

  it("goes on from a remembered state", () => {
    const first = new Unwrapper(16);
    first.next(65_000n);
    first.next(10n);
    expect(new Unwrapper(16, first.state).next(11n)).toBe(65_547n);
  });

  it("never goes back, whatever the raw values", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 0xffff_ffffn })), (raws) => {
        const counts = counted(32, raws);
        for (const [index, count] of counts.entries()) {
          expect(count >= (counts[index - 1] ?? 0n)).toBe(true);
        }
      }),
    );
  });

  it("is exact for steps below a quarter of its range", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 16_383 }), { minLength: 1 }), (steps) => {
        let total = 0n;
        const totals = steps.map((step) => (total += BigInt(step)));
        const raws = totals.map((value) => value & 0xffffn);
        expect(counted(16, raws)).toEqual(totals);
      }),
    );
  });
});
