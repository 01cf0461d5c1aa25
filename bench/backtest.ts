/**
 * Bench: days a second of `rackstreet rules backtest` on the embedded store: 60 racks that send an
 * inlet temperature every 30 s for a week (1.2 million rows), sealed as they rest in a hub. Judged
 * are four rules on live points, one of them over all inlets of a row, and one on silence;
 * then the same with a rule that asks the store every five minutes. No peer: promtool fills in
 * recording rules of the past, but no alerts. Neighbours disturb the rate: CPU (of both threads)
 * per million rows is the steadier figure. Medians of `rounds`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExpectedDevice, Rule } from "../alerts/index.ts";
import { backtest, ruleOptions } from "../alerts/index.ts";
import { v } from "../config/index.ts";
import type { Store } from "../store/index.ts";
import { openStore, storeOptions } from "../store/index.ts";
import type { Line } from "../telemetry/index.ts";
import { silentLog } from "../test/virtual.ts";
import { realPlatform } from "../test/store/rig.ts";
import { loadNow, median, rounded } from "./processes.ts";

const rounds = 3;
const devices = 60;
const racksARow = 10;
const interval = 30_000;
const day = 86_400_000;
const days = 7;
const start = Date.UTC(2026, 0, 10);
const linesAWrite = 6000;
const { signal } = new AbortController();

const thermal = { about: "x", measurement: "thermal" };
const field = { ...thermal, field: "temp_c" };

const arriving = rulesOf({
  hot: { ...field, above: 27, clear: 26, for: "3m", keep: "2m" },
  "very-hot": { ...field, above: 32, severity: "critical" },
  cold: { ...field, below: 18, for: "5m", where: { sensor: "inlet" } },
  "row-hot": { ...field, above: 30, by: ["zone"] },
  silent: { ...thermal, absent: "5m", keep: "90s" },
});

const asking = rulesOf({
  "mean-hot": { ...field, on: "stored", above: 26.5, window: "15m", every: "5m" },
});

const tags = Array.from({ length: devices }, (_, n) => ({
  region: "local",
  org: "main",
  site: "hall",
  zone: `row-${Math.floor(n / racksARow)}`,
  rack: `r${n}`,
  device: `rack-${n}`,
  sensor: "inlet",
}));

const site = { region: "local", org: "main", site: "hall" };
const expected: readonly ExpectedDevice[] = tags.map(({ zone, rack, device }) => ({
  address: { ...site, class: "thermal", device },
  place: { zone, rack },
  measurements: ["thermal"],
}));

interface Round {
  readonly rows: number;
  readonly alerts: number;
  /** @unit s */
  readonly wall: number;
  /** @unit s */
  readonly cpu: number;
}

export async function run(): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const path = join(folder, "store.sqlite");
    await fill(path);
    const live = await measure(path, arriving);
    const stored = await measure(path, { ...arriving, ...asking });
    return {
      bench: "backtest",
      ours: live.days_per_s,
      peer: null,
      ratio: null,
      unit: "days/s",
      goal: 5,
      devices,
      ...live,
      with_stored_rule: stored,
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function rulesOf(rules: Readonly<Record<string, object>>): Record<string, Rule> {
  const parsed = Object.entries(rules).map(([id, rule]) => [id, v.parse(ruleOptions, rule)]);
  return Object.fromEntries(parsed);
}

/** The wall clock of the store goes with the rows, so that it seals them as it does in a hub. */
let now = start;

async function open(path: string): Promise<Store> {
  const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
  return await openStore(
    options,
    realPlatform([], () => now),
  );
}

async function fill(path: string): Promise<void> {
  await using store = await open(path);
  let lines: Line[] = [];
  for (let time = start; time < start + days * day; time += interval) {
    now = time;
    for (let n = 0; n < devices; n += 1) lines.push(lineOf(n, time));
    if (lines.length < linesAWrite) continue;
    await store.write(lines, signal);
    lines = [];
  }
  await store.write(lines, signal);
}

/** A day's wave of its own, steps of a tenth and a peak now and then; one in 500 is missing. */
function lineOf(n: number, time: number): Line {
  const at = (time - start) / interval;
  const noise = ((at * 7919 + n * 104_729) % 997) / 997;
  const wave = 3 * Math.sin((2 * Math.PI * (time - n * 600_000)) / day);
  const peak = Math.floor(at / 60 + n) % 97 === 0 ? 8 : 0;
  const temperature = Math.round(10 * (23 + wave + noise + peak)) / 10;
  // Devices answer one after the other, a hundredth of a second apart.
  const fields = { temp_c: temperature, q: (at * 31 + n) % 500 === 0 ? 2 : 0 };
  return { measurement: "thermal", tags: tags[n] ?? {}, fields, time: time + n * 10 };
}

async function measure(path: string, rules: Readonly<Record<string, Rule>>) {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const one = await once(path, rules);
    const { rows, wall, cpu, alerts } = one;
    all.push(one);
    process.stderr.write(
      `backtest: ${Object.keys(rules).length} rules, ${rows} rows, ${alerts} alerts: ` +
        `${wall.toFixed(1)} s, CPU ${cpu.toFixed(1)} s, load ${loadNow()}\n`,
    );
  }
  const wall = median(all.map((one) => one.wall));
  const [{ rows, alerts } = { rows: 0, alerts: 0 }] = all;
  return {
    days_per_s: rounded(days / wall),
    rows_per_s: Math.round(rows / wall),
    cpu_s_per_million_rows: rounded(median(all.map(({ cpu }) => cpu)) / (rows / 1e6)),
    rows,
    alerts,
    rules: Object.keys(rules).length,
  };
}

async function once(path: string, rules: Readonly<Record<string, Rule>>): Promise<Round> {
  await using store = await open(path);
  const hub = { ...site, class: "hub", device: "hub" };
  const stretch = { from: start, to: start + days * day };
  const before = process.cpuUsage();
  const began = performance.now();
  const setup = { rules, expected, hub, store, stretch, log: silentLog };
  const { rows, episodes } = await backtest(setup, signal);
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - began) / 1000;
  return { rows, alerts: episodes.length, wall, cpu: (user + system) / 1e6 };
}
