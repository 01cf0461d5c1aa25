/**
 * Bench: how long it takes from a sensor's breach to the alert on MQTT, with 5,000 devices that
 * send every 5 s at QoS 1 (`alert-latency-load.ts`). Ours: the built hub with its embedded store,
 * its roll-ups and eight rules, of which one fires at once. The peer is the floor: Mosquitto and a
 * script with that one limit (`alert-latency-peer.ts`), which neither stores nor remembers. Both
 * run before all others where that is allowed, started anew for each round; rounds alternate,
 * medians count. `storm`: every fifth device breaches within 5 s.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../telemetry/index.ts";
import { freePort } from "../test/ports.ts";
import { startRackstreet } from "../test/rackstreet.ts";
import { builtBinary } from "../test/setup/build.ts";
import { cpuOf, hasten, loadNow, median, rounded, startHere, startMosquitto } from "./processes.ts";

const rounds = 3;
const seconds = 25;

const thermal = { about: "x", measurement: "thermal", field: "temp_c" };
const rules = {
  "very-hot": { ...thermal, above: 40, clear: 38, severity: "critical" },
  hot: { ...thermal, above: 27, clear: 26, for: "2m", keep: "1m" },
  cold: { ...thermal, below: 15, for: "5m" },
  humid: { ...thermal, field: "rh_pct", above: 80, for: "10m" },
  dry: { ...thermal, field: "rh_pct", below: 20, for: "10m" },
  "row-hot": { ...thermal, above: 30, by: ["zone"], for: "2m" },
  "mean-hot": { ...thermal, on: "stored", above: 26.5, by: ["zone"], every: "30s" },
  silent: { about: "x", measurement: "thermal", absent: "60s" },
};

interface Part {
  readonly asked: number;
  readonly heard: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

interface Round {
  readonly calm: Part;
  readonly storm: Part;
  /** Beats of the load that went out more than 100 ms late. */
  readonly late: number;
  /** Of the hub, or of Mosquitto and the script, over the whole round. @unit s */
  readonly cpu: number;
}

/** Measures both. @throws E_TOOL_MISSING */
export async function run(): Promise<unknown> {
  const binary = await builtBinary();
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-alert-latency-"));
  const all: Record<"ours" | "peer", Round[]> = { ours: [], peer: [] };
  try {
    for (let round = 1; round <= rounds; round += 1) {
      all.ours.push(await measureOurs(binary, folder));
      all.peer.push(await measurePeer(folder));
      for (const side of ["ours", "peer"] as const) {
        const shown = JSON.stringify(all[side].at(-1));
        process.stderr.write(`alert-latency: round ${round}, ${side}: ${shown}\n`);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  const [ours, peer] = [middle(all.ours), middle(all.peer)];
  return {
    bench: "alert-latency",
    ours: ours.p50,
    peer: peer.p50,
    ratio: rounded(ours.p50 / peer.p50),
    unit: "ms from breach to alert, p50",
    goal: null,
    p50: ours.p50,
    p99: ours.p99,
    peer_p99: peer.p99,
    storm: ours.storm,
    peer_storm: peer.storm,
    cpu_s: ours.cpu,
    peer_cpu_s: peer.cpu,
    unheard: ours.unheard,
    peer_unheard: peer.unheard,
    late: ours.late,
    devices: 5000,
    load: loadNow(),
  };
}

function middle(all: readonly Round[]) {
  const of = (pick: (round: Round) => number): number => rounded(median(all.map(pick)));
  const missing = all.map(({ calm, storm }) => calm.asked + storm.asked - calm.heard - storm.heard);
  return {
    p50: of(({ calm }) => calm.p50),
    p99: of(({ calm }) => calm.p99),
    storm: { p50: of(({ storm }) => storm.p50), p99: of(({ storm }) => storm.p99) },
    cpu: of(({ cpu }) => cpu),
    unheard: missing.reduce((sum, one) => sum + one, 0),
    late: of(({ late }) => late),
  };
}

async function measureOurs(binary: string, folder: string): Promise<Round> {
  const port = await freePort();
  const data = await mkdtemp(join(folder, "hub-"));
  const config = {
    site: "bench",
    hub: { data },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "sqlite", path: join(data, "points.sqlite") },
    rules,
  };
  const file = join(folder, "hub.json");
  await writeFile(file, JSON.stringify(config));
  await using hub = startRackstreet(["hub", file], [binary]);
  await hub.logged("hub started");
  const round = await loaded(port, [hub.pid]);
  const { calm, storm } = round;
  if (calm.heard + storm.heard < calm.asked + storm.asked) process.stderr.write(hub.stderr());
  return round;
}

async function measurePeer(folder: string): Promise<Round> {
  using mosquitto = await startMosquitto(folder, { noDelay: true });
  using script = startHere("alert-latency-peer.ts", [`${mosquitto.port}`]);
  await script.line();
  return await loaded(mosquitto.port, [mosquitto.pid, script.pid]);
}

async function loaded(port: number, side: readonly number[]): Promise<Round> {
  using load = startHere("alert-latency-load.ts", [`${port}`, `${seconds}`]);
  hasten(load.pid, ...side);
  const before = cpuOf(...side);
  const result: unknown = JSON.parse(await load.line());
  if (!isRecord(result)) throw new Error("nothing was measured");
  const { calm, storm, late } = result;
  return {
    calm: partOf(calm),
    storm: partOf(storm),
    late: Number(late),
    cpu: cpuOf(...side) - before,
  };
}

function partOf(part: unknown): Part {
  if (!isRecord(part)) throw new Error("nothing was measured");
  const number = (name: string): number => rounded(Number(part[name]));
  return {
    asked: number("asked"),
    heard: number("heard"),
    p50: number("p50"),
    p99: number("p99"),
    most: number("most"),
  };
}
