/** The store exam: rows summed up series by series, and read back as they were written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Store, SummaryQuery, SummarySeries } from "../../store/index.ts";
import type { Line, Tags } from "../../telemetry/index.ts";
import { SeededEntropy } from "../virtual.ts";
import { day, midnight, minute, place, power, signal, withStore } from "./store_lines.ts";
import type { OpenStore } from "./store_lines.ts";

/** Tags as a text that does not depend on their order. */
function textOf(tags: Tags): string {
  return JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Everything that a span holds. */
async function scanned(
  store: Store,
  span: Partial<Parameters<Store["scan"]>[0]> = {},
): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const piece of store.scan({ ...day, ...span }, signal)) lines.push(...piece);
  return lines;
}

/** Lines in an order that does not depend on the engine's. */
function sorted(lines: readonly Line[]): Line[] {
  const key = ({ time, tags }: Line): string => `${time} ${textOf(tags)}`;
  return lines.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** The same summary, asked for piece by piece: an engine may read short spans in another way. */
async function inPieces(
  store: Store,
  asked: SummaryQuery,
  { lines, piece }: { readonly lines: number; readonly piece: number },
): Promise<SummarySeries[]> {
  const found = new Map<string, SummarySeries>();
  const begin = Math.floor(midnight / asked.every) * asked.every;
  for (let from = begin; from < midnight + lines * 1000; from += piece) {
    for (const { tags, rows } of await store.summarize(
      { ...asked, from, to: from + piece },
      signal,
    )) {
      const before = found.get(textOf(tags))?.rows ?? [];
      found.set(textOf(tags), { tags, rows: [...before, ...rows] });
    }
  }
  return [...found.values()];
}

/** Summaries and scans. */
export function examReading(open: OpenStore): void {
  test(
    "sums up each series by itself, with every aggregate",
    withStore(open, async (store) => {
      await store.write(
        [
          power(midnight, { active_power_w: 3, energy_wh_total: 10 }, { feed: "A" }),
          power(midnight + 1, { active_power_w: -1 }, { feed: "A" }),
          power(midnight + 2, { active_power_w: 4, q: 3 }, { feed: "A" }),
          power(midnight + minute, { energy_wh_total: 12 }, { feed: "A" }),
          power(midnight, { active_power_w: 7 }),
        ],
        signal,
      );
      const fields = ["active_power_w", "energy_wh_total"];
      const asked = { ...day, fields, every: minute, worstQuality: 1 };
      const one = { count: 1, sum: 7, min: 7, max: 7, first: 7, last: 7 };
      const energy = (value: number): object => {
        return { count: 1, sum: value, min: value, max: value, first: value, last: value };
      };
      const feedA = [
        {
          time: midnight,
          fields: {
            active_power_w: { count: 2, sum: 2, min: -1, max: 3, first: 3, last: -1 },
            energy_wh_total: energy(10),
          },
        },
        { time: midnight + minute, fields: { energy_wh_total: energy(12) } },
      ];
      const wanted = [
        { tags: place, rows: [{ time: midnight, fields: { active_power_w: one } }] },
        { tags: { ...place, feed: "A" }, rows: feedA },
      ];
      expect(withoutRises(await store.summarize(asked, signal))).toEqual(wanted);
      const only = await store.summarize({ ...asked, where: { feed: "" } }, signal);
      expect(withoutRises(only)).toEqual(wanted.slice(0, 1));
      const texts = { ...asked, measurement: "device_event", fields: ["reason"] };
      await expect(store.summarize(texts, signal)).rejects.toMatchObject({ code: "E_QUERY" });
    }),
  );

  test(
    "tells how much was risen, if it says that it does",
    withStore(open, async (store) => {
      const counts = [10, 50, 30, 60, 5, 5, 9];
      const lines = counts.map((count, i) => power(midnight + i, { energy_wh_total: count, q: 0 }));
      await store.write([...lines, power(midnight + 9, { energy_wh_total: 99, q: 2 })], signal);
      const asked = { ...day, fields: ["energy_wh_total"], every: minute, worstQuality: 1 };
      const [series] = await store.summarize(asked, signal);
      const { rise } = series?.rows[0]?.fields["energy_wh_total"] ?? {};
      expect(rise).toBe(store.sumsRises === true ? 40 + 30 + 4 : undefined);
    }),
  );

  test(
    "rises of windows and what lies between them are the whole rise of each series",
    withStore(open, async (store) => {
      if (store.sumsRises !== true) return;
      const entropy = new SeededEntropy(7);
      const random = (): number => entropy.random();
      const lines: Line[] = [];
      const whole = new Map<string, number>();
      for (const feed of ["A", "B", "C"]) {
        let [before, risen] = [Number.NaN, 0];
        for (let i = 0; i < 400; i += 1) {
          // Now and then a reading is missing, or the meter was swapped for one that shows less.
          if (random() < 0.1) continue;
          const count = random() < 0.05 ? Math.floor(random() * 500) : (before || 0) + (i % 7);
          const q = random() < 0.05 ? 2 : 0;
          const fields = { energy_wh_total: count, voltage_v: 230 + (i % 3), q };
          lines.push(power(midnight + i * 1000, fields, { feed }));
          if (q === 2) continue;
          risen += Math.max(0, count - before) || 0;
          before = count;
        }
        whole.set(feed, risen);
      }
      await store.write(lines, signal);
      const fields = ["voltage_v", "energy_wh_total"];
      const asked = { ...day, fields, every: 7000, worstQuality: 1 };
      const series = await store.summarize(asked, signal);
      expect(await inPieces(store, asked, { lines: 400, piece: 14_000 })).toEqual(series);
      const summed = new Map<string, number>();
      for (const { tags, rows } of series) {
        let [last, risen] = [Number.NaN, 0];
        for (const row of rows) {
          expect(row.fields["voltage_v"]?.rise ?? 0).toBeGreaterThanOrEqual(0);
          const counter = row.fields["energy_wh_total"];
          if (counter === undefined) continue;
          risen += (counter.rise ?? Number.NaN) + (Math.max(0, counter.first - last) || 0);
          ({ last } = counter);
        }
        summed.set(tags["feed"] ?? "", risen);
      }
      expect(summed).toEqual(whole);
    }),
  );

  test(
    "reads lines back whole, in order of time, whatever the number",
    withStore(open, async (store) => {
      const lines = Array.from({ length: 12_000 }, (_, i) =>
        power(
          midnight - minute + Math.floor(i / 8) * 50,
          {
            active_power_w: i / 8,
            energy_wh_total: i,
            ...(i % 3 === 0 ? { x_mode: `m${i}` } : {}),
          },
          { feed: `f${i % 8}` },
        ),
      );
      await store.write(lines, signal);
      const found = await scanned(store);
      expect(sorted(found)).toEqual(sorted(lines));
      const times = found.map(({ time }) => time);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const part = { from: midnight, to: midnight + 50, where: { feed: "f0" } };
      expect(await scanned(store, { ...part, fields: ["x_mode"] })).toEqual(
        lines
          .filter(({ time, tags }) => time === midnight && tags["feed"] === "f0")
          .flatMap((line) => {
            const mode = line.fields["x_mode"];
            return mode === undefined ? [] : [{ ...line, fields: { x_mode: mode } }];
          }),
      );
      expect(await scanned(store, { measurement: "ups" })).toEqual([]);
    }),
  );

  test(
    "one moment of very many series comes whole",
    withStore(open, async (store) => {
      const lines = Array.from({ length: 7000 }, (_, i) =>
        power(midnight, { active_power_w: i }, { device: `d${i}` }),
      );
      await store.write([...lines, power(midnight + 1, { active_power_w: 1 })], signal);
      expect(await scanned(store)).toHaveLength(7001);
    }),
  );

  test(
    "random rows: each summary is that of its own rows, and a scan gives them all",
    withStore(open, async (store) => {
      let run = 0;
      const property = fc.asyncProperty(manyRows, async (rows) => {
        run += 1;
        const measurement = `reading_${run}`;
        const lines = rows.map(({ tags, time, fields }) => ({ measurement, tags, time, fields }));
        await store.write(lines, signal);
        expect(sorted(await scanned(store, { measurement }))).toEqual(sorted(lines));
        const fields = ["x_a", "x_b_count"];
        const series = await store.summarize({ ...day, measurement, fields, every: 7 }, signal);
        expect(counted(series)).toBe(lines.flatMap((line) => Object.keys(line.fields)).length);
        for (const one of series) expectOwn(one, lines);
      });
      await fc.assert(property, { numRuns: 30 });
    }),
    120_000,
  );
}

const row = fc
  .record({
    device: fc.constantFrom("d1", "d2"),
    rack: fc.constantFrom(undefined, "r1"),
    time: fc.integer({ min: midnight - 20, max: midnight + 20 }),
    fields: fc.record(
      { x_a: fc.double({ min: -1e6, max: 1e6, noNaN: true }), x_b_count: fc.integer({ min: 1 }) },
      { requiredKeys: ["x_a"] },
    ),
  })
  .map(({ device, rack, time, fields }) => {
    const tags: Tags = rack === undefined ? { device } : { device, rack };
    // Minus zero is zero in every engine.
    const clean: Record<string, number> = { ...fields, x_a: fields.x_a + 0 };
    return { tags, time, fields: clean };
  });

/** No two of the same identity: what merges is examined elsewhere. */
const manyRows = fc.uniqueArray(row, {
  minLength: 1,
  maxLength: 50,
  selector: ({ tags, time }) => `${textOf(tags)} ${time}`,
});

function counted(series: readonly SummarySeries[]): number {
  return series
    .flatMap(({ rows }) => rows)
    .flatMap(({ fields }) => Object.values(fields))
    .reduce((sum, { count }) => sum + count, 0);
}

/** Each summary is that of the lines of its own series and window. */
function expectOwn({ tags, rows }: SummarySeries, lines: readonly Line[]): void {
  for (const { time, fields } of rows) {
    const own = lines.filter((line) => isOf(line, tags, time)).toSorted((a, b) => a.time - b.time);
    for (const [field, summary] of Object.entries(fields)) {
      const values = own.flatMap((line) => line.fields[field] ?? []).map(Number);
      expect(summary).toMatchObject({
        count: values.length,
        min: Math.min(...values),
        max: Math.max(...values),
        first: values[0],
        last: values.at(-1),
      });
      const sum = values.reduce((a, b) => a + b, 0);
      expect(Math.abs(summary.sum - sum)).toBeLessThanOrEqual(1e-6);
    }
  }
}

function isOf(line: Line, tags: Tags, window: number): boolean {
  const same = textOf(line.tags) === textOf(tags);
  return same && line.time >= window && line.time < window + 7;
}

/** What every engine tells; not all tell rises. */
function withoutRises(series: readonly SummarySeries[]): unknown {
  return series.map(({ tags, rows }) => ({
    tags,
    rows: rows.map(({ time, fields }) => ({
      time,
      fields: Object.fromEntries(
        Object.entries(fields).map(([field, { count, sum, min, max, first, last }]) => [
          field,
          { count, sum, min, max, first, last },
        ]),
      ),
    })),
  }));
}
