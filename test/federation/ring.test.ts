/** Three hubs in a ring under virtual time, over the product's own broker and links. */
import { afterEach, expect, test, vi } from "vitest";
import type { Line } from "../../telemetry/index.ts";
import { itemsInAll, Ring } from "./ring.ts";

const minute = 60_000;
/** In CI more seeds than at hand. */
const seeds = process.env["CI"] === "true" ? 8 : 2;

vi.setConfig({ testTimeout: 300_000 });

let ring: Ring | undefined;
afterEach(() => ring?.end());

function begin(seed: number, storms: boolean): Ring {
  ring = new Ring(seed, { storms });
  return ring;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

test("a quiet ring: every item arrives where it is granted, and nowhere else", async () => {
  const sea = begin(1, false);
  expect(sea.items).toBe(itemsInAll);
  await sea.sail(20_000, 5000);
  expect(await sea.arrive(minute)).toBe(true);
  expect(sea.judge()).toEqual([]);
  expect(sea.rowsOf("east", "west")).toBeGreaterThan(300);
});

test("a cut of ten minutes heals, and what is live does not wait for the backlog", async () => {
  const sea = begin(2, false);
  await sea.sail(10_000, 5000);
  expect(await sea.arrive(minute)).toBe(true);
  const usual = await sea.lateness("east", "west", 20);
  sea.road("east", "west").cut();
  const before = sea.rowsOf("east", "west");
  await sea.sail(10 * minute, 20_000);
  expect(sea.rowsOf("east", "west")).toBe(before);
  expect(sea.queued("east", "west")).toBeGreaterThan(2500);
  sea.road("east", "west").heal();
  await sea.until(() => sea.isUp("east", "west"), 2 * minute);
  const after = await sea.lateness("east", "west", 20);
  expect(sea.queued("east", "west")).toBeGreaterThan(500);
  expect(median(after)).toBeLessThan(1.5 * median(usual));
  expect(Math.max(...after)).toBeLessThan(3 * Math.max(...usual));
  expect(await sea.arrive(10 * minute)).toBe(true);
  expect(sea.judge()).toEqual([]);
});

test("a revoked grant stops what is queued, and what the peer retains goes", async () => {
  const sea = begin(3, false);
  await sea.sail(10_000, 5000);
  expect(await sea.arrive(minute)).toBe(true);
  sea.road("east", "west").cut();
  await sea.sail(minute, 5000);
  sea.revoke("east", "west", "d7");
  await sea.sail(2000, 5000);
  const waiting = sea.rowsAt("east", "west", "d7");
  sea.road("east", "west").heal();
  await sea.sail(20_000, 5000);
  expect(await sea.arrive(5 * minute)).toBe(true);
  expect(sea.rowsAt("east", "west", "d7")).toBe(waiting);
  expect(sea.judge()).toEqual([]);
  expect(sea.revoked("east", "west")).toBeGreaterThan(5);

  sea.grant("east", "west", "d7");
  await sea.clock.advance(1000);
  await sea.sail(10_000, 5000);
  expect(await sea.arrive(minute)).toBe(true);
  expect(sea.rowsAt("east", "west", "d7")).toBeGreaterThan(waiting);
  expect(sea.judge()).toEqual([]);
});

/** The first two once broke a law: a grant revoked while a hub opened its queues, or twice soon. */
const storms = [210, 235, ...Array.from({ length: seeds }, (_, n) => 100 + n)];
test.for(storms)("storm %i", async (seed) => {
  const sea = begin(seed, true);
  await sea.sail(minute, 5000, () => sea.storm());
  sea.calm();
  await sea.sail(10_000, 5000);
  expect(await sea.arrive(10 * minute)).toBe(true);
  expect(sea.judge()).toEqual([]);
  expect(sea.deaths).toBeGreaterThan(3);
});

test("a peer has the summaries that it is granted, each window in its newest form", async () => {
  const sea = begin(4, false);
  sea.grantSummaries("north", "west", "5m");
  await sea.sail(1000, 5000);
  const time = sea.clock.now();
  const tags = {
    region: "north",
    org: "main",
    site: "hall",
    rack: "r1",
    device: "d3",
    phase: "L1",
  };
  const row = (fields: Line["fields"], more = {}): Line[] => [
    { measurement: "rack_phase_5m", tags: { ...tags, ...more }, fields, time },
  ];
  const made = (window: "5m" | "1h", rows: readonly Line[]): Promise<void> =>
    sea.region("north").federation?.summarized(window, rows) ?? Promise.reject(new Error("down"));
  sea.road("north", "west").cut();
  const first = { energy_wh_total_count: 3, max_energy_wh_total: 9, delta_energy_wh_total: 2 };
  const going = [made("5m", row(first))];
  await sea.clock.advance(1000);
  // A late row: the window is rolled up anew, its counters alone.
  going.push(made("5m", row({ delta_energy_wh_total: 5 })));
  going.push(made("1h", row(first)), made("5m", row(first, { region: "east" })));
  await sea.clock.advance(1000);
  await Promise.all(going);
  sea.road("north", "west").heal();
  expect(await sea.arrive(5 * minute)).toBe(true);
  const held = (name: "east" | "west"): Line[] =>
    [...sea.region(name).rows.byIdentity.values()].filter((line) =>
      line.measurement.includes("_5m"),
    );
  expect(held("west")).toEqual(row({ ...first, delta_energy_wh_total: 5 }));
  expect(held("east")).toEqual([]);
  expect(sea.judge()).toEqual([]);
});
