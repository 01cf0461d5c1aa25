/** All figures of a small site from the embedded store, each worked out by hand. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SiteCapacity } from "../../../alerts/index.ts";
import { inOneGo, readDays, readSite, rowSteps } from "../../../alerts/index.ts";
import { v } from "../../../config/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { Fields, Line, Tags } from "../../../telemetry/index.ts";
import { metersNamed, siteOf } from "../../config/topology/sites.ts";
import { realPlatform, temporaryFolder } from "../../store/rig.ts";
import { hour } from "./rig.ts";

const begin = Date.UTC(2025, 2, 1);
const minute = 60_000;
const to = begin + 6 * hour;
const site = { region: "local", org: "main", site: "site" };

const topology = siteOf(
  `
feeds: [A, B]
water: tower
accelerator: 700W
rooms: { hall: { ashrae: A2 } }
racks:
  r01: { room: hall, inlets: { device: probe, channel: "3" } }
  r02: { room: hall, ashrae: A1, accelerator: 400W }
equipment:
  grid: { kind: source, meters: main }
  ups-a: { kind: ups, feed: A, fedBy: grid, meters: ups-a }
  ups-b: { kind: ups, feed: B, fedBy: grid }
  pdu-1a: { kind: pdu, rack: r01, fedBy: ups-a, meters: m1a }
  pdu-1b: { kind: pdu, rack: r01, fedBy: ups-b, meters: m1b }
  pdu-2a: { kind: pdu, rack: r02, fedBy: ups-a, meters: m2a }
  pdu-2b: { kind: pdu, rack: r02, fedBy: ups-b, meters: m2b }
  chiller: { kind: load, room: hall, fedBy: grid, meters: cool }
`,
  [
    ...metersNamed("main", "ups-a", "m1a", "m1b", "m2a", "m2b", "cool"),
    ...["tower", "crac"].map((id) => ({ id, zone: "hall" })),
    ...["probe", "gpus"].map((id) => ({ id, rack: "r01" })),
    ...["bmc", "strip", "old"].map((id) => ({ id, rack: "r02" })),
  ],
);

const watts = { main: 9000, "ups-a": 3300, m1a: 1000, m1b: 2000, m2a: 2000, m2b: 1000, cool: 1500 };

function every5(
  measurement: string,
  tags: Tags,
  fields: (at: number) => Fields | undefined,
): readonly Line[] {
  return Array.from({ length: 72 }, (_, at) => at).flatMap((at): Line[] => {
    const given = fields(at);
    const time = begin + at * 5 * minute + minute;
    if (given === undefined) return [];
    return [{ measurement, tags: { ...site, ...tags }, fields: { ...given, q: 0 }, time }];
  });
}

const lines: readonly Line[] = [
  ...Object.entries(watts).flatMap(([device, power]) =>
    every5("energy_meter", { device }, (at) => ({
      active_power_w: power,
      import_wh_total: Math.round(1e6 + (power * at) / 12),
    })),
  ),
  ...every5("water_meter", { device: "tower" }, (at) => ({ volume_l_total: 5000 + at })),
  // Half of the time 2 K above what is recommended.
  ...every5("thermal", { device: "probe", sensor: "3" }, (at) => ({ temp_c: at < 36 ? 25 : 29 })),
  ...every5("thermal", { device: "probe", sensor: "4" }, () => ({ temp_c: 60 })),
  ...every5("thermal", { device: "strip", sensor: "front-top" }, () => ({ temp_c: 33 })),
  ...every5("thermal", { device: "strip", sensor: "cpu" }, () => ({ temp_c: 80 })),
  ...every5("server", { device: "bmc" }, () => ({ inlet_c: 24, exhaust_c: 36 })),
  ...every5("cooling", { device: "crac", unit: "1" }, () => ({
    supply_air_c: 20,
    return_air_c: 29,
    water_supply_c: 8,
    water_return_c: 14,
  })),
  // Card 0: a third each of full work, held back by heat, and silence; its limit is 600 W.
  ...every5("accelerator", { device: "gpus", gpu: "0" }, (at) =>
    at >= 48
      ? undefined
      : {
          power_w: at < 24 ? 600 : 300,
          power_limit_w: 600,
          util_pct: 100,
          throttle_thermal_ms_total: at < 24 ? 0 : (at - 23) * 150_000,
          throttle_power_ms_total: 0,
        },
  ),
  // Card 1 is gone after two hours, and the machine says so.
  ...every5("accelerator", { device: "gpus", gpu: "1" }, (at) =>
    at < 24 ? { power_w: 700, util_pct: 50, throttle_code: 2 } : { health_state: 3 },
  ),
  // A machine whose agent said that it no longer answers.
  ...every5("accelerator", { device: "old", gpu: "0" }, (at) =>
    at < 36 ? { power_w: 100, util_pct: 0 } : undefined,
  ),
  ...every5("device_event", { device: "old" }, (at) => (at === 36 ? { link_state: 0 } : undefined)),
];

describe("a site", () => {
  const parts = new AsyncDisposableStack();
  let told: SiteCapacity;

  beforeAll(async () => {
    const folder = parts.use(await temporaryFolder());
    const path = folder.file("store.sqlite");
    const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    const store = parts.use(await openStore(options, realPlatform()));
    const { signal } = new AbortController();
    await store.write(lines, signal);
    const ask = {
      to,
      since: 6 * hour,
      trend: 24 * hour,
      least: 0.5,
      tags: site,
      pace: inOneGo,
      signal,
    };
    const days = await readDays(topology, store, ask);
    told = await readSite(topology, store, { ...ask, days });
  });
  afterAll(() => parts.disposeAsync());

  test("has a PUE, one of each room and feed, and litres a kWh", () => {
    const { pue, partial, wue } = told.energy;
    // 9 kW for the site and 6 kW for racks, from the end of the first hour to that of the last.
    expect(pue).toMatchObject({ ratio: 1.5, category: 2, it: 5 * 6000 });
    expect(partial).toMatchObject([
      { kind: "room", name: "hall", pue: { ratio: 7500 / 6000 } },
      { kind: "feed", name: "A", pue: { ratio: 3300 / 3000, it: 5 * 3000 } },
      { kind: "feed", name: "B", pue: { why: "ups-b has no meter with a counter of energy" } },
    ]);
    expect(wue).toMatchObject({ ratio: 60 / 30, litres: 60, it: 30_000 });
  });

  test("has intakes where the topology or their names say so, each with its class", () => {
    const { places } = told.cooling;
    expect(places.map(({ element, intakes }) => [element.id, intakes])).toEqual([
      ["site", 3],
      ["hall", 3],
      ["r01", 1],
      ["r02", 2],
    ]);
    const [all, , r01, r02] = places;
    expect(r01).toMatchObject({ warmest: 29, outRecommended: 0.5, outAllowable: 0, coverage: 1 });
    // A2 allows 8 K above what is recommended, A1 5 K.
    expect(r01?.now?.hi).toBeCloseTo(75);
    expect(r01?.mean?.hi).toBeCloseTo(87.5);
    expect(r02).toMatchObject({ warmest: 33, coldest: 24, outAllowable: 0.5 });
    expect(r02?.now?.hi).toBeCloseTo(100 * (1 - 6 / 5 / 2));
    expect(all?.now?.hi).toBeCloseTo(100 * (1 - (2 / 8 + 6 / 5) / 3));
  });

  test("has coolers with what they supply and take back, and an RTI where both sides speak", () => {
    expect(told.cooling.units).toMatchObject([
      { name: "crac unit 1", place: "hall", medium: "air", difference: { now: 9, mean: 9 } },
      { name: "crac unit 1", place: "hall", medium: "water", difference: { now: 6 } },
    ]);
    const rti = told.cooling.places.map((one) => [one.element.id, one.rti]);
    expect(rti).toEqual([
      ["site", 75],
      ["hall", 75],
      ["r01", undefined],
      ["r02", undefined],
    ]);
  });

  test("has a ledger of cards, with gaps and with what was reported gone", () => {
    const { cards, places } = told.accelerators;
    const of = (device: string, card: string) =>
      cards.find((one) => one.device === device && one.card === card);
    // 700 W over 6 h: 2 h at a limit of 600 W, 2 h at half of it and half held back, 2 h silent.
    expect(of("gpus", "0")?.all.energy).toEqual(
      closeTo({
        whole: 4200,
        unknown: 1400,
        capped: 400,
        throttled: 300,
        idle: 300,
        delivered: 1800,
        offline: 0,
      }),
    );
    expect(of("gpus", "0")?.all.time).toEqual(
      closeTo({
        whole: 6,
        unknown: 2,
        capped: 0,
        throttled: 1,
        idle: 0,
        delivered: 3,
        offline: 0,
      }),
    );
    expect(of("gpus", "1")?.all).toMatchObject({
      energy: closeTo({ offline: 2800, delivered: 1400, whole: 4200 }),
      time: closeTo({ offline: 4, capped: 2, delivered: 0 }),
    });
    expect(of("old", "0")).toMatchObject({
      nameplate: 400,
      saysWhy: false,
      all: { energy: closeTo({ offline: 1200, idle: 900, delivered: 300 }) },
      newest: { time: closeTo({ offline: 1 / 12 }) },
    });
    const [all] = places;
    expect(all).toMatchObject({
      cards: 3,
      unrated: 0,
      all: { energy: closeTo({ whole: 10_800 }) },
    });
  });

  test("is told in rows that hold only what is known", async () => {
    const rows = await inOneGo(rowSteps(topology, told));
    const scopes = rows.filter(({ point }) => point.measurement === "kpi");
    expect(scopes.map(({ point, place }) => [point.tags?.["scope"], place])).toEqual([
      ["site", {}],
      ["hall", { zone: "hall" }],
      ["r01", { zone: "hall", rack: "r01" }],
      ["r02", { zone: "hall", rack: "r02" }],
      ["feed A", {}],
    ]);
    const r01 = rows.find(({ point }) => point.tags?.["element"] === "r01");
    expect(r01?.point.fields).toEqual({ used_w: 3000, now_w: 3000, peak_w: 3000, q: 1, ...full });
  });
});

const full = { coverage_pct: 100 };

function closeTo(terms: Readonly<Record<string, number>>): unknown {
  const close = Object.entries(terms).map(([name, value]) => [name, expect.closeTo(value, 6)]);
  return expect.objectContaining(Object.fromEntries(close));
}
