/** Options of the store as a user writes them, and the engines behind them. */
import { describe, expect, test } from "vitest";
import { entriesAt, factsOf, schemaAt, v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { realPlatform, temporaryFolder } from "./rig.ts";

describe("store options", () => {
  test("left out: the embedded engine", () => {
    expect(v.parse(storeOptions, undefined)).toEqual({
      engine: "sqlite",
      path: "data/store.sqlite",
      retention: 400 * 86_400_000,
      rollupRetention: 1826 * 86_400_000,
      maxSize: 2 * 1024 ** 3,
      minFree: { percent: 10 },
    });
  });

  test("InfluxDB needs its url, the rest has defaults, and the password never shows", () => {
    const given = { engine: "influxdb1", url: "https://db.example:8086/base", password: "hush" };
    const parsed = v.parse(storeOptions, given);
    expect(parsed).toMatchObject({ database: "rackstreet", create: true, gzip: false });
    expect(JSON.stringify(parsed)).not.toContain("hush");
  });

  test.each([
    [{ engine: "influxdb1" }],
    [{ engine: "influxdb1", url: "db:8086" }],
    [{ engine: "influxdb1", url: "http://user:pass@db:8086" }],
    [{ engine: "influxdb1", url: "http://db:8086/?x=1" }],
    [{ engine: "influxdb1", url: "http://db", databse: "x" }],
    [{ engine: "sqlite", path: "" }],
    [{ engine: "sqlite", retention: 5 }],
    [{ engine: "oracle" }],
    [{ engine: "influxdb2", url: "http://db" }],
    [{ engine: "influxdb1", url: "http://db", consistency: "most" }],
    [{ engine: "lines", url: "http://db", metrics: "metrics" }],
  ])("%j is refused", (given) => {
    expect(v.safeParse(storeOptions, given).success).toBe(false);
  });

  test("each option is explained", () => {
    for (const engine of ["sqlite", "influxdb1", "influxdb2", "influxdb3", "influx", "lines"]) {
      const entries = entriesAt(storeOptions, [], { engine }) ?? {};
      expect(Object.keys(entries).length).toBeGreaterThan(3);
      for (const key of Object.keys(entries)) {
        const found = schemaAt(storeOptions, [key], { engine });
        expect(found && factsOf(found).about, key).toBeTruthy();
      }
    }
  });

  test("the registry opens what they name", async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("store.sqlite");
    const embedded = v.parse(storeOptions, { engine: "sqlite", path });
    await using store = await openStore(embedded, realPlatform());
    expect(store.title).toBe(`SQLite file ${path}`);
    const remote = v.parse(storeOptions, { engine: "influxdb1", url: "http://127.0.0.1:1" });
    await using other = await openStore(remote, realPlatform());
    expect(other.title).toBe("InfluxDB 1 at http://127.0.0.1:1/, database rackstreet");
  });
});
