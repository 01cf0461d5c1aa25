/** Beats on their grid, and the heap under them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap } from "../../agent/heap.ts";
import { nextBeat, nextTry, schedulesOf } from "../../agent/schedule.ts";
import type { Session } from "../../drivers/index.ts";

const session: Session = {
  groups: [
    { name: "default", every: undefined },
    { name: "slow", every: 7000 },
  ],
  read: () => Promise.resolve({ points: [], faults: [] }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const device = (interval: number) => ({ id: "a", session, busKey: "b", interval });
const time = fc.double({ min: 0, max: 1e7, noNaN: true });

test("the next beat is on the grid, in the future, and at most an interval and a half away", () => {
  const delays = fc.array(fc.double({ min: 0, max: 30_000, noNaN: true }), { minLength: 1 });
  const paces = fc.double({ min: 1, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(time, paces, delays, fc.nat(20), (start, every, steps, others) => {
      const all = Array.from({ length: others + 1 }, () => device(every));
      const [schedule] = schedulesOf([all], start);
      const entry = schedule?.take(start);
      if (entry === undefined) throw new Error("nothing is due at once");
      let now = start;
      for (const step of steps) {
        entry.served = now;
        now += step;
        if (step > 20_000) nextTry(entry, entry.slots, now);
        else nextBeat(entry, entry.slots, now);
        for (const { due, every: pace, origin } of entry.slots) {
          // A beat that is but a rounding away has just been served.
          expect(due - now).toBeGreaterThan(step > 20_000 ? 0 : pace * 1e-7);
          expect(due - now).toBeLessThanOrEqual(1.5001 * pace);
          const off = (due - origin) / pace;
          if (step <= 20_000) expect(Math.abs(off - Math.round(off))).toBeLessThan(1e-3);
        }
        now = Math.min(...entry.slots.map(({ due }) => due));
      }
    }),
  );
});

test("a heap gives what was put in, the least first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (items) => {
      const heap = new Heap<number>((one, other) => one < other);
      for (const item of items) heap.push(item);
      expect(heap.first).toBe(items.length === 0 ? undefined : Math.min(...items));
      const out: number[] = [];
      for (let next = heap.pop(); next !== undefined; next = heap.pop()) out.push(next);
      const sorted = items.toSorted((a, b) => a - b);
      expect(out).toEqual(sorted);
      for (const item of items) heap.push(item);
      expect(heap.drain().toSorted((a, b) => a - b)).toEqual(sorted);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
