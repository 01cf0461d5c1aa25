/**
 * Two hubs as processes of their own with a link between them that is cut: kill -9 of either, a
 * grant that is revoked, and the same with a mosquitto that is the peer's broker.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import type { QueryRow, Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { TcpLink } from "../faults/chaos/link.ts";
import { platform } from "../faults/site.ts";
import { startMosquitto } from "../peers/mosquittod.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";

const patience = { timeout: 60_000, interval: 100 };
const devices = ["m1", "m2", "m3"];

interface Hubs extends AsyncDisposable {
  readonly link: TcpLink;
  readonly broker: string;
  grant(names: readonly string[]): Promise<void>;
  /** Rows of a device at a hub. */
  rows(at: "city" | "province", device: string): Promise<readonly QueryRow[]>;
  kill(which: "city" | "province"): Promise<void>;
  readonly city: Rackstreet;
  readonly cityFile: string;
}

async function start(outside?: string): Promise<Hubs> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-federation-"));
  const broker = outside ?? `mqtt://127.0.0.1:${await freePort()}`;
  const link = await TcpLink.open(Number(new URL(broker).port));
  const files = { city: join(folder, "city.json"), province: join(folder, "province.json") };
  const grants = join(folder, "grants.yaml");
  const grant = async (names: readonly string[]): Promise<void> => {
    const items = names.map((name) => `rackstreet/v1/city/main/hall/power/${name}/#`);
    await writeFile(grants, JSON.stringify({ grants: [{ peer: "province", items }] }));
  };
  await grant(["m1", "m2"]);
  const common = (name: string): object => ({
    site: { region: name, name: "hall" },
    hub: { data: join(folder, name), health: "1s" },
    store: { engine: "sqlite", path: join(folder, `${name}.sqlite`) },
  });
  const peer = { url: `mqtt://127.0.0.1:${link.port}`, username: "city", password: "pw-city" };
  const meter = (seed: number): object => ({
    driver: "sim",
    class: "power",
    points: 1,
    seed,
    interval: "100ms",
  });
  await writeFile(
    files.city,
    JSON.stringify({
      ...common("city"),
      agent: { data: join(folder, "agent"), health: "1h", uplink: { resend: "1s" } },
      broker: { listen: [`mqtt://127.0.0.1:${await freePort()}`] },
      federation: { grants, peers: { province: { ...peer, resend: "1s" } } },
      devices: Object.fromEntries(devices.map((id, seed) => [id, meter(seed)])),
    }),
  );
  const users = {
    city: { password: "pw-city", role: "peer" },
    reader: { password: "pw-reader", role: "reader" },
  };
  const own = { listen: [broker], users };
  const province = outside === undefined ? own : { outside: { url: outside } };
  await writeFile(files.province, JSON.stringify({ ...common("province"), broker: province }));
  const begin = {
    city: () => startRackstreet(["up", files.city, "--json"]),
    province: () => startRackstreet(["hub", files.province]),
  };
  const running = { province: begin.province(), city: begin.city() };
  await Promise.all(Object.values(running).map((one) => one.logged("hub started")));
  const stores = new Map<string, Store>();
  for (const name of ["city", "province"]) {
    const options = { engine: "sqlite", path: join(folder, `${name}.sqlite`) };
    stores.set(name, await openStore(v.parse(storeOptions, options), platform));
  }
  return {
    link,
    broker,
    grant,
    cityFile: files.city,
    get city() {
      return running.city;
    },
    async rows(at, device) {
      const series = await stores.get(at)?.query(
        {
          measurement: "rack_phase",
          fields: ["active_power_w"],
          aggregate: "last",
          from: Date.now() - 3_600_000,
          to: Date.now() + 1000,
          every: 1,
          where: { device, region: "city" },
        },
        AbortSignal.timeout(30_000),
      );
      return series?.flatMap(({ rows }) => rows) ?? [];
    },
    async kill(which) {
      await running[which].end("SIGKILL");
      running[which] = begin[which]();
      await running[which].logged("hub started");
    },
    async [Symbol.asyncDispose]() {
      for (const one of Object.values(running)) await one.end("SIGKILL");
      for (const store of stores.values()) await store[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a hub has so many more rows of a device; how many it has then. */
async function more(
  hubs: Hubs,
  at: "city" | "province",
  device: string,
  by: number,
): Promise<number> {
  const goal = (await hubs.rows(at, device)).length + by;
  let now = 0;
  await vi.waitFor(async () => {
    now = (await hubs.rows(at, device)).length;
    expect(now).toBeGreaterThanOrEqual(goal);
  }, patience);
  return now;
}

/** What the peer's broker retains of a device. */
async function retained(hubs: Hubs, device: string): Promise<readonly string[]> {
  const user = { username: "reader", password: "pw-reader" };
  const client = await connectAsync(hubs.broker, { ...user, reconnectPeriod: 0 }, false);
  const topics: string[] = [];
  client.on("message", (topic, payload, { retain }) => {
    if (retain && payload.length > 0) topics.push(topic);
  });
  await client.subscribeAsync(`rackstreet/v1/city/main/hall/power/${device}/#`, { qos: 1 });
  // What is retained comes before the answer to a second SUBSCRIBE.
  await client.subscribeAsync("rackstreet/v1/nowhere/#", { qos: 1 });
  await client.endAsync(true);
  return topics.map((topic) => topic.slice(topic.lastIndexOf("/") + 1)).toSorted();
}

async function story(hubs: Hubs): Promise<void> {
  await more(hubs, "province", "m1", 10);
  await vi.waitFor(async () => {
    expect(await retained(hubs, "m2")).toEqual(expect.arrayContaining(["meta", "telemetry"]));
  }, patience);
  hubs.link.cut();
  await more(hubs, "city", "m1", 30);
  await hubs.kill("city");
  await more(hubs, "city", "m1", 30);
  await hubs.kill("province");
  hubs.link.heal();
  await more(hubs, "province", "m1", 20);
  const end = Date.now();
  await vi.waitFor(async () => {
    const [sent, there] = [await hubs.rows("city", "m1"), await hubs.rows("province", "m1")];
    const known = new Map(there.map(({ time, values }) => [time, values]));
    const before = sent.filter(({ time }) => time < end);
    expect(before.length).toBeGreaterThan(50);
    for (const { time, values } of before) expect(known.get(time)).toEqual(values);
  }, patience);
  const there = await hubs.rows("province", "m1");
  expect(new Set(there.map(({ time }) => time)).size).toBe(there.length);
  const truth = new Set((await hubs.rows("city", "m1")).map(({ time }) => time));
  expect(there.filter(({ time }) => time < end && !truth.has(time))).toEqual([]);

  await hubs.grant(["m1"]);
  await hubs.city.logged("grants changed");
  await vi.waitFor(async () => expect(await retained(hubs, "m2")).toEqual([]), patience);
  await more(hubs, "province", "m1", 10);
  const left = (await hubs.rows("province", "m2")).length;
  await more(hubs, "province", "m1", 20);
  expect((await hubs.rows("province", "m2")).length).toBe(left);
  expect(await retained(hubs, "m2")).toEqual([]);
  expect(await hubs.rows("province", "m3")).toEqual([]);
}

async function listed(hubs: Hubs): Promise<unknown> {
  await using asked = startRackstreet(["federation", "ls", "-c", hubs.cityFile, "--json"]);
  expect(await asked.ended()).toBe(0);
  return JSON.parse(asked.stdout());
}

describe("federation of processes", () => {
  test("a cut, kill -9 of both hubs, a grant revoked: the peer has what it may", async () => {
    await using hubs = await start();
    await story(hubs);
    await vi.waitFor(async () => {
      expect(await listed(hubs)).toMatchObject([
        { hub: "city/main/hall/hub", peer: "province", up: true, items: 1, denied: 0, shed: 0 },
      ]);
    }, patience);
  }, 240_000);
});

describe.skipIf(!needs("mosquitto", "mosquitto"))("federation over a broker of others", () => {
  test("the same where the peer's broker is mosquitto", async () => {
    await using mosquitto = await startMosquitto();
    await using hubs = await start(mosquitto.url);
    await story(hubs);
  }, 240_000);
});
