/** The reader of pages: what it reads, and that any characters are a page. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PageFacts } from "../../../drivers/prometheus/page.ts";
import { PageReader, readPage } from "../../../drivers/prometheus/reader.ts";

function read(text: string, wanted: readonly string[], seconds = false): PageFacts {
  const reader = new PageReader(text, { wanted, seconds });
  while (!reader.done) reader.step(7);
  return reader.page().facts;
}

/** Series of one name as plain data. */
function seriesOf(text: string, name: string, seconds = false) {
  return read(text, [name], seconds)
    .families.get(name)
    ?.map(({ labels, value, time }) => ({ labels: Object.fromEntries(labels), value, time }));
}

describe("a page", () => {
  it("gives the series that are wanted, with labels, values and times", () => {
    const page = `\
# HELP power Watts.
# TYPE power gauge
power{card="0"} 1.5
power { card = "1" , } 2e3 1700000000123
other{card="0"} 7
power 3
`;
    expect(seriesOf(page, "power")).toEqual([
      { labels: { card: "0" }, value: 1.5, time: undefined },
      { labels: { card: "1" }, value: 2000, time: 1_700_000_000_123 },
      { labels: {}, value: 3, time: undefined },
    ]);
    expect(read(page, ["power"])).toMatchObject({ lines: 6, samples: 4, damaged: 0 });
  });

  it("takes escapes back", () => {
    const page = String.raw`a{path="C:\\dir\"x\"\nend",odd="\q"} 1`;
    const labels = { path: 'C:\\dir"x"\nend', odd: String.raw`\q` };
    expect(seriesOf(page, "a")).toEqual([{ labels, value: 1, time: undefined }]);
  });

  it("knows what is no number and what is none", () => {
    const page = 'a NaN\na +Inf\na -Inf\na 0x10\na 1_0\na\na one\na 1 2 3\na{b=1} 1\na{b="1} 1\n';
    const facts = read(page, ["a"]);
    const values = facts.families.get("a")?.map(({ value }) => value);
    expect(values).toEqual([Number.NaN, Infinity, -Infinity]);
    expect(facts).toMatchObject({ damaged: 7, damagedAt: 4 });
  });

  it("reads OpenMetrics: seconds, exemplars, the end", () => {
    const page = 'a_total{x="1"} 17 1700000000.5 # {trace_id="k"} 0.67 1.5\n# EOF\n';
    expect(seriesOf(page, "a_total", true)).toEqual([
      { labels: { x: "1" }, value: 17, time: 1_700_000_000_500 },
    ]);
    expect(read(page, [], true).ended).toBe(true);
    expect(read("a 1\n", [], true).ended).toBe(false);
  });

  it("passes over histograms and summaries of a wanted name", () => {
    const page = '# TYPE a summary\na{quantile="0.5"} 1\na_sum 2\na_count 3\n';
    expect(seriesOf(page, "a")).toBeUndefined();
    expect(seriesOf(page, "a_sum")).toHaveLength(1);
  });

  it("has one object for the same labels of several families", () => {
    const page = 'a{g="0"} 1\na{g="1"} 2\nb{g="0"} 3\nb{g="1"} 4\nb{g="2"} 5\n';
    const { families } = read(page, ["a", "b"]);
    const [[first, second], [third, fourth]] = [families.get("a") ?? [], families.get("b") ?? []];
    expect(third?.labels).toBe(first?.labels);
    expect(fourth?.labels).toBe(second?.labels);
    expect(families.get("b")?.[2]?.labels.get("g")).toBe("2");
  });

  it("ends its lines with CR LF, or the last not at all", () => {
    expect(seriesOf('a{x="1"} 1\r\na 2', "a")?.map(({ value }) => value)).toEqual([1, 2]);
  });

  it("is read in slices, and gives the same", async () => {
    const lines = Array.from({ length: 5000 }, (_, n) => `a{n="${n}"} ${n}`);
    let now = 0;
    let looks = 0;
    const monotonic = () => {
      looks += 1;
      return (now += 5);
    };
    const page = await readPage(lines.join("\n"), { wanted: ["a"], seconds: false }, { monotonic });
    expect(page.facts.families.get("a")).toHaveLength(5000);
    expect(looks).toBeGreaterThan(10);
  });
});

const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,12}$/);
const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
const value = fc.oneof(
  // Text knows no negative zero.
  fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  fc.constantFrom(Number.NaN, Infinity, -Infinity),
);
interface Written {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly time: number | undefined;
}

const series: fc.Arbitrary<Written> = fc.record({
  name,
  labels: fc.dictionary(label, fc.string({ maxLength: 12, unit: "binary" }), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  value,
  time: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
});

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function lineOf({ name, labels, value, time }: Written): string {
  const parts = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  const block = parts.length === 0 ? "" : `{${parts.join(",")}}`;
  const number = Number.isFinite(value) || Number.isNaN(value) ? String(value) : infinity(value);
  return `${name}${block} ${number}${time === undefined ? "" : ` ${time}`}`;
}

function infinity(value: number): string {
  return value > 0 ? "+Inf" : "-Inf";
}

describe("any page", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 30 }), (all) => {
        const { families, damaged } = read(
          all.map(lineOf).join("\n"),
          all.map(({ name }) => name),
        );
        expect(damaged).toBe(0);
        for (const name of new Set(all.map((one) => one.name))) {
          const expected = all.filter((one) => one.name === name);
          expect(
            families.get(name)?.map((one) => ({
              labels: Object.fromEntries(one.labels),
              value: one.value,
              time: one.time,
            })),
          ).toEqual(expected.map(({ labels, value, time }) => ({ labels, value, time })));
        }
      }),
    );
  });

  it("is read whatever it holds, cut or damaged anywhere", () => {
    const junk = fc.string({ maxLength: 200, unit: "binary" });
    const cut = fc.record({
      all: fc.array(series, { minLength: 1, maxLength: 8 }),
      at: fc.nat(400),
      by: junk,
      length: fc.nat(10),
    });
    fc.assert(
      fc.property(cut, ({ all, at, by, length }) => {
        const text = all.map(lineOf).join("\n");
        const wanted = all.map(({ name }) => name);
        for (const page of [
          by,
          text.slice(0, at),
          text.slice(0, at) + by + text.slice(at + length),
        ]) {
          const { families, lines, samples, damaged } = read(page, wanted);
          const kept = [...families.values()].reduce((sum, one) => sum + one.length, 0);
          expect(kept + damaged).toBeLessThanOrEqual(samples);
          expect(samples).toBeLessThanOrEqual(lines);
        }
      }),
    );
  });

  it("that is cut gives the lines before the cut, as they were", () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 8 }), fc.nat(400), (all, at) => {
        const lines = all.map((one) => lineOf({ ...one, name: "a" }));
        const text = `${lines.join("\n")}\n`;
        const whole = text.slice(0, at).split("\n").length - 1;
        const got = read(text.slice(0, at), ["a"]).families.get("a") ?? [];
        expect(got.slice(0, whole).map(({ value }) => value)).toEqual(
          all.slice(0, whole).map(({ value }) => value),
        );
        expect(got.length - whole).toBeLessThanOrEqual(1);
      }),
    );
  });
});
