/**
 * Rolling up on the embedded store, ours only: the CPU time that roll-ups take of one core at
 * 6,000 points (lines of ten fields) a second, and how long a day of 40 meters takes that comes
 * late. Rows are written first, while the clock says that no window is over; what is measured
 * comes after.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v } from "../config/index.ts";
import { openRollups, openStore, storeOptions } from "../store/index.ts";
import type { Line } from "../telemetry/index.ts";
import { rollupNames } from "../telemetry/index.ts";
import { MemoryDisk } from "../test/virtual.ts";
import { realPlatform } from "../test/store/rig.ts";

const start = Date.UTC(2026, 0, 10);
const hour = 3_600_000;
const linesAWrite = 5000;
const signal = new AbortController().signal;

interface Load {
  readonly devices: number;
  readonly channels: number;
  /** Between two rows of a series. @unit ms */
  readonly interval: number;
  /** @unit ms */
  readonly span: number;
}

interface Cost {
  readonly points: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly rows: number;
  /** Longest wait of a small write meanwhile. @unit ms */
  readonly longestWrite: number;
}

function say(text: string): void {
  process.stderr.write(`rollups: ${text}\n`);
}

function* linesOf({ devices, channels, interval, span }: Load): Generator<Line> {
  const tags = Array.from({ length: devices * channels }, (_, i) => ({
    region: "local",
    org: "main",
    site: "hall",
    device: `meter-${i % devices}`,
    phase: `L${Math.floor(i / devices)}`,
  }));
  for (let time = 0; time < span; time += interval) {
    for (const [i, own] of tags.entries()) yield lineOf(own, start + time, i + time / interval);
  }
}

function lineOf(tags: Line["tags"], time: number, at: number): Line {
  const fields = {
    voltage_v: 230 + (at % 50) / 10,
    current_a: (at % 1600) / 100,
    active_power_w: (at % 36_800) / 10,
    apparent_power_va: (at % 37_000) / 10,
    reactive_power_var: (at % 900) / 10,
    power_factor_ratio: (at % 100) / 100,
    voltage_ll_v: 398 + (at % 40) / 10,
    thd_v_pct: (at % 50) / 10,
    thd_i_pct: (at % 60) / 10,
    energy_wh_total: 1_000_000 + Math.floor((time - start) / 100),
    q: 0,
  };
  return { measurement: "rack_phase", tags, fields, time };
}

async function costOf(load: Load): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  let ahead = start - Date.now() - hour;
  const platform = realPlatform([], () => Date.now() + ahead);
  try {
    const path = join(folder, "store.sqlite");
    const engine = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    await using store = await openStore(engine, platform);
    const options = { windows: rollupNames, settle: 0, except: [] };
    await using rollups = await openRollups({ store, disk: new MemoryDisk(), options }, platform);
    let points = 0;
    let batch: Line[] = [];
    for (const line of linesOf(load)) {
      batch.push(line);
      if (batch.length < linesAWrite) continue;
      await rollups.store.write(batch, signal);
      points += batch.length;
      batch = [];
    }
    await rollups.store.write(batch, signal);
    points += batch.length;
    // No window is over while rows are written, all of them are now.
    ahead = start - Date.now() + load.span + 2000;
    const cpu = process.cpuUsage();
    const began = performance.now();
    let longestWrite = 0;
    while (rollups.counts.rows === 0 || rollups.counts.lag > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const asked = performance.now();
      // Straight into the store: it is not to be rolled up.
      await store.write([lineOf({ device: "probe" }, start - hour, 1)], signal);
      longestWrite = Math.max(longestWrite, performance.now() - asked);
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      points,
      cpuSeconds: (user + system) / 1e6,
      wallSeconds: (performance.now() - began) / 1000,
      rows: rollups.counts.rows,
      longestWrite,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function shown({ points, cpuSeconds, wallSeconds, rows, longestWrite }: Cost): string {
  return (
    `${points} points into ${rows} rows: ${cpuSeconds.toFixed(1)} s of CPU, ` +
    `${wallSeconds.toFixed(1)} s, a write waited ${longestWrite.toFixed(0)} ms at most`
  );
}

export async function run(): Promise<unknown> {
  const live: Load = { devices: 40, channels: 30, interval: 200, span: 60_000 };
  const liveCost = await costOf(live);
  say(`6,000 points/s for ${live.span / 1000} s: ${shown(liveCost)}`);
  const late: Load = { devices: 40, channels: 1, interval: 5000, span: 24 * hour };
  const lateCost = await costOf(late);
  say(`a day of 40 meters: ${shown(lateCost)}`);
  return {
    bench: "rollups",
    ours: liveCost.cpuSeconds / (live.span / 1000),
    peer: null,
    ratio: null,
    unit: "share of one core at 6,000 points/s",
    goal: null,
    live: liveCost,
    late: lateCost,
  };
}
