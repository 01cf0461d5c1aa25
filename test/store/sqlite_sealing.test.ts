/** Sealing: whatever is in chunks, log or both at any moment, the answers are the same. */
import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Query } from "../../store/index.ts";
import { aggregates } from "../../store/index.ts";
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";
import { expectSame, reference } from "../contract/store_reference.ts";
import { Bounded } from "../../store/sqlite/bounds.ts";
import { temporaryFolder, wideBounds } from "./rig.ts";
import { plenty, Threadless } from "./sqlite_rig.ts";

const dayMs = 86_400_000;
const minute = 60_000;
const today = Date.UTC(2026, 5, 15);
const span = { measurement: "rack_power", from: today - 30 * dayMs, to: today + 60 * dayMs };
/** Nothing is sealed by itself. */
const lazy = { headBytes: 2 ** 30, sealAfter: 2 * 3_600_000 };

function line(time: number, fields: Record<string, FieldValue>, device = "d1"): Line {
  return { measurement: "rack_power", tags: { device }, fields, time };
}

/** Whole lines of a device, one a minute. */
function hours(from: number, count: number, device = "d1"): Line[] {
  return Array.from({ length: count * 60 }, (_, i) =>
    line(from + i * minute, { active_power_w: 1000 + (i % 7), energy_wh_total: i, q: 0 }, device),
  );
}

const randomLine = fc
  .record({
    device: fc.constantFrom("d1", "d2"),
    time: fc.oneof(
      fc.integer({ min: 0, max: 40 }).map((at) => today + at * 50),
      fc.integer({ min: -100, max: 100 }).map((at) => today + at * 30 * minute),
    ),
    fields: fc.record(
      {
        x_a: fc.oneof(
          fc.integer({ min: -9, max: 9 }),
          fc.double({ noNaN: true, max: 1e6, min: -1e6 }),
        ),
        x_b_count: fc.integer({ min: 0, max: 1000 }),
        x_mode: fc.constantFrom("auto", "manual", "'", "12"),
        q: fc.integer({ min: 0, max: 4 }),
      },
      { requiredKeys: [] },
    ),
  })
  .filter(({ fields }) => Object.keys(fields).length > 0)
  .map(({ device, time, fields }): Line => {
    const known = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "number" ? value + 0 : value,
    ]);
    return line(time, Object.fromEntries(known), device);
  });

/** What happens to a store: lines are written, time passes, upkeep does some steps, it restarts. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(randomLine, { minLength: 1, maxLength: 20 }) },
  { weight: 4, arbitrary: fc.record({ steps: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ hours: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.constant("restart" as const) },
);

const question = fc.record({
  fields: fc.uniqueArray(fc.constantFrom("x_a", "x_b_count"), { minLength: 1 }),
  aggregate: fc.constantFrom(...aggregates),
  span: fc
    .tuple(fc.integer({ min: -3000, max: 3000 }), fc.integer({ min: -3000, max: 3000 }))
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => [today + Math.min(a, b) * minute, today + Math.max(a, b) * minute] as const),
  every: fc.constantFrom(undefined, 7, 60_000, 86_400_000),
  where: fc.constantFrom<Tags | undefined>(undefined, { device: "d1" }),
  groupBy: fc.subarray(["device"]),
  worstQuality: fc.constantFrom(undefined, -1, 0, 2),
});

test("random rows sealed at random moments: every answer is that of the reference", async () => {
  const headBytes = fc.constantFrom(1, 3_000, 2 ** 30);
  const property = fc.asyncProperty(
    headBytes,
    fc.array(step, { minLength: 1, maxLength: 25 }),
    fc.array(question, { minLength: 1, maxLength: 5 }),
    async (headBytes, steps, questions) => {
      await using folder = await temporaryFolder();
      const path = folder.file("store.sqlite");
      const open = (): Threadless => new Threadless(path, { ...lazy, headBytes });
      let store = open();
      let now = today;
      const lines: Line[] = [];
      for (const step of steps) {
        if (Array.isArray(step)) {
          store.write(step, now);
          lines.push(...step);
        } else if (step === "restart") {
          store[Symbol.dispose]();
          store = open();
        } else if ("hours" in step) {
          now += step.hours * 60 * minute;
        } else {
          store.keepUp(step.steps);
        }
      }
      store.whilePausing = () => store.keepUp(1);
      for (const { span, ...more } of questions) {
        const query: Query = { ...more, measurement: "rack_power", from: span[0], to: span[1] };
        expectSame(await store.query(query), reference(lines, query));
      }
      expect(sorted(await store.scan(span))).toEqual(merged(lines));
      store.keepUp();
      expect(sorted(await store.scan(span))).toEqual(merged(lines));
      store[Symbol.dispose]();
    },
  );
  await fc.assert(property, { numRuns: 120 });
}, 120_000);

/** Lines as a store must give them back: those of one device and time are one. */
function merged(lines: readonly Line[]): Line[] {
  const found = new Map<string, Line>();
  for (const { tags, time, fields, measurement } of lines) {
    const key = `${time} ${tags["device"]}`;
    found.set(key, { measurement, tags, time, fields: { ...found.get(key)?.fields, ...fields } });
  }
  return sorted([...found.values()]);
}

function sorted(lines: readonly Line[]): Line[] {
  const key = ({ time, tags }: Line): string => `${time} ${tags["device"]}`;
  return lines.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

describe("sealing", () => {
  test("begins when rows are old enough, and empties the log", async () => {
    await using folder = await temporaryFolder();
    using store = new Threadless(folder.file("store.sqlite"), lazy);
    store.write(hours(today, 1), today);
    store.keepUp();
    expect([store.records(), store.sealed().rows]).toEqual([1, 0]);
    store.write([line(today + 60 * minute, { active_power_w: 1 })], today + lazy.sealAfter);
    store.keepUp();
    expect([store.records(), store.sealed()]).toEqual([0, { chunks: 1, rows: 61 }]);
  });

  test("begins when the head is full; a write waits when it is twice as full", async () => {
    await using folder = await temporaryFolder();
    using store = new Threadless(folder.file("store.sqlite"), { ...lazy, headBytes: 10_000 });
    for (let hour = 0; hour < 200; hour += 1) {
      store.write(hours(today + hour * 60 * minute, 1), today);
    }
    expect(store.file.head.young.bytes).toBeLessThan(20_000 + 10_000);
    expect(store.sealed().rows).toBeGreaterThan(11_000);
  });

  test("a late row wins over the sealed one; many of them are settled into one chunk", async () => {
    await using folder = await temporaryFolder();
    using store = new Threadless(folder.file("store.sqlite"), { headBytes: 1, sealAfter: 0 });
    store.write(hours(today, 24), today);
    store.keepUp();
    store.write([line(today + 5 * minute, { active_power_w: -1 })], today);
    store.keepUp();
    expect(store.sealed()).toEqual({ chunks: 2, rows: 1441 });
    const query: Query = {
      ...span,
      fields: ["active_power_w", "energy_wh_total"],
      aggregate: "min",
    };
    const [series] = await store.query(query);
    expect(series?.rows[0]).toMatchObject({
      values: { active_power_w: -1, energy_wh_total: 0 },
      counts: { active_power_w: 1440, energy_wh_total: 1440 },
    });
    // A day later, with a row for that day, all of the first one is one chunk.
    store.write([line(today + 2 * dayMs, { active_power_w: 1 })], today + 2 * dayMs);
    store.keepUp();
    expect(store.sealed()).toEqual({ chunks: 2, rows: 1441 });
    expect((await store.query(query))[0]?.rows[0]?.counts).toEqual({
      active_power_w: 1441,
      energy_wh_total: 1440,
    });
  });

  test("short chunks of a day that is over become one", async () => {
    await using folder = await temporaryFolder();
    using store = new Threadless(folder.file("store.sqlite"), { headBytes: 1, sealAfter: 0 });
    for (let hour = 0; hour < 24; hour += 1) {
      store.write(hours(today + hour * 60 * minute, 1), today);
      store.keepUp();
    }
    expect(store.sealed()).toEqual({ chunks: 24, rows: 1440 });
    store.write(hours(today + 2 * dayMs, 1), today + 2 * dayMs);
    store.keepUp();
    expect(store.sealed()).toEqual({ chunks: 2, rows: 1500 });
  });

  test("windows that hold whole chunks are answered by their heads alone", async () => {
    await using folder = await temporaryFolder();
    using store = new Threadless(folder.file("store.sqlite"), { headBytes: 1, sealAfter: 0 });
    for (let day = 0; day < 3; day += 1) {
      store.write(
        [...hours(today + day * dayMs, 24), ...hours(today + day * dayMs, 24, "d2")],
        today,
      );
      store.keepUp();
    }
    for (const name of store.file.chunks.entries.keys()) {
      store.database.exec(`UPDATE ${name}_body SET data = x'00'`);
    }
    const query: Query = { ...span, fields: ["active_power_w"], aggregate: "last" };
    const found = await store.query({ ...query, groupBy: ["device"], worstQuality: 1 });
    expect(found.map(({ tags, rows }) => [tags["device"], rows])).toEqual(
      ["d1", "d2"].map((device) => [
        device,
        [
          {
            time: today + 3 * dayMs - minute,
            values: { active_power_w: 1000 + (1439 % 7) },
            counts: { active_power_w: 3 * 1440 },
          },
        ],
      ]),
    );
    const daily = { ...query, fields: ["energy_wh_total"], every: dayMs, groupBy: ["device"] };
    const [sums] = await store.query({ ...daily, aggregate: "sum" });
    expect(sums?.rows[1]).toMatchObject({
      values: { energy_wh_total: (1439 * 1440) / 2 },
      counts: { energy_wh_total: 1440 },
    });
    await expect(store.query({ ...query, every: minute })).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringContaining("damaged"),
    });
  });

  test("two processes write and seal at random moments: the later write wins", async () => {
    const who = fc.constantFrom(0, 1);
    const step = fc.oneof(
      fc.record({ who, lines: fc.array(randomLine, { minLength: 1, maxLength: 6 }) }),
      fc.record({ who, steps: fc.integer({ min: 1, max: 4 }) }),
    );
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 30 }),
      async (steps) => {
        await using folder = await temporaryFolder();
        const path = folder.file("store.sqlite");
        const tuning = { headBytes: 2 ** 30, sealAfter: 0 };
        using one = new Threadless(path, tuning);
        using other = new Threadless(path, tuning);
        const lines: Line[] = [];
        for (const step of steps) {
          const store = step.who === 0 ? one : other;
          if ("steps" in step) store.keepUp(step.steps);
          else {
            store.write(step.lines, today);
            lines.push(...step.lines);
          }
        }
        for (const store of [one, other])
          expect(sorted(await store.scan(span))).toEqual(merged(lines));
        one.keepUp();
        other.keepUp();
        for (const store of [one, other])
          expect(sorted(await store.scan(span))).toEqual(merged(lines));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  }, 120_000);

  test("a seal that another process overtook writes nothing older over it", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    using one = new Threadless(path, { ...lazy, sealAfter: 0 });
    using other = new Threadless(path, { ...lazy, sealAfter: 0 });
    one.write([line(today, { active_power_w: 1 })], today);
    one.keepUp(1);
    other.write([line(today, { active_power_w: 2 })], today);
    other.keepUp(2);
    one.keepUp(1);
    other.keepUp();
    one.keepUp();
    for (const store of [one, other]) {
      expect((await store.scan(span)).map(({ fields }) => fields["active_power_w"])).toEqual([2]);
    }
  });

  test("a series that another process dropped is made anew by the next write", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    using one = new Threadless(path, lazy);
    using other = new Threadless(path, lazy);
    one.write(hours(today, 1), today);
    expect(await other.scan(span)).toHaveLength(60);
    const bounds = { ...wideBounds, retention: 5 * dayMs };
    const said = (): void => undefined;
    const bounded = new Bounded(other.file, bounds, { warn: said, space: plenty });
    other.write(hours(today + 9 * dayMs, 1, "d2"), today + 9 * dayMs);
    bounded.keep(today + 9 * dayMs);
    one.write(hours(today + 9 * dayMs, 1), today + 9 * dayMs);
    for (const store of [one, other]) expect(await store.scan(span)).toHaveLength(120);
    using third = new Threadless(path, lazy);
    expect(await third.scan(span)).toHaveLength(120);
  });

  test("another process sees every row, whoever seals", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const tuning = { headBytes: 1, sealAfter: 0 };
    using one = new Threadless(path, tuning);
    using other = new Threadless(path, tuning);
    const counted = async (store: Threadless): Promise<unknown> => {
      const found = await store.query({ ...span, fields: ["active_power_w"], aggregate: "count" });
      return found[0]?.rows[0]?.values["active_power_w"] ?? 0;
    };
    for (let round = 0; round < 12; round += 1) {
      const [writer, reader] = round % 2 === 0 ? [one, other] : [other, one];
      writer.write(hours(today + round * 60 * minute, 1, `d${round % 5}`), today);
      expect(await counted(reader)).toBe((round + 1) * 60);
      writer.keepUp(1 + (round % 3));
      reader.keepUp(round % 4);
      expect(await counted(reader)).toBe((round + 1) * 60);
      expect(await counted(writer)).toBe((round + 1) * 60);
    }
    one.keepUp();
    other.keepUp();
    expect([await counted(one), await counted(other)]).toEqual([720, 720]);
    expect(one.records()).toBe(0);
  });
});

describe("a file of schema 1", () => {
  const fixture = new URL("../golden/store/schema1.sqlite.gz", import.meta.url);
  // What `test/golden/store/README.md` says of it.
  const start = today;
  const wanted = Array.from({ length: 288 * 3 }, (_, at): Line => {
    const [i, n] = [Math.floor(at / 3), (at % 3) + 1];
    const first = i === 0 && n === 1;
    return {
      measurement: "rack_power",
      tags: { site: "hall", device: `d${n}` },
      time: start + i * 600_000,
      fields: {
        active_power_w: first ? -1 : 1000 * n + i / 10,
        ...(i % 3 === 0 ? { energy_wh_total: 1e6 * n + i } : {}),
        ...(i % 50 === 0 ? { x_mode: `mode ${i}` } : {}),
        q: i % 7 === 0 ? 1 : 0,
      },
    };
  });

  test("is turned into chunks, and nothing of it is lost", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    await writeFile(path, gunzipSync(await readFile(fixture)));
    using store = new Threadless(path, lazy);
    expect(store.said).toHaveLength(2);
    expect(await store.scan(span)).toEqual(wanted);
    expect(store.sealed()).toEqual({ chunks: 6, rows: 288 * 3 });
    const tables = store.database.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'hot*'");
    expect(tables.all()).toEqual([]);
    expect(store.database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
    const more = { ...line(start, { active_power_w: 5 }), tags: { site: "hall", device: "d1" } };
    store.write([more], today);
    expect((await store.scan(span))[0]?.fields).toMatchObject({ active_power_w: 5, q: 1 });
  });

  test("that was left half-way is gone on with", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    await writeFile(path, gunzipSync(await readFile(fixture)));
    new Threadless(path, lazy)[Symbol.dispose]();
    // One day again as it was before; its chunks are there, too, as equal rows.
    await writeFile(folder.file("old.sqlite"), gunzipSync(await readFile(fixture)));
    {
      using store = new Threadless(path, lazy);
      store.database.exec(`ATTACH '${folder.file("old.sqlite")}' AS old;
        CREATE TABLE hot_20260616 AS SELECT * FROM old.hot_20260616`);
    }
    using store = new Threadless(path, lazy);
    expect(store.said).toHaveLength(1);
    expect(await store.scan(span)).toEqual(wanted);
  });
});
