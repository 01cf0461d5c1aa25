/**
 * The embedded store against InfluxDB 1.6, both through our engines, with the same lines in the
 * same run: writing, the last value of all series, one series' day. Then what only the embedded
 * store has: bytes a value, sealing, opening.
 *
 * The lines are a day of 20 three-phase meters (60 series of ten fields) read every 5 s: noisy
 * voltages, currents and powers of the resolution that such meters have, a counter of energy, a
 * quality that is nearly always good; answers come some ms after the beat. What compresses badly
 * is measured beside it. InfluxDB's answer to "last" takes long because our questions also want the
 * number of rows behind each value, which it must count.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { v } from "../config/index.ts";
import type { Query, Store } from "../store/index.ts";
import { openStore, storeOptions } from "../store/index.ts";
import { openSqlite } from "../store/sqlite/engine.ts";
import type { Line } from "../telemetry/index.ts";
import { startInfluxd } from "../test/peers/influxd.ts";
import { Meters, start, stepMs } from "./meters.ts";
import { realPlatform } from "../test/store/rig.ts";

const meters = 20;
const fieldsALine = 10;
const steps = 86_400_000 / stepMs;
const rounds = 6;
const stepsACall = 80;
const valuesAStep = meters * 3 * fieldsALine;
const questions = 15;
const signal = new AbortController().signal;

/** The wall clock of the stores; it only goes when the bench says so. */
let now = start;

const platform = realPlatform([], () => now);

function say(text: string): void {
  process.stderr.write(`sqlite: ${text}\n`);
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString("en");
}

function optionsOf(path: string): Parameters<typeof openSqlite>[0] {
  const options = v.parse(storeOptions, {
    engine: "sqlite",
    path,
    retention: "36500d",
    maxSize: "16GiB",
    minFree: "0%",
  });
  if (options.engine !== "sqlite") throw new Error("another engine than asked for");
  return options;
}

/** Measures; the rate is values (fields) a second by the wall clock, the best round of each. */
export async function run(): Promise<Record<string, string | number>> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const path = join(folder, "store.sqlite");
    await using influxd = await startInfluxd();
    await using peer = await openStore(
      {
        engine: "influxdb1",
        url: influxd.url,
        database: "bench",
        gzip: false,
        create: true,
        timeout: 60_000,
      },
      platform,
    );
    const compared = await compare(await openSqlite(optionsOf(path), platform), peer);
    return {
      bench: "sqlite",
      ...compared,
      ...(await sealedSize(path)),
      ...(await alone(folder)),
      ...(await badCases(folder)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both engines with the same lines and the same questions. Disposes of the first. */
async function compare(mine: Store, peer: Store): Promise<Record<string, string | number>> {
  await using ours = mine;
  const source = new Meters(meters);
  const best = { ours: 0, peer: 0 };
  const busy = { ours: 0, peer: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    const calls = Array.from({ length: steps / rounds / stepsACall }, () =>
      source.read(stepsACall),
    );
    const values = calls.length * stepsACall * valuesAStep;
    const took = { ours: await timed(ours, calls), peer: await timed(peer, calls) };
    for (const name of ["ours", "peer"] as const) {
      best[name] = Math.max(best[name], values / took[name]);
      busy[name] += took[name];
    }
    const [mine, theirs] = [shown(values / took.ours), shown(values / took.peer)];
    say(`round ${round}: ours ${mine} values/s, InfluxDB ${theirs}`);
  }
  const sustained = (steps * valuesAStep) / busy.ours;
  say(`sustained over the day: ours ${shown(sustained)} values/s`);
  return {
    ours: best.ours,
    peer: best.peer,
    ratio: best.ours / best.peer,
    unit: "values per second",
    goal: 1,
    sustained,
    ...(await latencies(ours, peer)),
  };
}

/** @unit s */
async function timed(store: Store, calls: readonly (readonly Line[])[]): Promise<number> {
  const begin = performance.now();
  for (const lines of calls) await store.write(lines, signal);
  return (performance.now() - begin) / 1000;
}

async function latencies(ours: Store, peer: Store): Promise<Record<string, number>> {
  const day = { measurement: "rack_phase", from: start, to: start + 86_400_000 };
  const last: Query = {
    ...day,
    fields: ["voltage_v", "current_a", "active_power_w", "energy_wh_total"],
    aggregate: "last",
    groupBy: ["device", "phase"],
  };
  const window: Query = {
    ...day,
    fields: ["active_power_w"],
    aggregate: "mean",
    every: 300_000,
    where: { device: "meter-7", phase: "L2" },
  };
  const found = {
    lastMs: await median(ours, last),
    peerLastMs: await median(peer, last),
    dayMs: await median(ours, window),
    peerDayMs: await median(peer, window),
  };
  say(`last value of all series over a day: ${found.lastMs} ms, InfluxDB ${found.peerLastMs} ms`);
  say(`one series, a day by 5 minutes: ${found.dayMs} ms, InfluxDB ${found.peerDayMs} ms`);
  return found;
}

/** @unit ms */
async function median(store: Store, query: Query): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < questions; i += 1) {
    const begin = performance.now();
    await store.query(query, signal);
    times.push(performance.now() - begin);
  }
  const [middle = 0] = times.toSorted((a, b) => a - b).slice(questions >> 1);
  return Math.round(middle * 100) / 100;
}

/** Bytes a value once all is sealed and the day is settled. */
async function sealedSize(path: string): Promise<Record<string, number>> {
  now = start + 3 * 86_400_000;
  await using store = await openSqlite(optionsOf(path), platform);
  await store.write(new Meters(1).read(1), signal);
  await sealed(path);
  await checkWhole(store);
  const { bytes = 0 } = await store.size(signal);
  const sealedBytes = bytes / (steps * valuesAStep);
  say(`sealed: ${sealedBytes.toFixed(2)} bytes a value, all of the file (goal 4)`);
  return { sealedBytes };
}

/** Few bytes are worth nothing when rows are missing. */
async function checkWhole(store: Store): Promise<void> {
  const day = { measurement: "rack_phase", from: start, to: start + 2 * 86_400_000 };
  const [all] = await store.query({ ...day, fields: ["q"], aggregate: "count" }, signal);
  const rows = all?.rows[0]?.counts["q"];
  if (rows !== steps * meters * 3) throw new Error(`the store holds ${rows} rows`);
}

/** Waits until the log is empty and every partition settled. */
async function sealed(path: string): Promise<void> {
  using database = new DatabaseSync(path, { readOnly: true });
  const left = database.prepare(
    `SELECT (SELECT count(*) FROM log) + (SELECT count(*) FROM partition WHERE settle_at <= ${now})
     AS n`,
  );
  while (left.get()?.["n"] !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What is not sealed: its bytes, how long a file full of it takes to open, and to seal. */
async function alone(folder: string): Promise<Record<string, number>> {
  const path = join(folder, "alone.sqlite");
  const source = new Meters(meters);
  const held = 2 ** 30;
  now = start;
  let values = 0;
  let hotBytes = 0;
  {
    const tuning = { headBytes: held };
    await using store = await openSqlite(optionsOf(path), platform, { tuning });
    // As much as the head holds by default.
    while (values < 4_500_000) {
      await store.write(source.read(stepsACall), signal);
      values += stepsACall * valuesAStep;
    }
    hotBytes = ((await store.size(signal)).bytes ?? 0) / values;
  }
  const begin = performance.now();
  {
    await using _store = await openSqlite(optionsOf(path), platform, {
      tuning: { headBytes: held },
    });
  }
  const openMs = Math.round(performance.now() - begin);
  // A write seals when it finds the head full: what is measured is all the rest.
  await using store = await openSqlite(optionsOf(path), platform, { tuning: { headBytes: 1 } });
  const sealing = performance.now();
  await store.write(source.read(1), signal);
  await sealed(path);
  const sealRate = values / ((performance.now() - sealing) / 1000);
  say(`not sealed: ${hotBytes.toFixed(1)} bytes a value; sealing ${shown(sealRate)} values/s`);
  say(`opening with ${shown(values)} values in the log: ${openMs} ms`);
  return { hotBytes, sealRate, openMs };
}

/** Bytes a value of what compresses badly: one series of ten fields, sealed and settled. */
async function sealedBytesOf(path: string, value: () => number): Promise<number> {
  now = start;
  await using store = await openSqlite(optionsOf(path), platform);
  const measurement = "rack_phase";
  let values = 0;
  for (let call = 0; call < 40; call += 1) {
    const lines = Array.from({ length: 1000 }, (_, i): Line => {
      const fields = Object.fromEntries(
        Array.from({ length: fieldsALine }, (_, field) => [`x_${field}`, value()]),
      );
      const time = start + (call * 1000 + i) * stepMs;
      return { measurement, tags: { device: "d" }, fields, time };
    });
    await store.write(lines, signal);
    values += lines.length * fieldsALine;
  }
  now = start + 5 * 86_400_000;
  const fields = { x_0: 1 };
  await store.write([{ measurement, tags: { device: "d" }, fields, time: now }], signal);
  await sealed(path);
  return ((await store.size(signal)).bytes ?? 0) / values;
}

async function badCases(folder: string): Promise<Record<string, number>> {
  const floatBytes = await sealedBytesOf(join(folder, "floats.sqlite"), randomFloat);
  const worstBytes = await sealedBytesOf(join(folder, "worst.sqlite"), Math.random);
  say(`sealed, 32-bit floats whose last digits are noise: ${floatBytes.toFixed(2)} bytes a value`);
  say(`sealed, random doubles: ${worstBytes.toFixed(2)} bytes a value`);
  return { floatBytes, worstBytes };
}

/** A register of 32 bits as the modbus driver reads it: the shortest decimal that is it. */
function randomFloat(): number {
  return Number(Math.fround(230 + Math.random()).toPrecision(7));
}
