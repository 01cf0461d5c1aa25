/**
 * The whole chain, ours only: sim devices → spool → MQTT → broker → ingest → store. How many
 * points (lines of ten fields) a second it sustains with agent and hub in one process and in two,
 * the CPU time of a million points and the store's share of it, resident memory, and the time from
 * the start of the binary to the first stored point. A rate is sustained when all that was planned
 * was read and stored, with nothing left queued at the end. Uses dist/rackstreet.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../telemetry/index.ts";
import type { Rackstreet } from "../test/rackstreet.ts";
import { freePort } from "../test/ports.ts";
import { startRackstreet } from "../test/rackstreet.ts";
import { builtBinary } from "../test/setup/build.ts";
import { shapes } from "./chain-points.ts";

const fields = shapes.wide;
const devices = 40;
const channels = 30;
const runTime = 10;
/** Points a second that are tried, in this order, until one is not sustained. */
const rates = [6_000, 12_000, 24_000, 36_000, 48_000, 60_000, 75_000, 90_000];
/** Linux counts CPU time in ticks of 10 ms. */
const ticksPerSecond = 100;

interface Run {
  readonly sustained: boolean;
  readonly points: number;
  readonly perSecond: number;
  readonly cpuPerMillion: number;
  readonly storeShare: number;
  readonly memory: Readonly<Record<string, number>>;
}

interface Usage {
  readonly cpu: number;
  readonly store: number;
  readonly rss: number;
}

function say(text: string): void {
  process.stderr.write(`chain-alone: ${text}\n`);
}

function cpuOf(stat: string): number {
  const values = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(values[11]) + Number(values[12])) / ticksPerSecond;
}

/** CPU seconds of a process and of its store's thread, and its resident memory in MiB. */
function usageOf(pid: number): Usage {
  const cpu = cpuOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
  let store = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const name = readFileSync(`/proc/${pid}/task/${task}/comm`, "utf8").trim();
    if (name.startsWith("sqlite"))
      store += cpuOf(readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8"));
  }
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return { cpu, store, rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024 };
}

async function configFile(folder: string, rate: number): Promise<string> {
  const port = await freePort();
  const interval = Math.round((1000 * devices * channels) / rate);
  const device = { driver: "sim", measurement: "rack_phase", points: channels, fields };
  const config = {
    site: "bench",
    log: "warn",
    agent: { data: join(folder, "agent"), uplink: { url: `mqtt://127.0.0.1:${port}` } },
    hub: { data: join(folder, "hub") },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "sqlite", path: join(folder, "store.sqlite") },
    devices: Object.fromEntries(
      Array.from({ length: devices }, (_, seed) => [
        `d${seed}`,
        { ...device, seed, interval: `${interval}ms` },
      ]),
    ),
  };
  const file = join(folder, "bench.json");
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** Runs the chain at a rate; `parts` are the roles, one process each. */
async function runAt(binary: string, roles: readonly string[], rate: number): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-chain-"));
  try {
    const file = await configFile(folder, rate);
    const started = roles.map((role) => ({
      role,
      process: startRackstreet([role, file, "--json", ...stopOf(role)], [binary]),
    }));
    await new Promise((resolve) => setTimeout(resolve, runTime * 1000));
    const usage = started.map(({ role, process }) => [role, usageOf(process.pid)] as const);
    const feeder = started.at(-1)?.process;
    await feeder?.ended();
    const ledger = feeder === undefined ? {} : lastJson(feeder);
    for (const { process } of started) await process.end("SIGTERM");
    return summary(ledger, usage, rate);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The reading side stops by itself; the hub goes on until it is told. */
function stopOf(role: string): readonly string[] {
  return role === "hub" ? [] : ["--for", `${runTime}s`];
}

function lastJson(process: Rackstreet): Record<string, unknown> {
  const value: unknown = JSON.parse(process.stdout().trim().split("\n").at(-1) ?? "{}");
  return isRecord(value) ? value : {};
}

function summary(
  ledger: Record<string, unknown>,
  usage: readonly (readonly [string, Usage])[],
  rate: number,
): Run {
  const points = Number(ledger["stored"]) * channels;
  const planned = rate * runTime;
  const cpu = usage.reduce((sum, [, one]) => sum + one.cpu, 0);
  const store = usage.reduce((sum, [, one]) => sum + one.store, 0);
  return {
    sustained: points >= 0.9 * planned && Number(ledger["queued"]) === 0,
    points,
    perSecond: points / runTime,
    cpuPerMillion: (cpu / points) * 1e6,
    storeShare: store / cpu,
    memory: Object.fromEntries(usage.map(([role, { rss }]) => [role, Math.round(rss)])),
  };
}

async function best(binary: string, roles: readonly string[]): Promise<Run> {
  let found: Run | undefined;
  for (const rate of rates) {
    const run = await runAt(binary, roles, rate);
    const cpu = run.cpuPerMillion.toFixed(1);
    const share = (100 * run.storeShare).toFixed(0);
    const memory = JSON.stringify(run.memory);
    say(
      `${roles.join("+")} asked ${rate}/s: stored ${run.perSecond.toFixed(0)}/s, ` +
        `${cpu} CPU s per million points, store ${share} %, MiB ${memory}` +
        (run.sustained ? "" : ", not sustained"),
    );
    if (!run.sustained) break;
    found = run;
  }
  if (found === undefined) throw new Error("not even the lowest rate was sustained");
  return found;
}

/** From the start of the binary to the first batch that rests in the store. @unit ms */
async function startTime(binary: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-chain-"));
  try {
    const file = await configFile(folder, 600);
    const text = readFileSync(file, "utf8").replace('"log":"warn"', '"log":"info"');
    await writeFile(file, text);
    const started = performance.now();
    await using site = startRackstreet(["up", file, "--json"], [binary]);
    await site.logged("first batch stored");
    return performance.now() - started;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function run(): Promise<unknown> {
  const binary = await builtBinary();
  const starts: number[] = [];
  for (let round = 0; round < 5; round += 1) starts.push(await startTime(binary));
  const start = Math.round(starts.toSorted((a, b) => a - b)[2] ?? 0);
  say(`start to first stored point: ${starts.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  const one = await best(binary, ["up"]);
  const two = await best(binary, ["hub", "agent"]);
  return {
    bench: "chain-alone",
    ours: Math.round(one.perSecond),
    peer: null,
    ratio: null,
    unit: `points/s (${fields.length} fields each), one process`,
    goal: null,
    oneProcess: one,
    twoProcesses: two,
    startToFirstStoredMs: start,
  };
}
