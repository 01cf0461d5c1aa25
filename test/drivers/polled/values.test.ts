/** Numbers of the wire as values of the register, and devices that answer only in part. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valueOf } from "../../../drivers/polled.ts";
import { askParts } from "../../../drivers/polled-parts.ts";
import type { Code } from "../../../telemetry/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { codeOf, never } from "../modbus/world.ts";

describe("a value", () => {
  it.each([
    [230.1, {}, "float", 230.1],
    [1.1, { scale: 3 }, "float", 3.3],
    [2503.1, { scale: 0.038_79, offset: -69.56 }, "float", 27.535_249],
    [0.2, { scale: 1000 }, "integer", 200],
    [-9999, { none: [-9999] }, "float", undefined],
    [60, { states: { "60": 1 } }, "integer", 1],
    [5, {}, "text", "5"],
    [Number.NaN, {}, "float", undefined],
    ["WFH21", {}, "any", "WFH21"],
    ["", {}, "text", undefined],
  ] as const)("%s with %j as %s is %s", (raw, form, wanted, value) => {
    expect(valueOf(raw, form, wanted)).toBe(value);
  });

  it.each([
    ["a code without a state", 7, { states: { "60": 1 } }, "integer"],
    ["a text where a number is wanted", "x", {}, "float"],
    ["a whole number beyond 2^53", 9e15, { scale: 1000 }, "integer"],
  ] as const)("%s is none: E_VALUE", (_what, raw, form, wanted) => {
    expect(() => valueOf(raw, form, wanted)).toThrow(GatewayError);
  });

  it("without a scale goes through as it is", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (raw) => {
        expect(valueOf(raw, {}, "float")).toBe(raw);
      }),
    );
  });
});

describe("a device asked in parts", () => {
  /** Answers in order: a code is an error. */
  const asking = (answers: readonly (Code | undefined)[], signal = never) => {
    const asked: number[] = [];
    const ask = (part: number): Promise<number> => {
      asked.push(part);
      const code = answers[part];
      return code === undefined
        ? Promise.resolve(part)
        : Promise.reject(new GatewayError(code, "as told"));
    };
    const outcome = askParts({ parts: [...answers.keys()], ask, at: String }, signal);
    return { asked, outcome };
  };

  it("that is silent at first is not asked further", async () => {
    const { asked, outcome } = asking(["E_DEVICE_TIMEOUT", undefined]);
    expect(await codeOf(outcome)).toBe("E_DEVICE_TIMEOUT");
    expect(asked).toEqual([0]);
  });

  it("that refuses some gives the rest, and faults", async () => {
    const { outcome } = asking(["E_DEVICE_REFUSED", undefined, "E_DEVICE_REFUSED", undefined]);
    const { answers, faults } = await outcome;
    expect([...answers.keys()]).toEqual([1, 3]);
    expect(faults.map(({ at }) => at)).toEqual(["0", "2"]);
  });

  it("that falls silent is given up after two parts", async () => {
    const { asked, outcome } = asking([
      undefined,
      "E_DEVICE_TIMEOUT",
      "E_DEVICE_FRAME",
      undefined,
      undefined,
    ]);
    const { answers, faults } = await outcome;
    expect(asked).toEqual([0, 1, 2]);
    expect([...answers.keys()]).toEqual([0]);
    expect(faults.map(({ code }) => code)).toEqual([
      "E_DEVICE_TIMEOUT",
      "E_DEVICE_FRAME",
      "E_DEVICE_FRAME",
      "E_DEVICE_FRAME",
    ]);
  });

  it("that refuses everything throws the first refusal", async () => {
    const { outcome } = asking(["E_DEVICE_REFUSED", "E_DEVICE_REFUSED"]);
    expect(await codeOf(outcome)).toBe("E_DEVICE_REFUSED");
  });

  it("of which nothing is wanted is not asked", async () => {
    const { outcome } = asking([]);
    expect((await outcome).answers.size).toBe(0);
  });

  it("throws at once when it is cancelled", async () => {
    const { asked, outcome } = asking(
      [undefined, "E_DISCONNECTED", undefined],
      AbortSignal.abort(),
    );
    expect(await codeOf(outcome)).toBe("E_DISCONNECTED");
    expect(asked).toEqual([0, 1]);
  });
});
