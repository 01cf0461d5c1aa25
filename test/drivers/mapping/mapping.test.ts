/** Rows over documents: what a mapping takes, what it tells as a fault, and that it is total. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../drivers/mapping/json.ts";
import type { Mapped } from "../../../drivers/mapping/mapping.ts";
import { Mapping, maxElements, maxFaults, pointOf } from "../../../drivers/mapping/mapping.ts";
import { momentOf } from "../../../drivers/mapping/moment.ts";
import { rows as rowsForm } from "../../../drivers/mapping/options.ts";
import { documentOf, textFormats } from "../../../drivers/mapping/text.ts";
import { v } from "../../../config/index.ts";
import type { Memory } from "../../../drivers/contract.ts";
import { GatewayError, problemOf } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";

const clock = new VirtualClock();

function mappingOf(rows: unknown, more: { memory?: Memory; time?: object } = {}): Mapping {
  const time = { path: "$.t", from: undefined, stale: 60_000, format: "milliseconds" } as const;
  return new Mapping({
    rows: v.parse(rowsForm, rows) ?? [],
    time: more.time === undefined ? undefined : time,
    documents: ["all"],
    levels: [],
    clock,
    memory: more.memory,
  });
}

const row = (fields: object, more: object = {}) => ({
  measurement: "pdu_outlet",
  tags: { outlet: "1" },
  fields,
  ...more,
});

function mapped(rows: unknown, data: unknown, texts = false): Mapped {
  const json = parseJson(JSON.stringify(data), "test");
  return mappingOf(rows).map({ name: "all", data: json, texts });
}

const fieldsOf = ({ parts }: Mapped) => parts.map((part) => pointOf(part).fields);
const faultsOf = ({ faults }: Mapped) => faults.map(({ code, at }) => `${code} ${at}`);

describe("a field", () => {
  it("is scaled, without the noise of rounding", () => {
    const got = mapped([row({ current_a: { path: "$.mA", scale: 0.001, offset: 0.1 } })], {
      mA: 238,
    });
    expect(fieldsOf(got)).toEqual([{ current_a: 0.338, q: 0 }]);
  });

  it("that is missing is named; null and markers are none, and no fault", () => {
    const fields = {
      active_power_w: "$.p",
      voltage_v: { path: "$.v", optional: true },
      current_a: { path: "$.i", none: [-1, "n/a"] },
      power_factor_ratio: "$.pf",
    };
    const got = mapped([row(fields)], { i: "n/a", pf: null });
    expect(got.parts).toEqual([]);
    expect(faultsOf(got)).toEqual(["E_VALUE $.p (nothing there)"]);
  });

  it("of the wrong type is E_VALUE; a number in a text only when asked for [RFC 8259 6]", () => {
    const data = { text: " 1.5e1 ", yes: true, list: [1], rest: "15 W" };
    const tried = (path: string, more: object = {}) =>
      mapped([row({ active_power_w: { path, ...more } })], data);
    for (const path of ["$.text", "$.yes", "$.list", "$"]) {
      expect(faultsOf(tried(path))).toEqual([`E_VALUE ${path}`]);
    }
    expect(faultsOf(tried("$.rest", { type: "numeric" }))).toEqual(["E_VALUE $.rest"]);
    expect(fieldsOf(tried("$.text", { type: "numeric" }))).toEqual([{ active_power_w: 15, q: 0 }]);
    expect(fieldsOf(mapped([row({ active_power_w: "$.text" })], data, true))).toHaveLength(1);
  });

  it("of states takes those that are named", () => {
    const states = { states: { ON: 1, false: 0 } };
    const rows = [row({ outlet_state: { path: "$.s", ...states } })];
    expect(fieldsOf(mapped(rows, { s: "ON" }))).toEqual([{ outlet_state: 1, q: 0 }]);
    expect(fieldsOf(mapped(rows, { s: false }))).toEqual([{ outlet_state: 0, q: 0 }]);
    for (const s of ["on", "toString", 7]) expect(faultsOf(mapped(rows, { s }))).toHaveLength(1);
  });

  it("by a filter of RFC 9535 is the only one that it finds", () => {
    const rows = [row({ active_power_w: "$.list[?@.name=='a'].w" })];
    const one = { name: "a", w: 1 };
    expect(fieldsOf(mapped(rows, { list: [one, { name: "b", w: 2 }] }))).toHaveLength(1);
    const twice = mapped(rows, { list: [one, one] });
    expect(faultsOf(twice)).toEqual(["E_VALUE $.list[?@.name=='a'].w (more than one value)"]);
  });
});

describe("a path", () => {
  it("that is none of RFC 9535, or looks at all of a document, is refused", () => {
    for (const path of ["a", "$.a[", "$..a", "$.a[?@..b]", "@", `$.${"a".repeat(300)}`]) {
      expect(() => mapped([row({ active_power_w: path })], {}), path).toThrow();
    }
    const named = mapped([row({ active_power_w: "$['a..b']" })], { "a..b": 3 });
    expect(fieldsOf(named)).toEqual([{ active_power_w: 3, q: 0 }]);
  });
});

describe("a counter", () => {
  it("goes on over a rollover, a reset and a restart of the agent", async () => {
    let kept: unknown;
    const memory = (): Memory => ({
      kept,
      keep: (value) => (kept = JSON.parse(JSON.stringify(value))),
    });
    const rows = [
      row({
        energy_wh_total: { path: "$.kwh", scale: 1000, resets: true },
        x_pulses_count: { path: "$.n", wraps: 16 },
      }),
    ];
    let mapping = mappingOf(rows, { memory: memory() });
    const read = async (kwh: number, n: number) => {
      await clock.advance(60_000);
      return fieldsOf(mapping.map({ name: "all", data: { kwh, n }, texts: false }))[0];
    };
    expect(await read(1.5, 65_530)).toEqual({
      energy_wh_total: 1500,
      x_pulses_count: 65_530,
      q: 0,
    });
    expect(await read(2.5, 4)).toEqual({ energy_wh_total: 2500, x_pulses_count: 65_540, q: 0 });
    mapping = mappingOf(rows, { memory: memory() });
    expect(await read(0.5, 5)).toEqual({ energy_wh_total: 3000, x_pulses_count: 65_541, q: 0 });
    expect(await read(0.5, -1)).toEqual({ energy_wh_total: 3000, q: 0 });
  });
});

describe("a list", () => {
  const rows = [
    { measurement: "thermal", tags: { sensor: "@.n" }, each: "$.s[*]", fields: { temp_c: "@.t" } },
  ];

  it("gives a row for each element; one without a name, or one twice, is a fault", () => {
    const s = [{ n: "a", t: 1 }, { t: 2 }, { n: "a", t: 3 }, { n: 7, t: 4 }];
    const got = mapped(rows, { s });
    expect(got.parts.map((part) => [part.channel, part.fields["temp_c"]])).toEqual([
      ["a", 1],
      ["7", 4],
    ]);
    expect(got.faults).toHaveLength(2);
  });

  it("is bounded in elements and faults, and its places are the origin's", () => {
    const s = Array.from({ length: maxElements + 50 }, (_, n) => ({ n: `s${n}`, t: n % 50 }));
    const mapping = mappingOf(rows);
    const got = mapping.map({ name: "all", data: { s }, texts: false });
    expect(got.parts).toHaveLength(maxElements);
    expect(faultsOf(got)).toEqual([`E_VALUE $.s[*] (more than ${maxElements} elements)`]);
    expect(mapping.sources).toHaveLength(maxElements);
    const bad = mapped([{ ...rows[0], tags: { sensor: "{index}" } }], { s: s.map(() => ({})) });
    expect(bad.faults.length).toBeLessThanOrEqual(maxFaults);
  });

  it("that is not there is a fault, unless the row is optional", () => {
    expect(faultsOf(mapped(rows, {}))).toEqual(["E_VALUE $.s[*] (nothing there)"]);
    expect(faultsOf(mapped([{ ...rows[0], optional: true }], {}))).toEqual([]);
  });
});

describe("a time", () => {
  it("is read in the form that is named [RFC 3339 5.6]", () => {
    const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 600);
    expect(momentOf(ms / 1000, "seconds")).toBe(ms);
    expect(momentOf(ms, "milliseconds")).toBe(ms);
    expect(momentOf("2026-01-02T04:04:05.600123+01:00", "rfc3339")).toBe(ms);
    for (const bad of ["2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "yesterday", 5, null]) {
      expect(momentOf(bad, "rfc3339")).toBeUndefined();
    }
  });

  it("that cannot be true is a fault; values that are older than allowed are stale", () => {
    const mapping = mappingOf([row({ active_power_w: "$.p" })], { time: {} });
    const at = (t: number) => mapping.map({ name: "all", data: { t, p: 1 }, texts: false });
    expect(at(clock.now()).time).toBe(clock.now());
    expect(fieldsOf(at(clock.now() - 61_000))).toEqual([{ active_power_w: 1, q: 3 }]);
    const never = at(clock.now() + 3_600_000);
    expect([never.time, faultsOf(never)]).toEqual([undefined, ["E_VALUE all $.t"]]);
  });
});

describe("text", () => {
  const csv = { format: "csv", separator: "," } as const;

  it("of CSV may stand in quotes, with separators, breaks and quotes in it [RFC 4180 2]", () => {
    const text = 'a,b\r\n"1,2","say ""x""\n"\r\n\r\n3,\n';
    expect(documentOf(text, csv, "test")).toEqual([
      { a: "1,2", b: 'say "x"\n' },
      { a: "3", b: "" },
    ]);
  });

  it("of CSV comes back as it was written, whatever it holds", () => {
    const cell = fc.string({ unit: "binary", maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 20 }), (records) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const lines = records.map((record) => record.map(quoted).join(","));
        const got = documentOf(["a,b", ...lines].join("\r\n"), csv, "test");
        expect(got).toEqual(records.map(([a, b]) => ({ a, b })));
      }),
    );
  });

  it("of any kind is a document or E_DEVICE_FRAME [RFC 8259]", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', ",", ":", "=", "\n", "1", "\\") }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(...textFormats), (given, format) => {
        try {
          documentOf(given, { format, separator: "=" }, "test");
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect(error).toHaveProperty("code", "E_DEVICE_FRAME");
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("nested too deep is refused before it is parsed; brackets in a text are none", () => {
    const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(() => parseJson(deep(65), "test")).toThrow(/deeper/);
    expect(parseJson(deep(64), "test")).toBeDefined();
    expect(parseJson(JSON.stringify(`\\"${deep(500)}`), "test")).toContain("[[[");
  });
});

it("any JSON gives points of the register or faults, and never throws", () => {
  const rows = [
    row({
      active_power_w: "$.a",
      energy_wh_total: { path: "$.b", resets: true },
      outlet_state: { path: "$.c", states: { x: 1 } },
      x_n_count: { path: "$[0]", wraps: 32 },
      x_word: { path: "$.d", type: "text" },
    }),
    {
      measurement: "thermal",
      tags: { sensor: "@.a" },
      each: "$[*]",
      fields: { temp_c: { path: "@.b", type: "numeric", scale: 1e6 } },
    },
  ];
  const key = fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor");
  const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom("x", "1.5", 7, 2 ** 40));
  const inner = fc.oneof(leaf, fc.dictionary(key, leaf, { maxKeys: 4 }));
  const tree = fc.oneof(inner, fc.dictionary(key, inner), fc.array(inner, { maxLength: 6 }));
  fc.assert(
    fc.property(tree, fc.boolean(), (data, texts) => {
      const got = mapped(rows, data, texts);
      expect(got.faults.length).toBeLessThanOrEqual(maxFaults);
      for (const part of got.parts) expect(problemOf(pointOf(part))).toBeUndefined();
      for (const { at, raw } of got.traces) expect(at.length * raw.length).toBeGreaterThan(0);
    }),
    { numRuns: 1000 },
  );
});
