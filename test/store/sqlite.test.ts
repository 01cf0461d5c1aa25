/** What only the embedded engine does: files, days, bounds, its thread, a crash. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import type { Store } from "../../store/index.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import { Slots } from "../../store/sqlite/slots.ts";
import type { Line } from "../../telemetry/index.ts";
import type { Said } from "./rig.ts";
import { realPlatform, temporaryFolder } from "./rig.ts";

const signal = new AbortController().signal;
const dayMs = 86_400_000;
const today = Date.UTC(2026, 5, 15);
const limits = { retention: 400 * dayMs, maxSize: 2 ** 31 };

function line(time: number, device = "d1", more: object = {}): Line {
  const fields = { active_power_w: 1, ...more };
  return { measurement: "rack_power", tags: { device }, fields, time };
}

async function count(store: Store): Promise<number> {
  const query = { measurement: "rack_power", fields: ["active_power_w"], from: 0, to: 4e12 };
  const [series] = await store.query({ ...query, aggregate: "count" }, signal);
  return series?.rows[0]?.counts["active_power_w"] ?? 0;
}

describe("the file", () => {
  test("keeps what was written", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("deep/er/store.sqlite");
    {
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      await store.write([line(today, "d1", { x_mode: 1 }), line(today + dayMs)], signal);
    }
    await using store = await openSqlite({ path, ...limits }, realPlatform());
    expect(await count(store)).toBe(2);
    expect(await store.write([line(today)], signal)).toEqual({ accepted: 1, rejected: [] });
    expect(await count(store)).toBe(2);
    const conflict = await store.write([line(today, "d2", { x_mode: "auto" })], signal);
    expect(conflict.rejected).toHaveLength(1);
  });

  test("is one table a day, rows in order of time", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    {
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      await store.write([line(today), line(today + dayMs, "d1", { x_t: "12" })], signal);
    }
    using database = new DatabaseSync(path, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'hot_*'").all();
    expect(tables.map(({ name }) => name)).toEqual(["hot_20260615", "hot_20260616"]);
    const rows = database.prepare("SELECT ts, v FROM hot_20260616 ORDER BY fid").all();
    expect(rows.map(({ v }) => v)).toEqual([1, "'12"]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    expect(database.prepare("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 2 });
    expect(database.prepare("PRAGMA page_size").get()).toEqual({ page_size: 8192 });
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  });

  test("of a newer version is refused and left alone", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    await (await openSqlite({ path, ...limits }, realPlatform()))[Symbol.asyncDispose]();
    {
      using database = new DatabaseSync(path);
      database.exec("PRAGMA user_version = 2");
    }
    await expect(openSqlite({ path, ...limits }, realPlatform())).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringMatching(/store\.sqlite was written by a newer rackstreet \(schema 2/),
    });
  });

  test("of another program is refused and left alone", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("other.sqlite");
    {
      using database = new DatabaseSync(path);
      database.exec("CREATE TABLE songs(name)");
    }
    const before = await readFile(path);
    await expect(openSqlite({ path, ...limits }, realPlatform())).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringContaining("another program"),
    });
    expect(await readFile(path)).toEqual(before);
  });

  test("that is no database is named, with what to do", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    await writeFile(path, "no database at all, and long enough to be read as one ".repeat(200));
    await expect(openSqlite({ path, ...limits }, realPlatform())).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringMatching(/store\.sqlite is damaged .* move the file away/),
    });
  });

  test("that is damaged inside is named, with what to do", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    {
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      const lines = Array.from({ length: 5000 }, (_, i) => line(today + i, `d${i % 50}`));
      await store.write(lines, signal);
    }
    const bytes = await readFile(path);
    bytes.fill(0xa5, 8192 * 3);
    await writeFile(path, bytes);
    const damaged = openSqlite({ path, ...limits }, realPlatform()).then(async (store) => {
      await using opened = store;
      return await count(opened);
    });
    await expect(damaged).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringContaining("move the file away"),
    });
  });

  test("in a folder that cannot be made is a matter of configuration", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file("file"), "");
    const path = folder.file("file/store.sqlite");
    await expect(openSqlite({ path, ...limits }, realPlatform())).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
    });
  });
});

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

  test("past the size the oldest day goes first, and its space is used again", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const said: Said[] = [];
    const maxSize = 3_000_000;
    await using store = await openSqlite({ path, ...limits, maxSize }, realPlatform(said));
    for (let day = 0; day < 12; day += 1) {
      const lines = Array.from({ length: 20_000 }, (_, i) =>
        line(today + day * dayMs + i * 1000, "d1", { voltage_v: i / 7 }),
      );
      expect((await store.write(lines, signal)).accepted).toBe(20_000);
    }
    const size = await store.size(signal);
    expect(size.bytes).toBeLessThan(maxSize + 1_500_000);
    expect(size.droppedDays).toBeGreaterThan(5);
    expect((await stat(path)).size).toBeLessThan(3 * maxSize);
    expect(said[0]?.fields).toEqual({ day: "2026-06-15", reason: "size", dropped: 1 });
    expect(await count(store)).toBeGreaterThanOrEqual(20_000);
    expect(await store.write([line(today + 12 * dayMs, "d9")], signal)).toMatchObject({
      accepted: 1,
    });
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

describe("the thread", () => {
  test("that ends by itself fails what waits, and the next call starts another", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const workers: Worker[] = [];
    const start = (): Worker => {
      const url = new URL("../../store/sqlite/worker.ts", import.meta.url);
      const worker = new Worker(url);
      workers.push(worker);
      return worker;
    };
    await using store = await openSqlite({ path, ...limits }, realPlatform(), { worker: start });
    await store.write([line(today)], signal);
    const [worker] = workers;
    const waiting = store.write([line(today + 1)], signal);
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: "E_STORE_DOWN" }),
      worker?.terminate(),
    ]);
    await store.write([line(today + 2)], signal);
    expect(await count(store)).toBeGreaterThanOrEqual(2);
    expect(workers).toHaveLength(2);
  });

  test("runs from one text, as in the single binary", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const entry = new URL("../../store/sqlite/worker.ts", import.meta.url).pathname;
    const bundled = await build({
      entryPoints: [entry],
      bundle: true,
      platform: "node",
      target: "node24",
      format: "cjs",
      write: false,
    });
    const text = bundled.outputFiles[0]?.text ?? "";
    expect(text).not.toContain("valibot");
    const worker = (): Worker => new Worker(text, { eval: true });
    await using store = await openSqlite({ path, ...limits }, realPlatform(), { worker });
    await store.write([line(today)], signal);
    expect(await count(store)).toBe(1);
  });

  test("goes on after the disk was full", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const script = new URL("./sqlite_writer.ts", import.meta.url).pathname;
    // `ulimit -f` counts 512-byte blocks in sh; a file may not grow past 4 MiB.
    const run = `ulimit -f 8192; exec "$0" "$1" "$2" full`;
    const child = spawn("sh", ["-c", run, process.execPath, script, path]);
    let said = "";
    child.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    await once(child, "close");
    expect(said.trim().split("\n").at(-1)).toMatch(/^refused E_STORE_DOWN/);
    const acknowledged = (said.match(/^\d+$/gm) ?? []).length;
    expect(acknowledged).toBeGreaterThan(0);
    await using store = await openSqlite({ path, ...limits }, realPlatform());
    expect(await count(store)).toBeGreaterThanOrEqual(acknowledged * 500);
    expect((await store.write([line(today, "after")], signal)).accepted).toBe(1);
  });

  test("killed with -9 while it writes: every acknowledged write is there", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    for (let round = 0; round < 3; round += 1) {
      const script = new URL("./sqlite_writer.ts", import.meta.url).pathname;
      const child = spawn(process.execPath, [script, path, String(round)]);
      let said = "";
      const ended = once(child, "close");
      child.stdout.on("data", (bytes: Buffer) => {
        said += bytes.toString();
        if (said.length > 200) child.kill("SIGKILL");
      });
      await ended;
      const last = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
      expect(last).toBeGreaterThan(10);
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      const query = { measurement: "rack_power", fields: ["active_power_w"], from: 0, to: 4e12 };
      const where = { device: `w${round}` };
      const [series] = await store.query({ ...query, aggregate: "count", where }, signal);
      expect(series?.rows[0]?.counts["active_power_w"]).toBeGreaterThanOrEqual(last * 500);
    }
  });
});
