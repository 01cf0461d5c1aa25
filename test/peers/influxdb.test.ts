/** The InfluxDB 1 engine against a real influxd. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Secret } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openInfluxdb1 } from "../../store/influxdb1/engine.ts";
import type { Influxdb1Options } from "../../store/influxdb1/options.ts";
import type { Line } from "../../telemetry/index.ts";
import { storeExam } from "../contract/store.ts";
import { needs } from "../peers.ts";
import { realPlatform } from "../store/rig.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

describe.skipIf(!needs("influxd", "influxdb"))("InfluxDB 1", () => {
  let influxd: Influxd;
  let databases = 0;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  const options = (more: Partial<Influxdb1Options> = {}): Influxdb1Options => {
    databases += 1;
    const database = `exam ${databases}`;
    const settings = { gzip: false, create: true, timeout: 10_000 };
    return { engine: "influxdb1", url: influxd.url, database, ...settings, ...more };
  };

  storeExam("influxdb1", () => {
    const store = openInfluxdb1(options(), realPlatform());
    return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
  });

  storeExam("influxdb1 with gzip", () => {
    const store = openInfluxdb1(options({ gzip: true }), realPlatform());
    return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
  });

  test("a missing database is a matter of configuration when it may not be created", async () => {
    await using store = openInfluxdb1(options({ create: false }), realPlatform());
    const config = { code: "E_STORE_CONFIG" };
    await expect(store.write(lines(0, 1), signal)).rejects.toMatchObject(config);
    await expect(count(store)).rejects.toMatchObject(config);
  });

  test("a missing retention policy comes as 500 and is a matter of configuration", async () => {
    await using store = openInfluxdb1(options({ retentionPolicy: "nope" }), realPlatform());
    const config = { code: "E_STORE_CONFIG", message: expect.stringContaining("nope") };
    await expect(store.write(lines(0, 1), signal)).rejects.toMatchObject(config);
  });

  test("lines beyond the retention policy are rejected, the others stored", async () => {
    const chosen = options({ retentionPolicy: "a week" });
    await using plain = openInfluxdb1({ ...chosen, retentionPolicy: undefined }, realPlatform());
    await plain.write(lines(0, 1), signal);
    const where = `"a week" ON "${chosen.database}"`;
    const policy = `CREATE RETENTION POLICY ${where} DURATION 7d REPLICATION 1`;
    await fetch(`${influxd.url}/query`, {
      method: "POST",
      body: new URLSearchParams({ q: policy }),
    });
    await using store = openInfluxdb1(chosen, realPlatform());
    const now = Date.now();
    const mixed = [...lines(now, 2), ...lines(now - 30 * 86_400_000, 2), ...lines(now + 5, 2)];
    const { accepted, rejected } = await store.write(mixed, signal);
    expect([accepted, rejected.map(({ index }) => index)]).toEqual([4, [2, 3]]);
    expect(rejected[0]?.reason).toContain("beyond retention policy");
    expect(await count(store)).toBe(4);
    expect(await count(plain)).toBe(1);
  });

  test("killed and started again: down meanwhile, at work afterwards, nothing lost", async () => {
    await using own = await startInfluxd();
    await using store = openInfluxdb1(options({ url: own.url }), realPlatform());
    await store.write(lines(0, 100), signal);
    await own.kill9();
    const down = { code: "E_STORE_DOWN" };
    await expect(store.write(lines(1000, 1), signal)).rejects.toMatchObject(down);
    await expect(count(store)).rejects.toMatchObject(down);
    await own.restart();
    expect(await count(store)).toBe(100);
    await vi.waitFor(() => store.write(lines(1000, 1), signal));
    expect(await count(store)).toBe(101);
  });

  test("a server that takes less at once gets less at once", async () => {
    await using own = await startInfluxd({ http: "max-body-size = 20000" });
    await using store = openInfluxdb1(options({ url: own.url }), realPlatform());
    const result = await store.write(lines(0, 2000), signal);
    expect(result).toEqual({ accepted: 2000, rejected: [] });
    expect(await count(store)).toBe(2000);
  });

  test("credentials: wrong ones are a matter of configuration, right ones work", async () => {
    await using own = await startInfluxd({ http: "auth-enabled = true" });
    await fetch(`${own.url}/query`, {
      method: "POST",
      body: new URLSearchParams({
        q: "CREATE USER hub WITH PASSWORD 'secret' WITH ALL PRIVILEGES",
      }),
    });
    const config = { code: "E_STORE_CONFIG" };
    for (const [username, password] of [
      [undefined, undefined],
      ["hub", new Secret("wrong")],
    ] as const) {
      const chosen = options({ url: own.url, username, password });
      await using store = openInfluxdb1(chosen, realPlatform());
      await expect(store.write(lines(0, 1), signal)).rejects.toMatchObject(config);
      await expect(count(store)).rejects.toMatchObject(config);
    }
    const chosen = options({ url: own.url, username: "hub", password: new Secret("secret") });
    await using store = openInfluxdb1(chosen, realPlatform());
    await store.write(lines(0, 3), signal);
    expect(await count(store)).toBe(3);
  });
});

const signal = new AbortController().signal;

function lines(from: number, count: number): Line[] {
  return Array.from({ length: count }, (_, i) => {
    const fields = { active_power_w: i };
    return { measurement: "rack_power", tags: { device: "d" }, fields, time: from + i };
  });
}

async function count(store: Store): Promise<number> {
  const query = { measurement: "rack_power", fields: ["active_power_w"], from: 0, to: 4e12 };
  const [series] = await store.query({ ...query, aggregate: "count" }, signal);
  return series?.rows[0]?.counts["active_power_w"] ?? 0;
}
