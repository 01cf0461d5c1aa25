/**
 * Registers to values and back: every type and order, markers, scales, bits, states.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FieldForm } from "../../../drivers/modbus/field.ts";
import {
  carriedRange,
  decodeField,
  encodeField,
  exponentOf,
  markersOf,
} from "../../../drivers/modbus/field.ts";
import type { Order, Raw, ValueType } from "../../../drivers/modbus/values.ts";
import {
  decodeRaw,
  encodeRaw,
  orders,
  patternOf,
  rawRange,
  typeWords,
  wordsOfPattern,
} from "../../../drivers/modbus/values.ts";

const words = (...values: readonly number[]): Uint16Array => Uint16Array.from(values);

describe("raw values", () => {
  it.each([
    ["int16", "ABCD", [0xffff], -1],
    ["uint16", "ABCD", [0x1234], 0x1234],
    ["uint16", "DCBA", [0x1234], 0x3412],
    ["uint32", "ABCD", [0x1234, 0x5678], 0x12345678],
    ["uint32", "CDAB", [0x5678, 0x1234], 0x12345678],
    ["uint32", "BADC", [0x3412, 0x7856], 0x12345678],
    ["uint32", "DCBA", [0x7856, 0x3412], 0x12345678],
    ["int32", "ABCD", [0xffff, 0xfffe], -2],
    ["int64", "ABCD", [0xffff, 0xffff, 0xffff, 0xfffe], -2n],
    ["uint64", "CDAB", [4, 3, 2, 1], 0x0001_0002_0003_0004n],
    ["float16", "ABCD", [0x3c00], 1],
    ["float16", "ABCD", [0xc580], -5.5],
    ["float16", "ABCD", [0x0001], 2 ** -24],
    ["float16", "ABCD", [0x7bff], 65_504],
    ["float32", "ABCD", [0x4366, 0x199a], 230.1],
    ["float32", "CDAB", [0x199a, 0x4366], 230.1],
    ["float64", "ABCD", [0x406c, 0xc333, 0x3333, 0x3333], 230.1],
    ["bcd16", "ABCD", [0x1234], 1234],
    ["bcd32", "CDAB", [0x5678, 0x1234], 12_345_678],
    ["bcd64", "ABCD", [0x1234, 0x5678, 0x9012, 0x3456], 1_234_567_890_123_456n],
    ["string", "ABCD", [0x5344, 0x4d36, 0x3330, 0x2000], "SDM630"],
    ["string", "BADC", [0x4453, 0x364d, 0x3033, 0x0020], "SDM630"],
    ["string", "CDAB", [0x5344, 0x4d36], "SDM6"],
  ] satisfies [ValueType, Order, number[], Raw][])("%s %s %j is %s", (type, order, wire, raw) => {
    expect(decodeRaw(words(...wire), type, order)).toEqual(raw);
    const length = wire.length;
    const there = decodeRaw(encodeRaw(raw, type, { order, length }), type, order);
    expect(there).toEqual(raw);
  });

  it("infinite and no number survive", () => {
    for (const type of ["float16", "float32", "float64"] as const) {
      for (const raw of [Infinity, -Infinity, Number.NaN]) {
        expect(decodeRaw(encodeRaw(raw, type, { order: "CDAB", length: 0 }), type, "CDAB")).toBe(
          raw,
        );
      }
    }
  });

  it("every whole number of every type comes back, in every order", () => {
    const whole = fc.constantFrom(
      "int16" as const,
      "uint16" as const,
      "int32" as const,
      "uint32" as const,
      "int64" as const,
      "uint64" as const,
      "bcd16" as const,
      "bcd32" as const,
      "bcd64" as const,
    );
    const any = whole.chain((type) => {
      const [min, max] = rawRange(type);
      return fc.tuple(fc.constant(type), fc.bigInt({ min, max }), fc.constantFrom(...orders));
    });
    fc.assert(
      fc.property(any, ([type, raw, order]) => {
        const wire = encodeRaw(raw, type, { order, length: 0 });
        expect(wire).toHaveLength(typeWords[type]);
        expect(BigInt(decodeRaw(wire, type, order))).toBe(raw);
        expect(wordsOfPattern(patternOf(wire, order), wire.length, order)).toEqual(wire);
      }),
    );
  });

  it("every single comes back as the same single, and reads as short as it can", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (single) => {
        const raw = decodeRaw(
          encodeRaw(single, "float32", { order: "ABCD", length: 0 }),
          "float32",
          "ABCD",
        );
        expect(Math.fround(Number(raw))).toBe(single);
      }),
    );
  });

  it("every half comes back", () => {
    for (let bits = 0; bits < 0x1_0000; bits += 7) {
      const half = decodeRaw(words(bits), "float16", "ABCD");
      if (Number.isNaN(half)) continue;
      expect(encodeRaw(half, "float16", { order: "ABCD", length: 0 })).toEqual(words(bits));
    }
  });

  it.each([
    ["uint16", 65_536],
    ["uint16", -1],
    ["int16", 40_000],
    ["bcd16", 10_000],
    ["uint16", 1.5],
    ["string", "too long"],
  ] satisfies [ValueType, Raw][])("%s cannot hold %s", (type, raw) => {
    const encode = (): unknown => encodeRaw(raw, type, { order: "ABCD", length: 2 });
    expect(encode).toThrow(expect.objectContaining({ code: "E_VALUE" }));
  });

  it("a BCD digit above nine is no value", () => {
    expect(() => decodeRaw(words(0x12a4), "bcd16", "ABCD")).toThrow(
      expect.objectContaining({ code: "E_VALUE" }),
    );
  });
});

const form = (parts: Partial<FieldForm> & { readonly type: ValueType }): FieldForm => ({
  order: "ABCD",
  length: typeWords[parts.type],
  bit: false,
  bits: undefined,
  scale: 1,
  offset: 0,
  none: new Set(),
  states: undefined,
  wanted: "float",
  ...parts,
});

describe("fields", () => {
  it("a scale that is one over a whole number divides: 2301 × 0.1 is 230.1", () => {
    for (let raw = 0; raw < 65_536; raw += 1) {
      const tenth = decodeField(form({ type: "uint16", scale: 0.1 }), words(raw));
      expect(tenth).toBe(raw / 10);
      if (raw % 256 === 0) expect(String(tenth).length).toBeLessThanOrEqual(6);
    }
  });

  it("offset comes after scale", () => {
    expect(decodeField(form({ type: "int16", scale: 0.1, offset: -40 }), words(655))).toBe(25.5);
  });

  it("energy is whole", () => {
    const energy = form({ type: "float32", scale: 1000, wanted: "integer" });
    const wire = encodeRaw(1234.567, "float32", energy);
    expect(decodeField(energy, wire)).toBe(1_234_567);
  });

  it("markers are no value, in either spelling", () => {
    const minus = form({ type: "int16", none: markersOf([-32_768], "int16", "ABCD") });
    expect(decodeField(minus, words(0x8000))).toBeUndefined();
    const pattern = form({ type: "int16", none: markersOf([0x8000], "int16", "ABCD") });
    expect(decodeField(pattern, words(0x8000))).toBeUndefined();
    const float = form({
      type: "float32",
      none: markersOf(["0x7FC00000", -9999], "float32", "ABCD"),
    });
    expect(decodeField(float, words(0x7fc0, 0))).toBeUndefined();
    expect(decodeField(float, encodeRaw(-9999, "float32", float))).toBeUndefined();
    expect(decodeField(float, words(0, 0))).toBe(0);
    const swapped = form({
      type: "uint32",
      order: "CDAB",
      none: markersOf(["0xFFFF0000"], "uint32", "CDAB"),
    });
    expect(decodeField(swapped, words(0, 0xffff))).toBeUndefined();
  });

  it("infinite and no number are no value", () => {
    for (const raw of [Infinity, Number.NaN]) {
      const float = form({ type: "float32" });
      expect(decodeField(float, encodeRaw(raw, "float32", float))).toBeUndefined();
    }
  });

  it("bits of a register, and codes to states", () => {
    const two = form({ type: "uint16", bits: { from: 4, count: 2 }, wanted: "integer" });
    expect(decodeField(two, words(0b10_0000))).toBe(2);
    const states = new Map([
      ["1", 0],
      ["2", 1],
    ]);
    const state = form({ type: "uint16", states, wanted: "integer" });
    expect(decodeField(state, words(2))).toBe(1);
    expect(() => decodeField(state, words(3))).toThrow(
      expect.objectContaining({ code: "E_VALUE" }),
    );
    expect(encodeField(state, 1, { current: words(0) })).toEqual(words(2));
    expect(encodeField(two, 3, { current: words(0xff0f) })).toEqual(words(0xff3f));
  });

  it("beyond 2^53 only what scaling brings back", () => {
    const big = words(0x7fff, 0xffff, 0xffff, 0xffff);
    const plain = form({ type: "uint64", wanted: "integer" });
    expect(() => decodeField(plain, big)).toThrow(expect.objectContaining({ code: "E_VALUE" }));
    const scaled = form({ type: "uint64", scale: 0.0001, wanted: "integer" });
    expect(decodeField(scaled, big)).toBe(922_337_203_685_478);
    const small = form({ type: "uint64", scale: 10, wanted: "integer" });
    expect(decodeField(small, words(0, 0, 0, 5))).toBe(50);
  });

  it("scale factors are powers of ten [SunSpec Device Information Model 4.2.9]", () => {
    expect(exponentOf(0xfffe)).toBe(-2);
    expect(exponentOf(3)).toBe(3);
    expect(exponentOf(0x8000)).toBeUndefined();
    expect(() => exponentOf(400)).toThrow(expect.objectContaining({ code: "E_VALUE" }));
    expect(decodeField(form({ type: "uint16" }), words(23_012), { exponent: -2 })).toBe(230.12);
    expect(decodeField(form({ type: "uint16", scale: 1000 }), words(5), { exponent: 2 })).toBe(
      500_000,
    );
  });

  it("a text where a number belongs is refused, an empty text is no value", () => {
    const number = form({ type: "string", length: 1 });
    expect(() => decodeField(number, words(0x4142))).toThrow(
      expect.objectContaining({ code: "E_VALUE" }),
    );
    expect(decodeField({ ...number, wanted: "any" }, words(0x4142))).toBe("AB");
    expect(decodeField({ ...number, wanted: "any" }, words(0x2020))).toBeUndefined();
  });

  it("what a simulator encodes decodes to the same value, to the resolution of the field", () => {
    const forms = fc.record({
      type: fc.constantFrom(
        "int16" as const,
        "uint32" as const,
        "int64" as const,
        "float32" as const,
        "bcd32" as const,
      ),
      order: fc.constantFrom(...orders),
      scale: fc.constantFrom(1, 0.1, 0.01, 0.001, 10, 1000, 0.5),
      offset: fc.constantFrom(0, -40, 1000),
    });
    fc.assert(
      fc.property(forms, fc.double({ min: 0, max: 1, noNaN: true }), (parts, share) => {
        const field = form({ ...parts, length: typeWords[parts.type] });
        const [low, high] = carriedRange(field);
        const value = Math.max(low, -1e6) + share * (Math.min(high, 1e6) - Math.max(low, -1e6));
        const wire = encodeField(field, value, { current: new Uint16Array(4) });
        const read = Number(decodeField(field, wire));
        const step =
          parts.type === "float32" ? Math.max(Math.abs(value), 2000) * 2 ** -23 : parts.scale;
        expect(Math.abs(read - value)).toBeLessThanOrEqual(step);
        const again = encodeField(field, read, { current: new Uint16Array(4) });
        expect(decodeField(field, again)).toBe(read);
      }),
    );
  });
});
