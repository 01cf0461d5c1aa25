/**
 * Writing to the same influxd: our writer against the `influx` package's `writePoints`, lines of
 * ten fields, 5,000 lines a call, one call at a time. On one machine influxd itself is the limit
 * of both, so the ratio is of what a writer costs: values a second of its own CPU time. Values a
 * second by the wall clock are printed beside it. Rounds alternate and the best of each counts,
 * because other programs share the machine. The embedded store is measured, too.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FieldType, InfluxDB } from "influx";
import { v } from "../config/index.ts";
import type { Store } from "../store/index.ts";
import { openStore, storeOptions, toLineProtocol } from "../store/index.ts";
import type { Line } from "../telemetry/index.ts";
import { startInfluxd } from "../test/peers/influxd.ts";
import { realPlatform } from "../test/store/rig.ts";

export interface BenchResult {
  readonly bench: string;
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly unit: string;
  readonly goal: number;
}

const linesACall = 5_000;
const fieldsALine = 10;
const callsARound = 8;
const rounds = 5;
const signal = new AbortController().signal;

const platform = realPlatform();

function say(text: string): void {
  process.stderr.write(`store: ${text}\n`);
}

/** Measures; the rate is values (fields) a second. */
export async function run(): Promise<BenchResult> {
  measureText();
  await measureSqlite();
  await using influxd = await startInfluxd();
  await using store = await openStore(
    {
      engine: "influxdb1",
      url: influxd.url,
      database: "ours",
      gzip: false,
      create: true,
      timeout: 60_000,
    },
    platform,
  );
  const peer = await peerOf(influxd.url);
  let ours = slowest;
  let theirs = slowest;
  for (let round = 0; round <= rounds; round += 1) {
    const calls = Array.from({ length: callsARound }, (_, call) => linesOf(round, call));
    // The package's form of a point, made outside what is measured.
    const points = calls.map((lines) => lines.map((line) => ({ ...line, timestamp: line.time })));
    const rate = await rateOf(calls, (lines) => store.write(lines, signal));
    const peerRate = await rateOf(points, peer);
    // The first round warms both up.
    if (round === 0) continue;
    say(`round ${round}: ours ${shown(rate)}; influx ${shown(peerRate)}`);
    ours = faster(ours, rate);
    theirs = faster(theirs, peerRate);
  }
  say(`best: ours ${shown(ours)}; influx ${shown(theirs)}`);
  return {
    bench: "store",
    ours: ours.cpu,
    peer: theirs.cpu,
    ratio: ours.cpu / theirs.cpu,
    unit: "values per second of the writer's CPU",
    goal: 1.5,
  };
}

/** Values a second. */
interface Rate {
  /** By the wall clock. */
  readonly wall: number;
  /** By the CPU time of this process. */
  readonly cpu: number;
}

const slowest: Rate = { wall: 0, cpu: 0 };

function faster(a: Rate, b: Rate): Rate {
  return { wall: Math.max(a.wall, b.wall), cpu: Math.max(a.cpu, b.cpu) };
}

function shown({ wall, cpu }: Rate): string {
  const [byWall, byCpu] = [wall, cpu].map((rate) => Math.round(rate).toLocaleString("en"));
  return `${byWall} values/s, ${byCpu} per CPU second`;
}

async function rateOf<T>(
  calls: readonly T[],
  write: (lines: T) => Promise<unknown>,
): Promise<Rate> {
  const start = performance.now();
  const startCpu = process.cpuUsage();
  for (const lines of calls) await write(lines);
  const { user, system } = process.cpuUsage(startCpu);
  const values = calls.length * linesACall * fieldsALine;
  const seconds = (performance.now() - start) / 1000;
  return { wall: values / seconds, cpu: (values / (user + system)) * 1e6 };
}

/** The package's own way: points as objects, types by schema, its serializer and transport. */
async function peerOf(url: string): Promise<(points: PeerPoint[]) => Promise<void>> {
  const { hostname, port } = new URL(url);
  const { FLOAT, INTEGER } = FieldType;
  const influx = new InfluxDB({
    host: hostname,
    port: Number(port),
    database: "theirs",
    schema: [
      {
        measurement: "rack_phase",
        tags: ["region", "org", "site", "zone", "rack", "device", "phase"],
        fields: {
          voltage_v: FLOAT,
          current_a: FLOAT,
          active_power_w: FLOAT,
          apparent_power_va: FLOAT,
          reactive_power_var: FLOAT,
          power_factor_ratio: FLOAT,
          voltage_ll_v: FLOAT,
          thd_v_pct: FLOAT,
          energy_wh_total: INTEGER,
          q: INTEGER,
        },
      },
    ],
  });
  await influx.createDatabase("theirs");
  return (points) => influx.writePoints(points, { precision: "ms" });
}

interface PeerPoint {
  readonly measurement: string;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, unknown>;
  readonly timestamp: number;
}

/** 600 series, a new time for each call: what a hub with 200 three-phase devices sees. */
function linesOf(round: number, call: number): Line[] {
  return Array.from({ length: linesACall }, (_, i): Line => {
    const rack = `r${i % 200}`;
    const at = ((round * callsARound + call) * linesACall + i) * 7;
    return {
      measurement: "rack_phase",
      tags: {
        region: "local",
        org: "main",
        site: "hall",
        zone: "z1",
        rack,
        device: `pdu-${rack}`,
        phase: `L${(i % 3) + 1}`,
      },
      fields: {
        voltage_v: 230 + (at % 50) / 10,
        current_a: (at % 1600) / 100,
        active_power_w: (at % 36_800) / 10,
        apparent_power_va: (at % 37_000) / 10,
        reactive_power_var: (at % 900) / 10,
        power_factor_ratio: (at % 100) / 100,
        voltage_ll_v: 398 + (at % 40) / 10,
        thd_v_pct: (at % 50) / 10,
        energy_wh_total: 1_000_000 + at,
        q: 0,
      },
      time: Date.UTC(2026, 0, 1) + at,
    };
  });
}

function measureText(): void {
  let best = Number.POSITIVE_INFINITY;
  const lines = linesOf(0, 0);
  for (let round = 0; round < 20; round += 1) {
    const start = performance.now();
    Buffer.from(toLineProtocol(lines).text);
    best = Math.min(best, performance.now() - start);
  }
  const each = (best * 1000) / (linesACall * fieldsALine);
  say(`line protocol: ${each.toFixed(3)} µs a value (goal 0.3)`);
}

async function measureSqlite(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const path = join(folder, "store.sqlite");
    const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    await using store = await openStore(options, platform);
    await writeSqlite(store);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeSqlite(store: Store): Promise<void> {
  let best = slowest;
  for (let round = 0; round < rounds; round += 1) {
    const calls = Array.from({ length: callsARound }, (_, call) => linesOf(round, call));
    best = faster(best, await rateOf(calls, (lines) => store.write(lines, signal)));
  }
  const { bytes } = await store.size(signal);
  const values = rounds * callsARound * linesACall * fieldsALine;
  say(`sqlite: ${shown(best)}, ${((bytes ?? 0) / values).toFixed(1)} bytes a value`);
  const { time: from = 0 } = linesOf(0, 0)[0] ?? {};
  const start = performance.now();
  const query = { measurement: "rack_phase", fields: ["active_power_w"], from, to: from + 864e5 };
  const where = { device: "pdu-r7" };
  await store.query({ ...query, aggregate: "mean", every: 60_000, where }, signal);
  const took = performance.now() - start;
  say(`sqlite: one device's minute means out of ${values} values: ${took.toFixed(0)} ms`);
}
