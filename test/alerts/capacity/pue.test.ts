/** Power usage effectiveness from counters in the embedded store. */
import { expect, test } from "vitest";
import type { Pue } from "../../../alerts/index.ts";
import { energyOf, inOneGo } from "../../../alerts/index.ts";
import { v } from "../../../config/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { Line } from "../../../telemetry/index.ts";
import { metersNamed, siteOf } from "../../config/topology/sites.ts";
import { realPlatform, temporaryFolder } from "../../store/rig.ts";
import { hour } from "./rig.ts";

const begin = Date.UTC(2025, 2, 1);
const site = { region: "local", org: "main", site: "lab" };
const topology = siteOf(
  `
racks: { r01: {} }
equipment:
  grid: { kind: source, meters: main }
  ups: { kind: ups, fedBy: grid, meters: ups }
  pdu-a: { kind: pdu, rack: r01, fedBy: ups, meters: a }
  pdu-b: { kind: pdu, rack: r01, fedBy: ups, meters: b }
  cooler: { kind: load, fedBy: grid, power: 3kW }
`,
  metersNamed("main", "ups", "a", "b"),
);

/** Watts of each meter; its counter is read every half hour but in the hours it misses. */
async function pueWith(
  watts: Readonly<Record<string, number>>,
  { misses = [], fallsAt = Infinity }: { misses?: number[]; fallsAt?: number } = {},
  of = topology,
): Promise<Pue> {
  await using folder = await temporaryFolder();
  const path = folder.file("store.sqlite");
  const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
  await using store = await openStore(options, realPlatform());
  const lines: Line[] = [];
  for (const [device, power] of Object.entries(watts)) {
    for (let half = 0; half < 48; half += 1) {
      if (device === "a" && misses.includes(Math.floor(half / 2))) continue;
      const total = half >= fallsAt && device === "a" ? 0 : 5_000_000 + (power * half) / 2;
      const fields = { import_wh_total: total, q: 0 };
      const time = begin + (half * hour) / 2;
      lines.push({ measurement: "energy_meter", tags: { ...site, device }, fields, time });
    }
  }
  const signal = new AbortController().signal;
  await store.write(lines, signal);
  const frame = { from: begin, to: begin + 24 * hour, every: 300_000 };
  const reading = { frame, since: 24 * hour, least: 0.5, tags: site };
  return (await energyOf(of, store, { reading, signal, pace: inOneGo })).pue;
}

const all = { main: 15_000, ups: 10_500, a: 4000, b: 6000 };

test("is the site's energy over that of the racks, over the same hours", async () => {
  const told = await pueWith(all);
  expect(told).toMatchObject({ ratio: 1.5, category: 2, coverage: 23 / 24 });
  expect(told).toMatchObject({ facility: 23 * 15_000, it: 23 * 10_000 });
});

test("misses no energy in a gap, and says where it begins and ends", async () => {
  const gap = await pueWith(all, { misses: [5, 6, 7] });
  expect(gap).toMatchObject({ ratio: 1.5, coverage: 23 / 24 });
  const late = await pueWith(all, { misses: [0, 1, 2, 23] });
  expect(late).toMatchObject({ ratio: 1.5, coverage: 19 / 24, from: begin + 3 * hour });
});

test("is at the ups where not all racks are measured", async () => {
  const text = `
racks: { r01: {} }
equipment:
  grid: { kind: source, meters: main }
  ups: { kind: ups, fedBy: grid, meters: ups }
  board: { kind: switchboard, fedBy: ups, feeds: [r01, lamp] }
  lamp: { kind: load, power: 1kW }
`;
  const told = await pueWith(all, {}, siteOf(text, metersNamed("main", "ups")));
  expect(told).toMatchObject({ category: 1, it: 23 * 10_500 });
});

test("is not told where a counter fell, is not there, or contradicts the others", async () => {
  expect(await pueWith(all, { fallsAt: 20 })).toEqual({
    ratio: undefined,
    why: "the counter of a has fallen",
  });
  const { main, ups, a } = all;
  expect(await pueWith({ main, ups, a })).toEqual({
    ratio: undefined,
    why: "no energy of b is stored",
  });
  expect(await pueWith({ ...all, main: 9000 })).toMatchObject({
    why: "IT takes more than the whole: look at the meters",
  });
  const bare = siteOf("equipment: { grid: { kind: source } }");
  expect(await pueWith(all, {}, bare)).toMatchObject({
    why: "grid has no meter with a counter of energy",
  });
});
