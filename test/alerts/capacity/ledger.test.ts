/** The ledger of accelerators: each term by hand, and that it always closes. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CardWindow, Terms } from "../../../alerts/index.ts";
import { addedTerms, energyTerms, noTerms, timeTerms } from "../../../alerts/index.ts";

const unknown = Number.NaN;

/** A card at full work, held back by nothing. */
const busy: CardWindow = {
  power: 700,
  limit: 700,
  busy: 1,
  throttled: 0,
  capped: 0,
  isGone: false,
};

/** A card of 700 W over half an hour: 350 Wh. */
function energy(window: Partial<CardWindow>): Partial<Terms> {
  return known(energyTerms({ ...busy, ...window }, { nameplate: 700, hours: 0.5 }));
}

function time(window: Partial<CardWindow>): Partial<Terms> {
  return known(timeTerms({ ...busy, ...window }, 2));
}

function known(terms: Terms): Partial<Terms> {
  const parts = Object.entries(terms).filter(([name, value]) => name !== "whole" && value !== 0);
  return Object.fromEntries(parts);
}

describe("energy", () => {
  test("at full work is all delivered", () => {
    expect(energy({})).toEqual({ delivered: 350 });
  });

  test("below a lower limit is capped, whatever the card does", () => {
    expect(energy({ limit: 500, power: 500 })).toEqual({ capped: 100, delivered: 250 });
  });

  test("that is allowed but not drawn is idle, or throttled by its share of the time", () => {
    expect(energy({ power: 100 })).toEqual({ idle: 300, delivered: 50 });
    expect(energy({ power: 300, throttled: 0.25 })).toEqual({
      throttled: 50,
      idle: 150,
      delivered: 150,
    });
    const all = energy({ limit: 600, power: 400, throttled: 1 });
    expect(all).toEqual({ capped: 50, throttled: 100, delivered: 200 });
  });

  test("of a silent card is unknown, of one reported gone offline", () => {
    expect(energy({ power: unknown })).toEqual({ unknown: 350 });
    expect(energy({ power: unknown, isGone: true })).toEqual({ offline: 350 });
    expect(energy({ power: 700, isGone: true })).toEqual({ delivered: 350 });
  });

  test("without a limit knows no cap; over limit or nameplate it is never below nothing", () => {
    expect(energy({ limit: unknown, power: 350 })).toEqual({ idle: 175, delivered: 175 });
    expect(energy({ limit: 500, power: 520 })).toEqual({ capped: 90, delivered: 260 });
    expect(energy({ limit: 900, power: 800 })).toEqual({ delivered: 350 });
  });
});

describe("time", () => {
  test("is delivered where kernels run unhindered, idle where none do", () => {
    expect(time({ busy: 0.75 })).toEqual({ delivered: 1.5, idle: 0.5 });
  });

  test("held back is taken from what the card was busy", () => {
    const held = time({ busy: 0.75, throttled: 0.125, capped: 0.25 });
    expect(held).toEqual({ throttled: 0.25, capped: 0.5, delivered: 0.75, idle: 0.5 });
    expect(time({ throttled: 0.75, capped: 1 })).toEqual({ throttled: 1.5, capped: 0.5 });
  });

  test("of which nobody knows is unknown", () => {
    expect(time({ busy: unknown, capped: 0.25 })).toEqual({ capped: 0.5, unknown: 1.5 });
    expect(time({ power: unknown, busy: unknown })).toEqual({ unknown: 2 });
    expect(time({ power: unknown, busy: unknown, isGone: true })).toEqual({ offline: 2 });
  });
});

describe("the ledger", () => {
  const gap = fc.constant(unknown);
  const watts = fc.oneof(fc.double({ min: -50, max: 3000, noNaN: true }), gap);
  const share = fc.oneof(fc.double({ min: -0.5, max: 1.5, noNaN: true }), gap);
  const window: fc.Arbitrary<CardWindow> = fc.record({
    power: watts,
    limit: watts,
    busy: share,
    throttled: share,
    capped: share,
    isGone: fc.boolean(),
  });
  const days = fc.array(window, { minLength: 1, maxLength: 300 });
  const nameplates = fc.double({ min: 1, max: 2000, noNaN: true });

  /** To a billionth, where 0.1 % is asked for. */
  function closes({ whole, ...terms }: Terms): void {
    const all = Object.values(terms);
    expect(all.every((term) => term >= -1e-9 * whole)).toBe(true);
    const sum = all.reduce((total, term) => total + term, 0);
    expect(Math.abs(sum - whole)).toBeLessThanOrEqual(1e-9 * whole);
  }

  test("closes in each window and over all, whatever is known, and no term is negative", () => {
    fc.assert(
      fc.property(days, nameplates, (windows, nameplate) => {
        const hours = 1 / 12;
        let [sum, times] = [noTerms, noTerms];
        for (const one of windows) {
          const [wh, h] = [energyTerms(one, { nameplate, hours }), timeTerms(one, hours)];
          closes(wh);
          closes(h);
          [sum, times] = [addedTerms(sum, wh), addedTerms(times, h)];
        }
        closes(sum);
        closes(times);
        expect(sum.whole).toBeCloseTo(nameplate * hours * windows.length, 6);
        expect(times.whole).toBeCloseTo(hours * windows.length, 6);
      }),
    );
  });

  test("hides no gap: of a window without power nothing is delivered, capped or idle", () => {
    fc.assert(
      fc.property(window, nameplates, (one, nameplate) => {
        const told = energyTerms({ ...one, power: unknown }, { nameplate, hours: 1 });
        expect(told.offline + told.unknown).toBe(nameplate);
        expect(told.offline > 0).toBe(one.isGone);
      }),
    );
  });
});
