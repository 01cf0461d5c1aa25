/**
 * The same roll-ups from every engine: rows that come late, twice and in random order into the
 * embedded store and into a real InfluxDB, both against the plain reference.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Store } from "../../store/index.ts";
import { openRollups } from "../../store/index.ts";
import { openInfluxdb1 } from "../../store/influxdb1/engine.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import type { Fields, Line } from "../../telemetry/index.ts";
import { rollupNames } from "../../telemetry/index.ts";
import { needs } from "../peers.ts";
import { realPlatform, temporaryFolder, wideBounds } from "../store/rig.ts";
import type { Rolled } from "../store/rollups/reference.ts";
import { reference, rolledOf } from "../store/rollups/reference.ts";
import { everyWindow } from "../store/rollups/world.ts";
import { MemoryDisk, SeededEntropy } from "../virtual.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

const start = Date.UTC(2026, 0, 10, 22);
const signal = new AbortController().signal;

/** Rows of four meters over some hours and a midnight, with a long silence of one. */
function rowsOf(seed: number): Line[] {
  const chance = new SeededEntropy(seed);
  const lines: Line[] = [];
  for (const device of ["a", "b", "c", "a,= d"]) {
    let count = Math.floor(chance.random() * 1e9);
    let time = start + Math.floor(chance.random() * 60_000);
    while (lines.length % 150 < 149) {
      // Two rows of one moment would be one in the store.
      time += chance.random() < 0.01 ? 7_200_000 : 1 + Math.floor(chance.random() * 60_000);
      count += chance.random() < 0.02 ? -5000 : Math.floor(chance.random() * 50);
      const fields = {
        active_power_w: Math.floor(chance.random() * 80_000) / 8,
        import_wh_total: count,
        x_own: Math.floor(chance.random() * 99),
        x_note: "open",
        ...(chance.random() < 0.5 ? {} : { q: Math.floor(chance.random() * 4) }),
      };
      lines.push(lineOf(device, time, fields));
    }
    lines.push(lineOf(device, time + 1, { active_power_w: 1, import_wh_total: 5, q: 0 }));
  }
  return lines;
}

function lineOf(device: string, time: number, fields: Fields): Line {
  return { measurement: "energy_meter", tags: { site: "hall", device }, fields, time };
}

/** Writes rows in random order, some twice, and waits until all is rolled up. */
async function rolledBy(store: Store, rows: readonly Line[], seed: number): Promise<Rolled> {
  const chance = new SeededEntropy(seed);
  const waiting = [...rows, ...rows.filter(() => chance.random() < 0.1)]
    .map((row) => ({ row, key: chance.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ row }) => row);
  const disk = new MemoryDisk();
  await using rollups = await openRollups(
    { store, disk, options: { ...everyWindow, settle: 0 } },
    realPlatform(),
  );
  while (waiting.length > 0) await rollups.store.write(waiting.splice(0, 400), signal);
  const done = (): void => expect(rollups.counts).toMatchObject({ dirty: 0, failures: 0 });
  await vi.waitFor(done, { timeout: 100_000, interval: 50 });
  const found: Line[] = [];
  for (const name of rollupNames) {
    const span = { measurement: `energy_meter_${name}`, from: 0, to: Date.now() };
    for await (const lines of store.scan(span, signal)) found.push(...lines);
  }
  return rolledOf(found);
}

async function bySqlite(rows: readonly Line[], seed: number): Promise<Rolled> {
  await using folder = await temporaryFolder();
  const path = folder.file("store.sqlite");
  await using store = await openSqlite({ path, ...wideBounds }, realPlatform());
  return await rolledBy(store, rows, seed);
}

describe("roll-ups of the embedded store", () => {
  test("are what the rows say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
        const rows = rowsOf(seed);
        expect(await bySqlite(rows, seed)).toEqual(reference(rows, rollupNames));
      }),
      { numRuns: 2, examples: [[0]] },
    );
  }, 240_000);
});

describe.skipIf(!needs("influxd", "influxdb"))("roll-ups of InfluxDB 1", () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  test("are those of the embedded store, row by row and value by value", async () => {
    const rows = rowsOf(7);
    await using store = openInfluxdb1(
      {
        engine: "influxdb1",
        url: influxd.url,
        database: "rollups",
        gzip: false,
        create: true,
        timeout: 10_000,
      },
      realPlatform(),
    );
    const made = await rolledBy(store, rows, 7);
    expect(made).toEqual(reference(rows, rollupNames));
    expect(made).toEqual(await bySqlite(rows, 8));
  }, 240_000);
});
