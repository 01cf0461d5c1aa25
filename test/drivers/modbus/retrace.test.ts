/**
 * The way back: from a stored value to the registers behind it, for every type, byte order, scale
 * and offset that a profile allows.
 */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Source } from "../../../drivers/contract.ts";
import { decimalOf, minus, nearestWhole } from "../../../drivers/modbus/decimal.ts";
import type { FieldForm } from "../../../drivers/modbus/field.ts";
import { decodeField, encodeField } from "../../../drivers/modbus/field.ts";
import { registerOf, sourcesOf } from "../../../drivers/modbus/origin.ts";
import { extentOf, spanOf, tableNames } from "../../../drivers/modbus/pdu.ts";
import { modbusProfile, rowsOf } from "../../../drivers/modbus/profile.ts";
import { explainValue, wordsFor } from "../../../drivers/modbus/retrace.ts";
import { orders, typeNames, typeWords } from "../../../drivers/modbus/values.ts";
import { profileSchema, v } from "../../../config/index.ts";
import type { FieldValue } from "../../../telemetry/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { profileOf } from "./world.ts";

const numericTypes = typeNames.filter((type) => type !== "string");

const scales = fc.oneof(
  fc.constantFrom(1, 0.1, 0.01, 0.001, 0.0001, 10, 1000, 3600, 0.5, -1, -0.1, 0.3, 1 / 3),
  fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
);
const offsets = fc.oneof(
  fc.constantFrom(0, -40, 273.15, 1000),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
);

/** A form that a profile may give, and registers of its length. */
const cases = fc
  .record({
    type: fc.constantFrom(...numericTypes),
    order: fc.constantFrom(...orders),
    scale: scales,
    offset: offsets,
    wanted: fc.constantFrom("float" as const, "integer" as const, "any" as const, "text" as const),
  })
  .chain((parts) => {
    const length = typeWords[parts.type];
    const whole: FieldForm = {
      ...parts,
      length,
      bit: false,
      bits: undefined,
      none: new Set(),
      states: undefined,
    };
    // Digits alone for BCD, and often a value near the ends of the type.
    const word = parts.type.startsWith("bcd")
      ? fc.nat(9999).map((digits) => Number.parseInt(String(digits), 16))
      : fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xffff));
    const words = fc.array(word, { minLength: length, maxLength: length });
    return fc.tuple(
      fc.constant(whole),
      words.map((words) => Uint16Array.from(words)),
    );
  });

function decoded(form: FieldForm, words: Uint16Array): FieldValue | undefined {
  try {
    return decodeField(form, words);
  } catch (error) {
    if (error instanceof GatewayError && error.code === "E_VALUE") return undefined;
    throw error;
  }
}

describe("from a value back to its registers", () => {
  it("finds registers that decode to the same value, for all that profiles allow", () => {
    fc.assert(
      fc.property(cases, ([form, words]) => {
        const value = decoded(form, words);
        fc.pre(value !== undefined);
        const found = wordsFor(form, value ?? 0);
        expect(found.length).toBeGreaterThan(0);
        // The sign of a zero is kept by no store.
        for (const back of found) expect(decodeField(form, back) === value).toBe(true);
        // Alone means alone: then they are what was on the wire.
        if (found.length === 1) expect(found[0]).toEqual(words);
      }),
      { numRuns: 5000 },
    );
  });

  it("the simulator's encoding gives the same value too, when no scale is in the way", () => {
    fc.assert(
      fc.property(cases, ([form, words]) => {
        const plain = { ...form, scale: 1, offset: 0 };
        const value = decoded(plain, words);
        fc.pre(value !== undefined);
        const back = encodeField(plain, value ?? 0, { current: new Uint16Array(form.length) });
        expect(decodeField(plain, back) === value).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The source of one field, as a profile gives it and as it comes back from `meta`. */
function sourceOf(field: Record<string, unknown>, name = "x_value"): Source {
  const profile = v.parse(
    profileSchema("modbus", modbusProfile),
    profileOf({}, [{ measurement: "energy_meter", fields: { [name]: field } }]),
  );
  const [source] = sourcesOf(rowsOf(profile));
  if (source === undefined) throw new Error("no source");
  return JSON.parse(JSON.stringify(source));
}

/** One way in a few lines of text. */
function wayText({ what, field, value, name }: Case): string {
  const way = explainValue(sourceOf(field, name), value);
  return [
    `# ${what}: ${value}`,
    `raw ${way?.raw ?? "?"}`,
    ...(way?.doubts ?? []).map((doubt) => `but ${doubt}`),
    ...(way?.steps ?? []).map(({ does, gives = "?" }) => `  ${does}: ${gives}`),
    "",
  ].join("\n");
}

interface Case {
  readonly what: string;
  readonly field: Record<string, unknown>;
  readonly value: FieldValue;
  readonly name?: string;
}

const single = { type: "float32", table: "input" };
const ways: readonly Case[] = [
  {
    what: "a single, by a thousand, whole",
    field: { at: 72, ...single, scale: 1000 },
    value: 1_234_567,
    name: "import_wh_total",
  },
  {
    what: "a scaled integer with an offset",
    field: { at: 1, type: "int16", scale: 0.1, offset: -40 },
    value: 25.5,
  },
  { what: "low word first", field: { at: 1, type: "uint32", order: "CDAB" }, value: 0x1234_5678 },
  { what: "a coil", field: { at: 5, table: "coil" }, value: 1 },
  { what: "one bit", field: { at: 5, bits: { from: 4 } }, value: 1 },
  { what: "a code", field: { at: 5, states: { 2: 1, 3: 0 } }, value: 1 },
  { what: "a code of two meanings", field: { at: 5, states: { 2: 1, 3: 1 } }, value: 1 },
  { what: "a text", field: { at: 5, type: "string", length: 3 }, value: "SDM6" },
  { what: "a scale factor elsewhere", field: { at: 5, scaleFrom: { at: 9 } }, value: 230.1 },
  {
    what: "a counter that wrapped",
    field: { at: 5, type: "uint32", wraps: 32 },
    value: 2 ** 32 + 7,
    name: "x_total",
  },
  { what: "zero", field: { at: 5, ...single }, value: 0 },
  { what: "what the profile cannot give", field: { at: 5, type: "uint16" }, value: 70_000 },
  { what: "a text where a number belongs", field: { at: 5, type: "uint16" }, value: "many" },
];

describe("the way of a value", () => {
  it("is told step by step (golden)", async () => {
    const golden = join(import.meta.dirname, "../../golden/drivers/modbus_ways.txt");
    await expect(ways.map(wayText).join("\n")).toMatchFileSnapshot(golden);
  });

  it("a source of another driver is not understood", () => {
    const source = { measurement: "host", channel: "", field: "cpu_pct", at: "/proc/stat" };
    expect(explainValue(source, 3)).toBeUndefined();
    expect(
      registerOf({ ...source, at: "input 0x0000 ×1", form: { type: "int12" } }),
    ).toBeUndefined();
  });

  it("a place is read as it is written", () => {
    fc.assert(
      fc.property(
        fc.record({
          table: fc.constantFrom(...tableNames),
          at: fc.nat(0xffff),
          count: fc.integer({ min: 1, max: 2000 }),
        }),
        (span) => {
          expect(spanOf(extentOf(span))).toEqual(span);
        },
      ),
    );
  });
});

describe("decimals", () => {
  it.each([
    [0.1, 1n, 1],
    [-1.5e-7, -15n, 8],
    [1e21, 10n ** 21n, 0],
    [0, 0n, 0],
  ])("of %s", (number, units, places) => {
    expect(decimalOf(number)).toEqual({ units, places });
  });

  it("a half goes away from zero", () => {
    const one = decimalOf(1);
    expect(nearestWhole(decimalOf(2.5), one, one)).toBe(3n);
    expect(nearestWhole(decimalOf(-2.5), one, one)).toBe(-3n);
    expect(nearestWhole(minus(decimalOf(0.3), decimalOf(0.1)), decimalOf(10), one)).toBe(2n);
  });
});
