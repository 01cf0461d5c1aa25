/**
 * Bench: 2,048 accelerators behind 256 exporters, twelve fields each, every 5 s for a minute,
 * through the built agent and hub to the embedded store. `offered` is what the exporters
 * gave, page by page. What of it does not rest in the store at the end is lost.
 * Beside it: CPU and memory of the agent, what energy is worth when it is counted and when it is
 * integrated (`accelerators-energy.ts`), and what one large page costs (`accelerators-parse.ts`).
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v } from "../config/index.ts";
import { isRecord } from "../telemetry/index.ts";
import { freePort } from "../test/ports.ts";
import { startRackstreet } from "../test/rackstreet.ts";
import { builtBinary } from "../test/setup/build.ts";
import { energyErrors } from "./accelerators-energy.ts";
import { fieldsMapped } from "./accelerators-pages.ts";
import { parseTimes } from "./accelerators-parse.ts";
import { cpuOf, loadNow, rounded, startHere } from "./processes.ts";

const exporters = 256;
const cards = 8;
/** @unit s */
const [interval, beats, slack] = [5, 12, 2];
/** The first beat is at once, so that the last begins `slack` before the end. */
const runTime = interval * (beats - 1) + slack;

function say(text: string): void {
  process.stderr.write(`accelerators: ${text}\n`);
}

export async function run(): Promise<unknown> {
  const binary = await builtBinary();
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-accelerators-"));
  try {
    const parse = await parseTimes();
    say(`one page: ${JSON.stringify(parse)}`);
    const energy = await energyErrors();
    say(`energy: ${JSON.stringify(energy)}`);
    const chain = await measure(binary, folder);
    return {
      bench: "accelerators",
      ours: chain.lost,
      peer: null,
      ratio: rounded(chain.lost / chain.offered),
      unit: "readings lost of those offered",
      goal: 0,
      shape: `${exporters} exporters of ${cards} cards, ${fieldsMapped} fields, each ${interval} s`,
      ...chain,
      energy_error: energy,
      page: parse,
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(binary: string, folder: string) {
  using world = startHere("accelerators-exporters.ts", [`${exporters}`, `${cards}`]);
  const ports = v.parse(v.array(v.number()), JSON.parse(await world.line()));
  const file = await configFile(folder, ports);
  await using hub = startRackstreet(["hub", file, "--json"], [binary]);
  await hub.logged("hub started");
  await using agent = startRackstreet(["agent", file, "--json", "--for", `${runTime}s`], [binary]);
  const started = performance.now();
  const usage = { cpu: 0, memory: 0 };
  while (performance.now() - started < (runTime - 0.5) * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    usage.cpu = cpuOf(agent.pid);
    usage.memory = Math.max(usage.memory, await residentOf(agent.pid));
  }
  const seconds = (performance.now() - started) / 1000;
  await agent.ended();
  const ledger: unknown = JSON.parse(agent.stdout().trim().split("\n").at(-1) ?? "{}");
  if (!isRecord(ledger)) throw new Error("the agent printed no ledger");
  const answer = await fetch(`http://127.0.0.1:${ports[0]}/served`);
  const offered = Number(await answer.text());
  const stored = await storedOf(binary, file);
  say(`ledger ${JSON.stringify(ledger)}, stored ${stored.readings}, load ${loadNow()}`);
  return {
    offered,
    lost: Math.max(0, offered - stored.readings),
    points: stored.readings * cards,
    values: stored.readings * cards * fieldsMapped,
    queued: Number(ledger["queued"]),
    agent_cpu_pct: rounded((100 * usage.cpu) / seconds),
    agent_cpu_ms_a_page: rounded((1000 * usage.cpu) / stored.readings),
    agent_memory_mib: Math.round(usage.memory),
  };
}

async function configFile(folder: string, ports: readonly number[]): Promise<string> {
  const port = await freePort();
  const device = { profile: "dcgm-exporter", interval: `${interval}s` };
  const config = {
    site: "bench",
    log: "info",
    agent: { data: join(folder, "agent"), uplink: { url: `mqtt://127.0.0.1:${port}` } },
    hub: { data: join(folder, "hub") },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "sqlite", path: join(folder, "store.sqlite") },
    devices: Object.fromEntries(
      ports.map((exporter, n) => [
        `node-${n}`,
        { ...device, rack: `r${n >> 2}`, url: `http://127.0.0.1:${exporter}` },
      ]),
    ),
  };
  const file = join(folder, "bench.json");
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** What rests in the store: whole readings, by the field that came least often. */
async function storedOf(binary: string, file: string): Promise<{ readonly readings: number }> {
  const args = ["query", "accelerator", "-c", file, "--aggregate", "count", "--by", "device"];
  await using query = startRackstreet([...args, "--json"], [binary]);
  await query.ended();
  const series = v.parse(counted, JSON.parse(query.stdout()));
  const counts = series.flatMap(({ rows }) => rows.map((row) => Object.values(row.counts)));
  return { readings: counts.reduce((sum, row) => sum + Math.min(...row) / cards, 0) };
}

const counted = v.array(
  v.object({ rows: v.array(v.object({ counts: v.record(v.string(), v.number()) })) }),
);

/** Resident memory of a process. @unit MiB */
async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
