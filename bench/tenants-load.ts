/**
 * Bench: 5,532 agents of 1,014 organisations, each a user with its own connection and rights,
 * publish a batch of a rack PDU at QoS 1, retained, once in 5 s and then once a second; one
 * subscriber hears all. Our broker as an executable that stores nothing, against Mosquitto with a
 * file of passwords and one of rights. All on both cores and before all other programs: V8 that
 * has to share one core with its own helpers spends as much again on waiting for them.
 *
 * Told of each rate: loss (acknowledged and never heard), milliseconds from the publisher's write
 * to the subscriber, the broker's memory and its share of a core; `ramp`: seconds until all had
 * logged in, 64 at a time. Passwords are compared as random ones are (SHA-256 here, PBKDF2 of 101
 * rounds there).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v } from "../config/index.ts";
import type { Broker, Memory } from "./peer-brokers.ts";
import { buildOurs, memoryOf, needFiles, startOurs, startTheirs } from "./peer-brokers.ts";
import { cpuOf, hasten, loadNow, rounded, startHere } from "./processes.ts";
import { organisations, places, publishers, reader } from "./tenants-places.ts";

const seconds = 30;
const intervals = [5000, 1000] as const;

const rampLine = v.object({ ramp: v.number(), connections: v.number(), size: v.number() });
const heardLine = v.object({
  sent: v.number(),
  acknowledged: v.number(),
  heard: v.number(),
  lost: v.number(),
  twice: v.number(),
  cut: v.number(),
  p50: v.number(),
  p99: v.number(),
  max: v.number(),
});

interface Rate extends v.InferOutput<typeof heardLine> {
  /** Share of a core. */
  readonly cpu: number;
  readonly memory: Memory;
}

interface Side {
  readonly start: Memory;
  /** Until all had logged in. @unit s */
  readonly ramp: number;
  readonly idle: Memory;
  /** Of a payload. @unit bytes */
  readonly size: number;
  readonly rates: Readonly<Record<string, Rate>>;
}

/** Runs the bench. @throws E_TOOL_MISSING, E_CONFIG */
export async function run(): Promise<unknown> {
  needFiles(publishers + 100);
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  const users = [
    ...places().map(({ user, password, region, org, site }) => ({
      user,
      password,
      site: `${region}/${org}/${site}`,
    })),
    reader,
  ];
  try {
    const executable = await buildOurs(folder);
    const ours = await measure(await startOurs(executable, folder, users));
    const peer = await measure(await startTheirs(folder, users));
    const [own = Number.NaN, other = Number.NaN] = [ours, peer].map((side) => p99Of(side));
    return {
      bench: "tenants-load",
      ours: own,
      peer: other,
      ratio: rounded(own / other),
      unit: "ms p99 at one message a second of each",
      goal: 20,
      publishers,
      organisations,
      lost: [ours, peer].map(({ rates }) => Object.values(rates).map(({ lost }) => lost)),
      details: { ours, peer },
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function say(text: string): void {
  process.stderr.write(`tenants-load: ${text}\n`);
}

function p99Of({ rates }: Side): number {
  return rates["1 s"]?.p99 ?? Number.NaN;
}

async function measure(started: Broker): Promise<Side> {
  using broker = started;
  const { pid, port } = broker;
  const start = memoryOf(pid);
  using load = startHere("tenants-clients.ts", [port, seconds, ...intervals].map(String));
  // Neither takes all of a core; without this the wait for one is what is measured.
  hasten(pid, load.pid);
  const { ramp, size } = v.parse(rampLine, JSON.parse(await load.line()));
  const idle = memoryOf(pid);
  say(`all are in after ${ramp.toFixed(1)} s, ${idle.rss} MB`);
  const rates: Record<string, Rate> = {};
  for (const interval of intervals) {
    await load.line();
    const before = cpuOf(pid);
    await load.line();
    const cpu = rounded((cpuOf(pid) - before) / seconds);
    const memory = memoryOf(pid);
    const { p50, p99, max, ...counts } = v.parse(heardLine, JSON.parse(await load.line()));
    const delays = { p50: rounded(p50), p99: rounded(p99), max: rounded(max) };
    rates[`${interval / 1000} s`] = { ...counts, ...delays, cpu, memory };
    say(`every ${interval / 1000} s: ${counts.lost} lost, p99 ${delays.p99} ms, ${memory.rss} MB`);
  }
  return { start, ramp: rounded(ramp), idle, size, rates };
}
