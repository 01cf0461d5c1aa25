/** The bounds of the embedded store: age, size, space on the disk, callers who wait. */
import { stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import type { Store } from "../../store/index.ts";
import { sqliteOptions } from "../../store/sqlite/options.ts";
import { Bounded } from "../../store/sqlite/bounds.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import { StoreFile } from "../../store/sqlite/file.ts";
import { Slots } from "../../store/sqlite/slots.ts";
import { v } from "../../config/index.ts";
import type { Line } from "../../telemetry/index.ts";
import type { Said } from "./rig.ts";
import { realPlatform, temporaryFolder, wideBounds } from "./rig.ts";

const signal = new AbortController().signal;
const dayMs = 86_400_000;
const today = Date.UTC(2026, 5, 15);
const limits = { ...wideBounds, retention: 400 * dayMs };

function line(time: number, device = "d1", more: object = {}): Line {
  const fields = { active_power_w: 1, ...more };
  return { measurement: "rack_power", tags: { device }, fields, time };
}

async function count(store: Store, measurement = "rack_power"): Promise<number> {
  const query = { measurement, fields: ["active_power_w"], from: 0, to: 4e12 };
  const [series] = await store.query({ ...query, aggregate: "count" }, signal);
  return series?.rows[0]?.counts["active_power_w"] ?? 0;
}

describe("the bounds", () => {
  test("days older than the retention are dropped, and lines of them refused", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const said: Said[] = [];
    let now = today;
    const platform = realPlatform(said, () => now);
    await using store = await openSqlite({ path, ...limits, retention: 3 * dayMs }, platform);
    const old = line(today, "old");
    await store.write([old, line(today + 1, "d1")], signal);
    now = today + 5 * dayMs;
    expect((await store.write([line(now)], signal)).rejected).toEqual([]);
    const refused = await store.write([old, line(now + 1)], signal);
    expect(refused.rejected).toEqual([{ index: 0, reason: "older than the store's retention" }]);
    expect(await count(store)).toBe(2);
    expect(await store.size(signal)).toMatchObject({ series: 1, droppedDays: 1 });
    expect(said).toContainEqual({
      event: "store dropped its oldest day",
      fields: { day: "2026-06-15", reason: "retention", dropped: 1 },
    });
  });

  test("a clock that jumps ahead drops nothing", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    let now = today;
    await using store = await openSqlite(
      { path, ...limits },
      realPlatform([], () => now),
    );
    await store.write([line(today)], signal);
    now = Date.UTC(2090, 0, 1);
    await store.write([line(today + 1)], signal);
    expect(await count(store)).toBe(2);
  });

  test.each([undefined, 1])("dropped days stay dropped, sealed or not (%s)", async (headBytes) => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    let now = today;
    const platform = realPlatform([], () => now);
    const tuning = headBytes === undefined ? {} : { headBytes };
    {
      const options = { path, ...limits, retention: 3 * dayMs };
      await using store = await openSqlite(options, platform, { tuning });
      await store.write([line(today, "old"), line(today + 4 * dayMs, "young")], signal);
      now = today + 4 * dayMs;
      await store.write([line(now + 1, "young")], signal);
      expect(await count(store)).toBe(2);
    }
    await using store = await openSqlite({ path, ...limits }, platform, { tuning });
    expect(await count(store)).toBe(2);
    expect(await store.size(signal)).toMatchObject({ series: 1 });
  });

  test("past the size the oldest day goes first, and its space is given back", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const said: Said[] = [];
    const maxSize = 1_000_000;
    await using store = await openSqlite({ path, ...limits, maxSize }, realPlatform(said));
    for (let day = 0; day < 12; day += 1) {
      const lines = Array.from({ length: 20_000 }, (_, i) =>
        // A number of which no two bytes can be foretold.
        line(today + day * dayMs + i * 1000, "d1", { voltage_v: Math.sin(i * 7 + day) }),
      );
      expect((await store.write(lines, signal)).accepted).toBe(20_000);
    }
    const size = await store.size(signal);
    expect(size.bytes).toBeLessThan(2 * maxSize);
    expect(size.droppedDays).toBeGreaterThanOrEqual(2);
    expect((await stat(path)).size).toBeLessThan(4 * maxSize);
    expect(said[0]?.fields).toEqual({ day: "2026-06-15", reason: "size", dropped: 1 });
    expect(await count(store)).toBeGreaterThanOrEqual(20_000);
    expect(await store.write([line(today + 12 * dayMs, "d9")], signal)).toMatchObject({
      accepted: 1,
    });
  });

  test("roll-ups are kept for their own time, in months", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const said: Said[] = [];
    let now = today;
    const bounds = { ...limits, retention: 3 * dayMs, rollupRetention: 100 * dayMs };
    await using store = await openSqlite(
      { path, ...bounds },
      realPlatform(said, () => now),
    );
    const rolled = (time: number): Line => ({ ...line(time), measurement: "x_power_1h" });
    const fields = { x_mean: 1 };
    const write = async (at: number): Promise<void> => {
      // What is too old goes with the write after the one that made it so.
      for (const time of [at, at + 1]) {
        await store.write([line(time), { ...rolled(time), fields }], signal);
      }
    };
    await write(today);
    now = today + 30 * dayMs;
    await write(now);
    const query = { measurement: "x_power_1h", fields: ["x_mean"], from: 0, to: 4e12 };
    const counted = async (): Promise<unknown> =>
      (await store.query({ ...query, aggregate: "count" }, signal))[0]?.rows[0]?.values["x_mean"];
    expect([await count(store), await counted()]).toEqual([2, 4]);
    expect(said.at(-1)?.fields).toMatchObject({ day: "2026-06-15", reason: "retention" });
    now = today + 150 * dayMs;
    await write(now);
    expect([await count(store), await counted()]).toEqual([2, 2]);
    expect(said.map(({ fields }) => fields?.["month"]).filter(Boolean)).toEqual([
      "2026-06",
      "2026-07",
    ]);
    expect((await store.size(signal)).droppedDays).toBe(2);
  });

  test("a disk that is short of space costs the oldest days, never the newest", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    {
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      for (let day = 0; day < 4; day += 1) {
        await store.write([line(today + day * dayMs)], signal);
      }
    }
    using database = new DatabaseSync(path);
    const file = new StoreFile(database);
    file.refresh();
    const said: unknown[] = [];
    let free = 0;
    const bounded = new Bounded(
      file,
      { ...limits, minFree: { percent: 10 } },
      {
        warn: (_event, { day, reason }) => said.push([day, reason]),
        space: () => ({ free, total: 500_000 }),
      },
    );
    const giveAllBack = (): void => {
      for (let step = 0; step < 100 && bounded.giveBack(); step += 1);
    };
    const days = (): string[] => file.partitions().map(({ name }) => name.slice(-2));
    free = 50_000;
    bounded.keep(today);
    expect(days()).toEqual(["15", "16", "17", "18"]);
    free = 40_000;
    bounded.keep(today);
    // One day; the next only when its space was given back and that was not enough.
    bounded.keep(today);
    expect(days()).toEqual(["16", "17", "18"]);
    for (let more = 0; more < 5; more += 1) {
      giveAllBack();
      bounded.keep(today);
    }
    expect(days()).toEqual(["18"]);
    expect(said.slice(0, 3)).toEqual([
      ["2026-06-15", "disk"],
      ["2026-06-16", "disk"],
      ["2026-06-17", "disk"],
    ]);
  });

  test("a disk that others filled costs nothing, and is said once", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const said: Said[] = [];
    const minFree = { bytes: 2 ** 50 };
    await using store = await openSqlite({ path, ...limits, minFree }, realPlatform(said));
    for (let day = 0; day < 4; day += 1) await store.write([line(today + day * dayMs)], signal);
    expect(await count(store)).toBe(4);
    expect(said.map(({ event }) => event)).toEqual(["the store's disk is short of space"]);
  });

  test("space to leave free is a part of the disk or a size", () => {
    const parsed = (minFree: string | undefined): unknown =>
      v.parse(sqliteOptions, { engine: "sqlite", ...(minFree === undefined ? {} : { minFree }) })
        .minFree;
    expect(parsed("5%")).toEqual({ percent: 5 });
    expect(parsed("5GiB")).toEqual({ bytes: 5 * 1024 ** 3 });
    expect(parsed(undefined)).toEqual({ percent: 10 });
    expect(() => parsed("much")).toThrow(/10%.*5GiB/);
  });

  test("at most as many callers wait as there is room for", async () => {
    const slots = new Slots({ places: 1, waiting: 1 });
    const opened = Promise.withResolvers<number>();
    const first = slots.within(signal, () => opened.promise);
    const gone = new AbortController();
    const second = slots.within(gone.signal, () => Promise.resolve(2));
    await expect(slots.within(signal, () => Promise.resolve(3))).rejects.toMatchObject({
      code: "E_STORE_DOWN",
    });
    gone.abort();
    await expect(second).rejects.toMatchObject({ code: "E_STORE_DOWN" });
    const third = slots.within(signal, () => Promise.resolve(3));
    opened.resolve(1);
    expect(await Promise.all([first, third])).toEqual([1, 3]);
  });
});
