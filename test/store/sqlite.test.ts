/** What only the embedded engine does: its file, its thread, a crash. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import type { Store } from "../../store/index.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import type { Line } from "../../telemetry/index.ts";
import { realPlatform, temporaryFolder, wideBounds } from "./rig.ts";

const signal = new AbortController().signal;
const dayMs = 86_400_000;
const today = Date.UTC(2026, 5, 15);
const limits = { ...wideBounds, retention: 400 * dayMs };

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

  test("holds what is not sealed in its log, and makes no day of it yet", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    {
      await using store = await openSqlite({ path, ...limits }, realPlatform());
      await store.write([line(today), line(today + dayMs, "d1", { x_t: "12" })], signal);
    }
    using database = new DatabaseSync(path, { readOnly: true });
    expect(database.prepare("SELECT count(*) AS records FROM log").get()).toEqual({ records: 1 });
    expect(database.prepare("SELECT name FROM partition").all()).toEqual([]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
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
      database.exec("PRAGMA user_version = 3");
    }
    await expect(openSqlite({ path, ...limits }, realPlatform())).rejects.toMatchObject({
      code: "E_STORE_CONFIG",
      message: expect.stringMatching(/store\.sqlite was written by a newer rackstreet \(schema 3/),
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

  test.each(["", "seal"])("goes on after the disk was full (%s)", async (seal) => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const script = new URL("./sqlite_writer.ts", import.meta.url).pathname;
    // `ulimit -f` counts 512-byte blocks in sh; a file may not grow past 4 MiB.
    const run = `ulimit -f 8192; exec "$0" "$1" "$2" full "$3"`;
    const child = spawn("sh", ["-c", run, process.execPath, script, path, seal]);
    const said = await saidBy(child);
    expect(said.trim().split("\n").at(-1)).toMatch(/^refused E_STORE_DOWN/);
    const acknowledged = (said.match(/^\d+$/gm) ?? []).length;
    expect(acknowledged).toBeGreaterThan(0);
    await using store = await openSqlite({ path, ...limits }, realPlatform());
    expect(await count(store)).toBeGreaterThanOrEqual(acknowledged * 500);
    expect((await store.write([line(today, "after")], signal)).accepted).toBe(1);
  });

  test.each(["", "seal"])(
    "killed with -9: every acknowledged row is there once (%s)",
    async (seal) => {
      await using folder = await temporaryFolder();
      const path = folder.file("store.sqlite");
      const script = new URL("./sqlite_writer.ts", import.meta.url).pathname;
      for (let round = 0; round < 4; round += 1) {
        const child = spawn(process.execPath, [script, path, String(round), seal]);
        // At another moment each time.
        const said = await saidBy(child, 150 + round * 70);
        const last = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
        expect(last).toBeGreaterThan(10);
        await using store = await openSqlite({ path, ...limits }, realPlatform());
        const query = { measurement: "rack_power", fields: ["active_power_w"], from: 0, to: 4e12 };
        const where = { device: `w${round}` };
        const [series] = await store.query({ ...query, aggregate: "count", where }, signal);
        const counted = series?.rows[0]?.counts["active_power_w"] ?? 0;
        expect(counted).toBeGreaterThanOrEqual(last * 500);
        // Row by row: each batch whole, each row once, with the value that was written.
        let rows = 0;
        let time = 0;
        for await (const lines of store.scan({ ...query, where }, signal)) {
          for (const line of lines) {
            expect(line.time).toBeGreaterThan(time);
            time = line.time;
            const batch = Math.floor((time - Date.UTC(2026, 0, 1)) / 1000);
            expect(line.fields).toEqual({ active_power_w: batch });
            rows += 1;
          }
        }
        expect(rows).toBe(counted);
        expect(rows % 500).toBe(0);
      }
    },
  );
});

/** What a child says until it ends; killed once it said so much. */
async function saidBy(child: ChildProcess, enough = Number.POSITIVE_INFINITY): Promise<string> {
  let said = "";
  const ended = once(child, "close");
  child.stdout?.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (said.length > enough) child.kill("SIGKILL");
  });
  await ended;
  return said;
}
