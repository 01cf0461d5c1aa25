/** What answers teach about a device's timing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Timing } from "../../../drivers/modbus/cost.ts";
import {
  breakEven,
  byteTime,
  exchangeTime,
  gatewayTiming,
  networkTiming,
  serialTiming,
} from "../../../drivers/modbus/cost.ts";
import { AnswerTimes } from "../../../drivers/modbus/answer-times.ts";
import { SeededEntropy } from "../../virtual.ts";

const assumed = serialTiming({ baud: 9600, parity: "none", dataBits: 8, stopBits: 1 });

/** Answers as a device of that timing gives them; how often plans were made anew. */
function taught(times: AnswerTimes, real: Timing, lengths: readonly number[]): number {
  const before = times.version;
  for (const bytes of lengths) times.note(bytes, exchangeTime(real) + bytes * byteTime(real));
  return times.version - before;
}

const lengths = Array.from({ length: 60 }, (_, index) => [4, 40, 120][index % 3] ?? 0);

describe("the times of a device", () => {
  it("is what was assumed until some answers are there", () => {
    const times = new AnswerTimes(assumed);
    expect(taught(times, { ...assumed, think: 200 }, [10, 20, 30])).toBe(0);
    expect(times.timing).toEqual(assumed);
  });

  it.each([
    ["a slow device", assumed, { ...assumed, think: 100 }],
    ["a quick one", assumed, { ...assumed, think: 1 }],
    ["a gateway before a fast line", gatewayTiming(), { ...networkTiming(), think: 8 }],
    ["a gateway that was taken for a device", networkTiming(), gatewayTiming()],
  ])("%s: is found, and then stays", (_title, before, real) => {
    const times = new AnswerTimes(before);
    taught(times, real, lengths);
    const widest = (timing: Timing): number => Math.min(125, breakEven(timing));
    expect(widest(times.timing)).toBeGreaterThan(widest(real) / 1.6 - 1);
    expect(widest(times.timing)).toBeLessThan(widest(real) * 1.6 + 1);
    expect(taught(times, real, lengths)).toBe(0);
  });

  it("answers of one length say nothing of the price of a byte", () => {
    const times = new AnswerTimes(assumed);
    taught(
      times,
      { ...assumed, think: 150 },
      Array.from({ length: 60 }, () => 20),
    );
    expect(byteTime(times.timing)).toBeCloseTo(byteTime(assumed));
    expect(times.timing.think).toBeCloseTo(150);
  });

  it("one answer that was late changes no plan", () => {
    const times = new AnswerTimes(assumed);
    taught(times, assumed, lengths);
    const { version } = times;
    times.note(40, 5000);
    expect(times.version).toBe(version);
  });

  it.each([
    ["a meter on a line", assumed, { ...assumed, think: 15 }],
    ["a device on a network", networkTiming(), networkTiming()],
    ["a gateway", gatewayTiming(), gatewayTiming()],
  ])("%s: however its times scatter, plans stay but for a few", (_title, before, real) => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => {
        const entropy = new SeededEntropy(seed);
        const times = new AnswerTimes(before);
        for (let poll = 0; poll < 200; poll += 1) {
          for (const bytes of [4, 40, 120]) {
            const time = exchangeTime(real) + bytes * byteTime(real);
            times.note(bytes, time + 30 * entropy.random());
          }
        }
        expect(times.version).toBeLessThanOrEqual(8);
      }),
      { numRuns: 50 },
    );
  });

  it("answers of one length that are late are tried in other lengths, once", () => {
    const times = new AnswerTimes(networkTiming());
    const wide = () => Math.min(125, breakEven(times.timing));
    for (let count = 0; count < 4; count += 1) times.note(200, 250);
    expect(wide()).toBeLessThan(10);
    for (let count = 0; count < 300; count += 1) times.note(200, 250);
    expect(wide()).toBe(125);
    expect(times.version).toBe(2);
  });

  it("whatever the times: never below nothing, never faster than the wire", () => {
    const answers = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 250 }), fc.double({ min: 0, max: 1e5, noNaN: true })),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(answers, (given) => {
        const times = new AnswerTimes(assumed);
        for (const [bytes, time] of given) times.note(bytes, time);
        expect(times.timing.think).toBeGreaterThanOrEqual(0);
        expect(byteTime(times.timing)).toBeGreaterThanOrEqual(assumed.character);
      }),
    );
  });
});
