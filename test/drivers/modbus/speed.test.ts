/** What a line's own speed tells of an answer. */
import { describe, expect, it } from "vitest";
import { LineSpeed } from "../../../drivers/modbus/speed.ts";

/** A line that has shown its speed in eight answers of 40 ms. */
function steady(): LineSpeed {
  const speed = new LineSpeed();
  for (let count = 0; count < 8; count += 1) expect(speed.allows(40, 40)).toBe(true);
  return speed;
}

describe("an answer that is there sooner than the line can carry it", () => {
  it("is none, once the line has shown its speed", () => {
    const speed = steady();
    expect(speed.allows(10, 40)).toBe(false);
    expect(speed.allows(39, 40)).toBe(true);
    expect(speed.allows(5, 20)).toBe(false);
  });

  it("is one on a line that has no speed of its own", () => {
    const speed = new LineSpeed();
    for (let count = 0; count < 20; count += 1) expect(speed.allows(1, 40)).toBe(true);
  });

  it("is one again after three in a row, for good", () => {
    const speed = steady();
    for (let count = 0; count < 3; count += 1) expect(speed.allows(1, 40)).toBe(false);
    for (const took of [1, 40, 40, 1, 1]) expect(speed.allows(took, 40)).toBe(true);
  });

  it("is one where it is longer than any that kept to the speed: a quick device", () => {
    const speed = steady();
    expect(speed.allows(45, 100)).toBe(true);
    expect(speed.allows(1, 40)).toBe(true);
  });

  it("is one where all were short: they tell nothing", () => {
    const speed = new LineSpeed();
    for (let count = 0; count < 20; count += 1) expect(speed.allows(3, 2)).toBe(true);
    expect(speed.allows(1, 2)).toBe(true);
  });
});
