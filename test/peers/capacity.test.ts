/**
 * A hub beside a filled store writes rows of `capacity` and `kpi`; they say what `rackstreet
 * capacity --json` says up to the same time: over the embedded store and a real InfluxDB.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Fields, Line, Tags } from "../../telemetry/index.ts";
import { isRecord, measurements } from "../../telemetry/index.ts";
import { rackstreet } from "../cli/run.ts";
import { needs } from "../peers.ts";
import { startRackstreet } from "../rackstreet.ts";
import { realPlatform, temporaryFolder } from "../store/rig.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

const minute = 60_000;
const every = 5 * minute;
const day = 86_400_000;
const days = 18;
const signal = new AbortController().signal;
const site = { region: "local", org: "main", site: "e2e" };

/** A meter of any kind, read by nobody here: the rows are there already. */
function device(measurement: string, place: Tags = {}) {
  return { driver: "sim", measurement, points: 1, ...place };
}

function metered(name: string) {
  return { meters: { device: name, measurement: "energy_meter" } };
}

const devices = {
  main: device("energy_meter"),
  m1a: device("energy_meter", { rack: "r1" }),
  m1b: device("energy_meter", { rack: "r1" }),
  m2a: device("energy_meter", { rack: "r2" }),
  m2b: device("energy_meter", { rack: "r2" }),
  m3: device("energy_meter", { rack: "r3" }),
  ub: device("energy_meter"),
  cool: device("energy_meter", { zone: "hall" }),
  tower: device("water_meter"),
  bmc: device("server", { rack: "r1" }),
  probe: device("thermal", { rack: "r2" }),
  crac: device("cooling", { zone: "hall" }),
  gpus: device("accelerator", { rack: "r1" }),
};

const topology = {
  redundancy: "2N",
  feeds: ["A", "B"],
  water: "tower",
  rooms: { hall: { power: "20kW", ashrae: "A2" } },
  racks: {
    r1: { room: "hall", power: "9kW", accelerator: "700W" },
    r2: { room: "hall", power: "9kW", inlets: "probe" },
    r3: { room: "hall", power: "1kW" },
  },
  equipment: {
    grid: { kind: "source", apparent: "40kVA", ...metered("main") },
    "ups-a": { kind: "ups", feed: "A", fedBy: "grid", apparent: "12kVA" },
    "ups-b": { kind: "ups", feed: "B", fedBy: "grid", apparent: "14kVA", ...metered("ub") },
    "pdu-1a": { kind: "pdu", rack: "r1", fedBy: "ups-a", current: "16A", ...metered("m1a") },
    "pdu-1b": { kind: "pdu", rack: "r1", fedBy: "ups-b", current: "16A", ...metered("m1b") },
    "pdu-2a": { kind: "pdu", rack: "r2", fedBy: "ups-a", current: "16A", ...metered("m2a") },
    "pdu-2b": { kind: "pdu", rack: "r2", fedBy: "ups-b", current: "16A", ...metered("m2b") },
    "pdu-3": { kind: "pdu", rack: "r3", fedBy: "ups-a", ...metered("m3") },
    // Nobody measures it.
    lamp: { kind: "load", power: "1kW", fedBy: "grid" },
    cooler: { kind: "load", room: "hall", power: "3kW", fedBy: "grid", ...metered("cool") },
  },
};

/** Watts of each meter `at` a moment; what m1a and m1b feed grows by 40 W a day. */
const loads: Readonly<Record<string, (at: number) => number>> = {
  main: (at) => 9000 + 40 * (at / day),
  m1a: (at) => 1200 + 20 * (at / day) + wave(at),
  m1b: (at) => 1400 + 20 * (at / day) + wave(at),
  m2a: (at) => 1500 + 2 * wave(at),
  m2b: (at) => 1300 + 2 * wave(at),
  m3: () => 300,
  ub: (at) => 2900 + 20 * (at / day) + 3 * wave(at),
  cool: (at) => 1500 + wave(at),
};

function wave(at: number): number {
  return 100 * Math.sin((2 * Math.PI * at) / day) + 30 * Math.sin(at / (7 * minute));
}

function* linesOf(from: number, to: number): Generator<Line> {
  const line = (
    measurement: string,
    tags: Tags,
    given: Fields & { readonly time: number },
  ): Line => {
    const { time, ...fields } = given;
    return { measurement, tags: { ...site, ...tags }, fields: { ...fields, q: 0 }, time };
  };
  const energy = new Map<string, number>();
  for (let time = from; time < to; time += every) {
    const at = time - from;
    for (const [name, load] of Object.entries(loads)) {
      const total = (energy.get(name) ?? 1e6) + load(at) / 12;
      energy.set(name, total);
      const fields = { active_power_w: load(at), import_wh_total: Math.round(total) };
      yield line("energy_meter", { device: name }, { time, ...fields });
    }
    if (at < (days - 2) * day) continue;
    const count = Math.floor(at / every);
    yield line("water_meter", { device: "tower" }, { time, volume_l_total: 900 + 2 * count });
    const warm = 26 + 3 * Math.sin(at / (40 * minute));
    yield line("server", { device: "bmc" }, { time, inlet_c: warm, exhaust_c: warm + 12 });
    yield line("thermal", { device: "probe", sensor: "1" }, { time, temp_c: warm - 10 });
    const air = { supply_air_c: 19, return_air_c: 19 + warm / 3 };
    yield line("cooling", { device: "crac", unit: "1" }, { time, ...air });
    for (const gpu of ["0", "1"]) {
      // Card 1 falls silent now and then.
      if (gpu === "1" && count % 3 === 0) continue;
      const work = { power_w: 400 + 5 * wave(at), power_limit_w: 650, util_pct: 80 };
      const held = { throttle_thermal_ms_total: 40_000 * count, throttle_power_ms_total: 0 };
      yield line("accelerator", { device: "gpus", gpu }, { time, ...work, ...held });
    }
  }
}

async function fill(store: Store): Promise<void> {
  const now = Math.floor(Date.now() / every) * every;
  let lines: Line[] = [];
  for (const line of linesOf(now - days * day, now + 2 * every)) {
    lines.push(line);
    if (lines.length < 5000) continue;
    await store.write(lines, signal);
    lines = [];
  }
  await store.write(lines, signal);
}

interface Told {
  /** Rows of the hub's first turn, by element or scope. */
  readonly rows: ReadonlyMap<string, Fields>;
  /** What the command says up to the time of these rows. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Starts a hub over a store that is filled, waits for its rows, asks the command. */
async function toldBy(options: Readonly<Record<string, unknown>>): Promise<Told> {
  await using folder = await temporaryFolder();
  const engine = "path" in options ? { ...options, path: folder.file("store.sqlite") } : options;
  const config = {
    site: "e2e",
    store: engine,
    hub: { data: folder.file("hub") },
    broker: { listen: ["mqtt://127.0.0.1:0"] },
    // What is compared was there before: nothing is rolled up meanwhile.
    rollups: { windows: [] },
    devices,
    topology,
  };
  const file = folder.file("site.json");
  await writeFile(file, JSON.stringify(config));
  await using store = await openStore(v.parse(storeOptions, engine), realPlatform());
  await fill(store);
  await using hub = startRackstreet(["hub", file]);
  await hub.logged("hub started");
  const found = await vi.waitFor(
    async () => {
      const both = [await rowsOf(store, "capacity"), await rowsOf(store, "kpi")];
      expect(both.every((rows) => rows.length > 0)).toBe(true);
      return both.flat();
    },
    { timeout: 60_000, interval: 200 },
  );
  await hub.end("SIGTERM");
  const first = Math.min(...found.map(({ time }) => time));
  const rows = found.filter(({ time }) => time === first);
  for (const { tags } of rows) expect(tags).toMatchObject({ ...site, device: "hub" });
  const until = ["--until", new Date(first).toISOString()];
  const { out, err, code } = await rackstreet(["capacity", file, "--json", ...until]);
  expect([code, err]).toEqual([0, ""]);
  const json: unknown = JSON.parse(out);
  if (!isRecord(json)) throw new Error("no object");
  const named = rows.map(({ tags, fields }): [string, Fields] => {
    return [tags["element"] ?? `kpi ${tags["scope"] ?? ""}`, fields];
  });
  return { rows: new Map(named), json };
}

async function rowsOf(store: Store, measurement: "capacity" | "kpi"): Promise<readonly Line[]> {
  const found: Line[] = [];
  const fields = [...Object.keys(measurements[measurement].fields), "q"];
  const span = { measurement, fields, from: Date.now() - day, to: Date.now() + day };
  for await (const lines of store.scan(span, signal)) found.push(...lines);
  return found;
}

/** The value at a path of JSON, with null as undefined. */
function at(json: unknown, ...path: readonly string[]): unknown {
  let value = json;
  for (const key of path) value = isRecord(value) ? value[key] : undefined;
  return value ?? undefined;
}

function listed(json: unknown, list: readonly string[], by: Tags): unknown {
  const all = at(json, ...list);
  const isIt = (one: unknown): boolean =>
    Object.entries(by).every(([key, value]) => at(one, key) === value);
  return Array.isArray(all) ? all.find(isIt) : undefined;
}

function percent(value: unknown): number | undefined {
  return typeof value === "number" ? 100 * value : undefined;
}

/** Far away rather than unknown, so that rules end. */
function notRising(says: unknown): number | undefined {
  return says === "not rising" ? 3650 : undefined;
}

/** The row that the command's words of an element come to. */
function expectedRow(one: unknown): Readonly<Record<string, unknown>> {
  const known = at(one, "watts", "p95") !== undefined;
  const load = (use: unknown): number | undefined => {
    const [used, limit] = [at(use, "used"), at(use, "limit")];
    return typeof used === "number" && typeof limit === "number" ? (100 * used) / limit : undefined;
  };
  const says = at(one, "forecast", "says");
  const full = (name: string): unknown =>
    says === "full" ? 0 : says === "rising" ? at(one, "forecast", name) : notRising(says);
  const assumed = at(one, "assumed");
  return {
    rated_w: at(one, "ratedWatts"),
    derated_w: at(one, "deratedWatts"),
    now_w: at(one, "watts", "now"),
    used_w: at(one, "watts", "p95"),
    peak_w: at(one, "watts", "peak"),
    headroom_w: at(one, "headroom"),
    load_pct: load(at(one, "limit")),
    failover_headroom_w: known ? at(one, "failover", "headroom") : undefined,
    failover_load_pct: known ? load(at(one, "failover", "use")) : undefined,
    addable_w: known ? at(one, "room", "watts") : undefined,
    stranded_w: at(one, "stranded"),
    imbalance_pct: percent(at(one, "imbalance")),
    to_full_d: full("days"),
    to_full_low_d: full("earliest"),
    to_full_high_d: full("latest"),
    coverage_pct: percent(at(one, "watts", "coverage")),
    q: Array.isArray(assumed) && assumed.length > 0 ? 1 : 0,
  };
}

/** The row that the command's words of a place come to. */
function expectedKpi(json: unknown, place: string): Readonly<Record<string, unknown>> {
  const isSite = place === "e2e";
  const partial = listed(json, ["partialPue"], { name: place });
  const pue = isSite ? at(json, "pue") : partial;
  const cooling = listed(json, ["cooling", "places"], { place });
  const ledger = listed(json, ["accelerators", "places"], { place });
  const terms = ["offline", "unknown", "capped", "throttled", "idle", "delivered"];
  const energy = terms.map((name) => [`${name}_wh`, at(ledger, "newest", "energy", name)]);
  const time = terms.map((name) => [`${name}_h`, at(ledger, "newest", "time", name)]);
  return {
    [isSite ? "pue_ratio" : "ppue_ratio"]: at(pue, "ratio"),
    wue_lkwh: isSite ? at(json, "wue", "ratio") : undefined,
    energy_coverage_pct: percent(at(pue, "coverage")),
    rci_hi_pct: at(cooling, "now", "hi"),
    rci_lo_pct: at(cooling, "now", "lo"),
    rti_pct: at(cooling, "rti"),
    rise_k: at(cooling, "rise"),
    inlet_c: at(cooling, "warmest"),
    intakes_count: at(cooling, "speaking"),
    out_recommended_pct: percent(at(cooling, "outRecommended")),
    out_allowable_pct: percent(at(cooling, "outAllowable")),
    nameplate_wh: at(ledger, "newest", "energy", "whole"),
    cards_h: at(ledger, "newest", "time", "whole"),
    unrated_count: at(ledger, "unrated"),
    ...Object.fromEntries([...energy, ...time]),
    q: 0,
  };
}

function defined(row: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

function judge({ rows, json }: Told): void {
  const elements = at(json, "elements");
  const all = Array.isArray(elements) ? elements : [];
  const wanted = new Map<string, object>();
  for (const one of all) wanted.set(String(at(one, "element")), defined(expectedRow(one)));
  for (const place of ["e2e", "hall", "r1", "r2"]) {
    wanted.set(`kpi ${place}`, defined(expectedKpi(json, place)));
  }
  // The UPS of feed A has no meter.
  const feed = listed(json, ["partialPue"], { kind: "feed", name: "B" });
  const coverage = percent(at(feed, "coverage"));
  const figures = { ppue_ratio: at(feed, "ratio"), energy_coverage_pct: coverage, q: 0 };
  wanted.set("kpi feed B", figures);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(wanted));
  // And that it is not all unknown.
  expect(rows.get("r1")).toMatchObject({ to_full_d: expect.any(Number), q: 1 });
  expect(rows.get("pdu-2a")).toMatchObject({ failover_headroom_w: expect.any(Number) });
  expect(rows.get("lamp")).toEqual({ rated_w: 1000, derated_w: 1000, coverage_pct: 0, q: 0 });
  const energy = { pue_ratio: expect.any(Number), wue_lkwh: expect.any(Number) };
  expect(rows.get("kpi e2e")).toMatchObject(energy);
  expect(rows.get("kpi feed B")).toMatchObject({ ppue_ratio: expect.any(Number) });
  expect(rows.get("kpi hall")).toMatchObject({
    ppue_ratio: expect.any(Number),
    rti_pct: expect.any(Number),
    delivered_wh: expect.any(Number),
    throttled_h: expect.any(Number),
  });
}

describe("rows of capacity", () => {
  test("of the embedded store are what the command says", async () => {
    judge(await toldBy({ engine: "sqlite", path: "", retention: "36500d" }));
  }, 120_000);
});

describe.skipIf(!needs("influxd", "influxdb"))("rows of capacity in InfluxDB 1", () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  test("are what the command says", async () => {
    judge(await toldBy({ engine: "influxdb1", url: influxd.url, database: "capacity" }));
  }, 120_000);
});
