/** How many requests are let out at once, and what takes that back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanRun, widest, Window } from "../../../drivers/modbus/window.ts";

/** Clean answers, each with as many outstanding as allowed, until the size is reached. */
function grownTo(size: number): Window {
  const window = new Window();
  while (window.size < size) window.clean(window.size);
  return window;
}

describe("the window", () => {
  it("begins at one and grows by one after each run of clean answers, up to its limit", () => {
    const window = new Window();
    const sizes = Array.from({ length: widest * cleanRun }, () => {
      window.clean(window.size);
      return window.size;
    });
    expect(sizes[cleanRun - 2]).toBe(1);
    expect(sizes[cleanRun - 1]).toBe(2);
    expect(sizes[2 * cleanRun - 1]).toBe(3);
    expect(sizes.at(-1)).toBe(widest);
  });

  it("does not grow by answers that did not need it", () => {
    const window = grownTo(2);
    for (let count = 0; count < 10 * cleanRun; count += 1) window.clean(1);
    expect(window.size).toBe(2);
  });

  it("once barred is one, whatever comes", () => {
    const window = grownTo(4);
    window.bar();
    for (let count = 0; count < 10 * cleanRun; count += 1) window.clean(1);
    window.restart();
    for (let count = 0; count < 10 * cleanRun; count += 1) window.clean(1);
    expect(window.size).toBe(1);
  });

  it("is one while a unit is suspected of losing answers, and as before when it is dead", () => {
    const window = grownTo(4);
    window.suspect(7);
    window.suspect(9);
    expect(window.size).toBe(1);
    window.askedAlone(7, false);
    expect(window.size).toBe(1);
    window.askedAlone(3, true);
    window.askedAlone(9, false);
    expect(window.size).toBe(4);
  });

  it("is one for good when the suspect answers alone", () => {
    const window = grownTo(4);
    window.suspect(7);
    window.askedAlone(7, true);
    for (let count = 0; count < 10 * cleanRun; count += 1) window.clean(1);
    expect(window.size).toBe(1);
  });

  it("given by the configuration stays as it is", () => {
    const window = new Window();
    window.fix(5);
    window.suspect(1);
    window.bar();
    window.restart();
    expect(window.size).toBe(5);
    expect(window.learning).toBe(false);
  });

  it("is from one to its limit after anything", () => {
    const event = fc.constantFrom("clean", "suspect", "alone", "dead", "bar", "restart");
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(3)), { maxLength: 300 }), (events) => {
        const window = new Window();
        let barred = false;
        for (const [name, unit] of events) {
          if (name === "clean") window.clean(window.size);
          if (name === "suspect") window.suspect(unit);
          if (name === "alone") window.askedAlone(unit, true);
          if (name === "dead") window.askedAlone(unit, false);
          if (name === "bar") window.bar();
          if (name === "restart") window.restart();
          barred ||= name === "bar";
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(barred ? 1 : widest);
        }
      }),
    );
  });
});
