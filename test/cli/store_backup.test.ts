/** `rackstreet store backup`: a copy that opens, of a store that is being written to. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { realPlatform } from "../store/rig.ts";
import { openFolder, rackstreet, start } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };
const signal = new AbortController().signal;
const file = folder.write(
  "site.yaml",
  "site: lab\nstore: { engine: sqlite, path: live.sqlite, minFree: 0% }\n",
);

function open(name: string): Promise<Store> {
  const path = join(folder.path, name);
  const options = v.parse(storeOptions, { engine: "sqlite", path, minFree: "0%" });
  return openStore(options, realPlatform());
}

function batch(number: number): Line[] {
  return Array.from({ length: 200 }, (_, i) => ({
    measurement: "rack_power",
    tags: { device: `d${i}` },
    fields: { active_power_w: number },
    time: Date.UTC(2026, 5, 15) + number * 1000,
  }));
}

/** How many rows each batch has. */
async function rowsOf(store: Store): Promise<number[]> {
  const query = { measurement: "rack_power", fields: ["active_power_w"], from: 0, to: 4e12 };
  const found = await store.query({ ...query, aggregate: "count", every: 1000 }, signal);
  return found.flatMap(({ rows }) => rows.map(({ counts }) => counts["active_power_w"] ?? 0));
}

describe("store backup", () => {
  test("copies a store that is written to meanwhile: whole batches, up to a moment", async () => {
    await using live = await open("live.sqlite");
    let written = 0;
    for (; written < 200; written += 1) await live.write(batch(written), signal);
    await using running = start(["store", "backup", "copy.sqlite", "-c", file, "--json"], at);
    const ended = new AbortController();
    void running.ended.finally(() => ended.abort());
    for (; !ended.signal.aborted; written += 1) await live.write(batch(written), signal);
    const { code, out, err } = await running.ended;
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ file: "copy.sqlite", bytes: expect.any(Number) });
    expect(readdirSync(folder.path).filter((name) => name.startsWith("copy"))).toEqual([
      "copy.sqlite",
    ]);
    await using copy = await open("copy.sqlite");
    const rows = await rowsOf(copy);
    expect(rows.length).toBeGreaterThanOrEqual(200);
    expect(rows.length).toBeLessThanOrEqual(written);
    expect(new Set(rows)).toEqual(new Set([200]));
    expect((await copy.write(batch(written), signal)).accepted).toBe(200);
  });

  test("says what it did, and replaces an older copy only by a whole one", async () => {
    writeFileSync(join(folder.path, "again.sqlite"), "an older copy");
    const { code, out } = await rackstreet(["store", "backup", "again.sqlite", "-c", file], at);
    expect(code).toBe(0);
    expect(out).toMatch(/^again\.sqlite: \d+\.\d MiB in \d+\.\d s, checked\n$/);
    await using copy = await open("again.sqlite");
    expect((await rowsOf(copy)).length).toBeGreaterThan(0);
  });

  test.each([
    ["nowhere/copy.sqlite", "site.yaml", 78, /nowhere: there is no such folder/],
    ["live.sqlite", "site.yaml", 78, /is the store itself/],
    ["copy2.sqlite", "empty.yaml", 78, /none\.sqlite: there is no such file/],
    ["copy2.sqlite", "other.yaml", 78, /other\.sqlite is a database of another program|damaged/],
    ["copy2.sqlite", "influx.yaml", 64, /influxdb1; back that up with its own tools/],
  ])("into %s of %s is refused", async (target, name, wanted, why) => {
    folder.write("empty.yaml", "site: lab\nstore: { engine: sqlite, path: none.sqlite }\n");
    folder.write("other.yaml", "site: lab\nstore: { engine: sqlite, path: other.sqlite }\n");
    folder.write("influx.yaml", "site: lab\nstore: { engine: influxdb1, url: 'http://[::1]:1' }\n");
    writeFileSync(join(folder.path, "other.sqlite"), "no database ".repeat(2000));
    const { code, err } = await rackstreet(["store", "backup", target, "-c", name], at);
    expect(err).toMatch(why);
    expect(code).toBe(wanted);
    expect(existsSync(join(folder.path, "copy2.sqlite"))).toBe(false);
  });
});
