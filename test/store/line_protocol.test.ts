/** Line protocol, read back by a parser that shares nothing with the writer. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineEncoder, toLineProtocol } from "../../store/line-protocol.ts";
import { SeriesCache } from "../../store/series.ts";
import type { FieldValue, Line } from "../../telemetry/index.ts";

interface Parsed {
  readonly measurement: string;
  readonly tags: readonly (readonly [string, string])[];
  readonly fields: Record<string, FieldValue>;
  readonly integers: readonly string[];
  readonly time: number;
}

/** Reads one line strictly, character by character; anything odd throws. */
function parse(line: string): Parsed {
  let at = 0;
  const until = (stops: string): string => {
    let text = "";
    while (at < line.length && !stops.includes(line[at] ?? "")) {
      if (line[at] === "\\" && ",= ".includes(line[at + 1] ?? "?")) at += 1;
      text += line[at];
      at += 1;
    }
    return text;
  };
  const expectChar = (char: string): void => {
    if (line[at] !== char) throw new Error(`no "${char}" at ${at} of ${line}`);
    at += 1;
  };
  const quoted = (): string => {
    let text = "";
    expectChar('"');
    while (line[at] !== '"') {
      if (line[at] === "\\") at += 1;
      if (at >= line.length) throw new Error("open text");
      text += line[at];
      at += 1;
    }
    expectChar('"');
    return text;
  };
  const measurement = until(", ");
  const tags: [string, string][] = [];
  while (line[at] === ",") {
    at += 1;
    const name = until("=");
    expectChar("=");
    const value = until(", ");
    if (name === "" || value === "") throw new Error(`empty tag in ${line}`);
    tags.push([name, value]);
  }
  const fields: Record<string, FieldValue> = {};
  const integers: string[] = [];
  expectChar(" ");
  for (;;) {
    const name = until("=");
    expectChar("=");
    if (line[at] === '"') {
      fields[name] = quoted();
    } else {
      const number = until(", ");
      if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?i?$/.test(number)) throw new Error(`number ${number}`);
      if (number.endsWith("i")) integers.push(name);
      fields[name] = Number(number.replace("i", ""));
    }
    if (line[at] !== ",") break;
    at += 1;
  }
  expectChar(" ");
  const time = line.slice(at);
  if (!/^\d+$/.test(time)) throw new Error(`time ${time}`);
  return { measurement, tags, fields, integers, time: Number(time) };
}

/** Texts that are likely to break out: escapes, quotes, controls, half surrogates. */
const nasty = fc.string({
  unit: fc.constantFrom(
    ...Array.from("ab,= \\\"'#\n\r\t\0\u007F\u0085"),
    "é",
    "机",
    "🙂",
    "\uD800",
  ),
  maxLength: 12,
});

/** What the writer says a name becomes: written down once more, in other words. */
function cleaned(text: string): string {
  let out = "";
  for (const char of text) {
    if (/\p{Cs}/u.test(char)) out += "\uFFFD";
    else out += /\p{Cc}/u.test(char) ? " " : char;
  }
  return out;
}

function cleanedName(text: string): string {
  const chars = Array.from(cleaned(text));
  for (let i = chars.length - 1; i >= 0; i -= 1) {
    const next = chars[i + 1];
    const unclear = next === undefined || ",= ".includes(next) || next === "/!";
    if (chars[i] === "\\" && unclear) chars[i] = "/!";
  }
  return chars.map((char) => (char === "/!" ? "/" : char)).join("");
}

const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());

describe("line protocol", () => {
  test("any line reads back as it was, but for what no escape can carry", () => {
    const property = fc.property(
      nasty.filter((text) => text !== ""),
      fc.dictionary(nasty, nasty, { maxKeys: 6 }),
      fc.record(
        {
          x_any: fc.oneof(number, nasty),
          x_b_count: fc.maxSafeInteger(),
          x_c_w: number,
          q: fc.integer({ min: 0, max: 4 }),
        },
        { requiredKeys: ["x_c_w"] },
      ),
      fc.integer({ min: 0, max: 4e12 }),
      (measurement, tags, fields, time) => {
        const line: Line = { measurement, tags, fields, time };
        const { text, rejected } = toLineProtocol([line]);
        const names = Object.keys(tags).filter((name) => tags[name] !== "");
        const different = new Set(names.map(cleanedName));
        if (names.includes("") || different.size < names.length) {
          expect(rejected).toHaveLength(1);
          return;
        }
        expect(text.endsWith("\n")).toBe(true);
        const parsed = parse(text.slice(0, -1));
        expect(parsed.measurement).toBe(cleanedName(measurement).replace(/^#/, "_"));
        expect(new Set(parsed.tags.map((tag) => tag.join("=")))).toEqual(
          new Set(names.map((name) => `${cleanedName(name)}=${cleanedName(tags[name] ?? "")}`)),
        );
        const wanted = Object.entries(fields).map(([name, value]) => [
          name,
          typeof value === "string" ? cleaned(value) : value + 0,
        ]);
        expect(parsed.fields).toEqual(Object.fromEntries(wanted));
        expect(parsed.integers.toSorted()).toEqual(
          Object.keys(fields)
            .filter((name) => name === "q" || name === "x_b_count")
            .toSorted(),
        );
        expect(parsed.time).toBe(time);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  test("tags stand in the register's order, the channel last; empty ones are left out", () => {
    const tags = { phase: "L1", device: "d", rack: "", site: "s", region: "r", org: "o" };
    const line = { measurement: "rack_phase", tags, fields: { voltage_v: 230 }, time: 5 };
    expect(toLineProtocol([line]).text).toBe(
      "rack_phase,region=r,org=o,site=s,device=d,phase=L1 voltage_v=230 5\n",
    );
  });

  test("whole numbers carry an i where the register says so, and nowhere else", () => {
    const fields = { energy_wh_total: 12, active_power_w: 12, x_n: 3, x_n_count: 3, q: 0 };
    const line = { measurement: "rack_power", tags: {}, fields, time: 5 };
    expect(toLineProtocol([line]).text).toBe(
      "rack_power energy_wh_total=12i,active_power_w=12,x_n=3,x_n_count=3i,q=0i 5\n",
    );
  });

  test("numbers that are not finite are left out and counted; the line stays", () => {
    const fields = { voltage_v: Number.NaN, current_a: 1, active_power_w: -1 / 0 };
    const line = { measurement: "rack_power", tags: {}, fields, time: 5 };
    const only = { ...line, fields: { voltage_v: Number.NaN } };
    expect(toLineProtocol([line, only])).toEqual({
      text: "rack_power current_a=1 5\n",
      rejected: [{ index: 1, reason: "no field is left to store" }],
      droppedFields: 2,
    });
  });

  test("the cache forgets at its limit and never mixes series up", () => {
    const cache = new SeriesCache<number>(10);
    for (let i = 0; i < 100; i += 1) {
      const tags = { device: "d", zone: `z${i}` };
      const line = { measurement: "rack_power", tags, fields: {}, time: 1 };
      expect(cache.get(line)).toBeUndefined();
      cache.set(line, i);
      expect(cache.get({ ...line, tags: { zone: `z${i}`, device: "d" } })).toBe(i);
      expect(cache.get({ ...line, tags: { device: "d" } })).toBeUndefined();
      expect(cache.size).toBeLessThanOrEqual(10);
    }
  });

  test("an encoder that met a bad series says the same reason again", () => {
    const encoder = new LineEncoder();
    const line = { measurement: "rack_power", tags: { time: "1" }, fields: { q: 1 }, time: 1 };
    for (let i = 0; i < 2; i += 1) {
      expect(encoder.add(line)).toBe(false);
      expect(encoder.length).toBe(0);
      expect(encoder.problem).toBe('a tag may not be called "time"');
    }
  });
});
