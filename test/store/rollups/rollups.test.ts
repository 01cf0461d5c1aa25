/** Roll-ups against the plain reference: any rows, any order, any deaths. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Line, RollupWindow } from "../../../telemetry/index.ts";
import { rollupNames } from "../../../telemetry/index.ts";
import { Chance } from "../../voyage/chance.ts";
import { reference, rolledOf } from "./reference.ts";
import type { Weather } from "./world.ts";
import { everyWindow, World } from "./world.ts";

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 10);

const weathers = fc.constantFrom<Weather>(
  { death: 0.02, trouble: 0.1 },
  { death: 0.002, trouble: 0 },
  { death: 0, trouble: 0.2 },
  { death: 0, trouble: 0 },
);

/** A moment of some hours, most of them close together, one long before. */
const moment = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 5, 30, 61), fc.nat(3599))
  .map(([at, second]) => start + at * hour + second * 1000);

/** Sums of eighths are exact, whatever their order. */
const eighth = fc.integer({ min: -8000, max: 8000 }).map((n) => n / 8);

const row = fc.record({
  device: fc.constantFrom("a", "b", "c"),
  time: moment,
  fields: fc.record(
    {
      active_power_w: eighth,
      import_wh_total: fc.nat(100_000),
      x_own: fc.oneof(eighth),
      x_note: fc.constantFrom("open", "shut"),
      q: fc.constantFrom(0, 0, 0, 1, 2, 4),
    },
    { requiredKeys: ["import_wh_total"] },
  ),
});

/** Each moment of a device once. */
const history = fc
  .uniqueArray(row, {
    minLength: 1,
    maxLength: 60,
    selector: ({ device, time }) => `${device} ${time}`,
  })
  .map((rows) =>
    rows.map(({ device, time, fields }): Line => ({
      measurement: "energy_meter",
      tags: { site: "hall", device },
      fields: Object.fromEntries(
        Object.entries(fields).flatMap(([field, value]) =>
          value === undefined ? [] : [[field, value] as const],
        ),
      ),
      time,
    })),
  );

/** The last reading comes late, before one that was rolled up before the hub was stopped. */
const rolledByAnEarlierLife: Line[] = [
  ...[0, 1, 2, 3, 4].map((second) => ["a", second, 0] as const),
  ["b", 0, 0] as const,
  ["b", 30 * 3600, 1] as const,
  ["b", 1, 1] as const,
].map(([device, second, wh]) => ({
  measurement: "energy_meter",
  tags: { site: "hall", device },
  fields: { import_wh_total: wh },
  time: start + second * 1000,
}));

/** Cuts rows into batches, some of which come twice and later. */
function* arrivals(rows: readonly Line[], chance: Chance): Generator<readonly Line[]> {
  const waiting = [...rows];
  const again: Line[] = [];
  while (waiting.length > 0) {
    const batch = waiting.splice(0, chance.whole(1, 12));
    if (chance.chance(0.3)) again.push(...batch);
    yield batch;
    if (chance.chance(0.3)) yield again.splice(0);
  }
  yield again;
}

async function sail(
  rows: readonly Line[],
  seed: number,
  { weather, windows = everyWindow.windows }: Sailing,
): Promise<World> {
  const chance = new Chance(seed);
  const world = new World(chance, start + 62 * hour, { ...everyWindow, windows });
  world.weather = weather;
  world.rows.sumsRises = seed % 2 === 0;
  for (const batch of arrivals(rows, chance)) {
    await world.store(batch);
    if (chance.chance(0.2)) await world.stop();
    await world.pass(chance.whole(0, chance.chance(0.2) ? 30_000 : 3000));
  }
  await world.rest();
  return world;
}

interface Sailing {
  readonly weather: Weather;
  readonly windows?: readonly RollupWindow[];
}

const seeds = fc.nat(1_000_000);

describe("roll-ups", () => {
  it("are what the rows say, whatever came late, twice, or while the hub died", async () => {
    await fc.assert(
      fc.asyncProperty(history, seeds, weathers, async (rows, seed, weather) => {
        const world = await sail(rows, seed, { weather });
        expect(rolledOf(world.rolled)).toEqual(reference(rows, everyWindow.windows));
        // Whoever is given rows as they are made ends with the same ones.
        const made = [...world.made.byMeasurement.keys()].flatMap((name) => world.made.of(name));
        expect(rolledOf(made)).toEqual(rolledOf(world.rolled));
      }),
      { numRuns: 60, examples: [[rolledByAnEarlierLife, 2572, { death: 0, trouble: 0 }]] },
    );
  }, 240_000);

  it("are the same with other windows", async () => {
    // Without windows of 1 h the silence of 31 hours in these rows would be too long.
    const choice = fc.subarray([...rollupNames]).filter((windows) => windows.includes("1h"));
    await fc.assert(
      fc.asyncProperty(history, seeds, choice, async (rows, seed, windows) => {
        const world = await sail(rows, seed, { weather: { death: 0.01, trouble: 0.05 }, windows });
        expect(rolledOf(world.rolled)).toEqual(reference(rows, windows));
      }),
      { numRuns: 30 },
    );
  }, 240_000);
});

const reading = (time: number, wh: number, watts = 8): Line => ({
  measurement: "energy_meter",
  tags: { device: "a" },
  fields: { active_power_w: watts, import_wh_total: wh },
  time: start + time,
});

/** The roll-ups of a device over 1 m, by minute since the start. */
function minutes(world: World, field: string): Record<number, unknown> {
  return Object.fromEntries(
    world.rows
      .of("energy_meter_1m")
      .map(({ time, fields }) => [(time - start) / 60_000, fields[field]]),
  );
}

describe("a window", () => {
  it("is rolled up when it is over and has settled, not before", async () => {
    const world = new World(new Chance(1), start + 30_000);
    await world.store([reading(10_000, 5)]);
    await world.pass(34_000);
    expect(world.rolled).toEqual([]);
    await world.pass(4000);
    expect(minutes(world, "last_import_wh_total")).toEqual({ 0: 5 });
    expect(world.rows.of("energy_meter_5m")).toEqual([]);
    expect(world.rollups?.counts).toMatchObject({ lag: 0, dirty: 1, rows: 1, failures: 0 });
    await world.pass(240_000);
    expect(world.rows.of("energy_meter_5m")).toHaveLength(1);
  });

  it("is rolled up again when it was written to meanwhile", async () => {
    const world = new World(new Chance(1), start + hour);
    await world.store([reading(10_000, 5, 8)]);
    world.rows.slow = 5000;
    await world.store([reading(20_000, 6, 24)]);
    world.rows.slow = 0;
    await world.rest();
    expect(minutes(world, "mean_active_power_w")).toEqual({ 0: 16 });
  });

  it("is named on disk before what made it dirty is called stored", async () => {
    const world = new World(new Chance(1), start + hour);
    await world.store([reading(10_000, 5)]);
    world.kill();
    await world.rest();
    expect(minutes(world, "last_import_wh_total")).toEqual({ 0: 5 });
  });

  it("that follows is rolled up again, though the store fails between the two", async () => {
    const world = new World(new Chance(1), start + hour);
    await world.store([reading(0, 5), reading(600_000, 9)]);
    await world.pass(10_000);
    await world.stop();
    await world.store([reading(300_000, 7)]);
    world.rows.failAfterWrites = 1;
    await world.rest();
    expect(world.rollups?.counts.failures).toBeGreaterThan(0);
    expect(minutes(world, "delta_import_wh_total")).toEqual({ 0: 0, 5: 2, 10: 2 });
  });
});

describe("a clean stop", () => {
  it("leaves nothing to do but windows that are not over", async () => {
    const world = new World(new Chance(1), start + hour + 90_000);
    await world.store([reading(10_000, 5), reading(hour + 20_000, 6), reading(hour + 80_000, 7)]);
    await world.stop();
    expect(Object.keys(minutes(world, "q"))).toEqual(["0", "60"]);
    const before = world.rolled.length;
    world.rollups = await world.start();
    // The minute that goes on, and the five minutes around one that is rolled up.
    expect(world.rollups.counts).toMatchObject({ lag: 0, dirty: 2 });
    await world.pass(60_000);
    expect(world.rollups.counts.rows).toBe(1);
    expect(world.rolled.length).toBe(before + 1);
  });
});

describe("roll-ups of roll-ups", () => {
  it("do not exist, nor those of what is left out", async () => {
    const world = new World(new Chance(1), start + hour, { ...everyWindow, except: ["ups"] });
    const line = reading(0, 1);
    await world.store([
      line,
      { ...line, measurement: "energy_meter_1m", fields: { q: 0 } },
      { ...line, measurement: "ups", fields: { load_pct: 5 } },
    ]);
    await world.rest();
    expect([...world.rows.byMeasurement.keys()].toSorted()).toEqual(
      ["", "_1h", "_1m", "_5m"].map((end) => `energy_meter${end}`).concat("ups"),
    );
  });
});
