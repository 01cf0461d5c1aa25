/**
 * Bench: points a second from agents to InfluxDB 1. Ours: the built hub (broker, ingest, store).
 * The peer: Mosquitto and a plain subscriber (`chain-peer.ts`). Both get the same messages from the
 * same load; a point counts once it rests in the store. Beside them the store's own limit
 * (`chain-raw.ts`). Everything is started anew for each round; rounds alternate, medians count.
 *
 * `shared`: all programs on all cores, as on one small machine. `apart`: influxd has core 1 and
 * all else core 0, as if the database were elsewhere. Neighbours disturb the rates: CPU per
 * million points is the steadier figure.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../telemetry/index.ts";
import type { Influxd } from "../test/peers/influxd.ts";
import { startInfluxd } from "../test/peers/influxd.ts";
import { freePort } from "../test/ports.ts";
import { startRackstreet } from "../test/rackstreet.ts";
import { builtBinary } from "../test/setup/build.ts";
import { measureLatency } from "./chain-latency.ts";
import type { Shape } from "./chain-points.ts";
import type { Program } from "./processes.ts";
import { cpuOf, loadNow, median, pin, rounded, startHere, startMosquitto } from "./processes.ts";

const rounds = 5;
const seconds = "3";

interface Round {
  /** @unit points/s */
  readonly rate: number;
  /** Of the hub, or of Mosquitto and the subscriber. @unit CPU s per million points */
  readonly cpu: number;
  /** Of influxd. @unit CPU s per million points */
  readonly storeCpu: number;
}

/** What is measured, and where. */
interface Scene {
  readonly shape: Shape;
  readonly apart: boolean;
  readonly binary: string;
  readonly folder: string;
}

function say(text: string): void {
  process.stderr.write(`chain: ${text}\n`);
}

/** Measures both shapes. @throws E_TOOL_MISSING */
export async function run(): Promise<unknown> {
  const binary = await builtBinary();
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-chain-"));
  try {
    const latency = await measureLatency(binary, folder);
    say(`latency ${JSON.stringify(latency)}, load ${loadNow()}`);
    const wide = await compare({ shape: "wide", apart: false, binary, folder });
    const narrow = await compare({ shape: "narrow", apart: false, binary, folder });
    const apart = await compare({ shape: "wide", apart: true, binary, folder });
    return {
      bench: "chain",
      ours: wide.ours.rate,
      peer: wide.peer.rate,
      ratio: wide.ratio,
      unit: "points/s",
      goal: 1.5,
      store_share: wide.store_share,
      store_share_apart: apart.store_share,
      store_share_goal: 0.8,
      shape: "rack_phase, 10 fields and q (narrow: 1 and q), 30 points a batch, 1200 series",
      wide,
      narrow,
      apart,
      latency,
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(scene: Scene) {
  const all: Record<"ours" | "peer" | "raw", Round[]> = { ours: [], peer: [], raw: [] };
  for (let round = 1; round <= rounds; round += 1) {
    all.ours.push(await withStore(scene, measureOurs));
    all.peer.push(await withStore(scene, measurePeer));
    all.raw.push(await withStore(scene, measureRaw));
    const shown = Object.entries(all).map(([side, of]) => `${side} ${text(of.at(-1))}`);
    const name = `${scene.shape}${scene.apart ? " apart" : ""}`;
    say(`${name}, round ${round}, load ${loadNow()}: ${shown.join("; ")}`);
  }
  const [ours, peer, raw] = [middle(all.ours), middle(all.peer), middle(all.raw)];
  return {
    ours,
    peer,
    raw,
    ratio: rounded(ours.rate / peer.rate),
    cpu_ratio: rounded(peer.cpu / ours.cpu),
    store_share: rounded(ours.rate / raw.rate),
  };
}

function text(round: Round | undefined): string {
  if (round === undefined) return "";
  const { rate, cpu, storeCpu } = round;
  return `${Math.round(rate)}/s, CPU ${cpu.toFixed(2)} + store ${storeCpu.toFixed(2)}`;
}

function middle(all: readonly Round[]) {
  return {
    rate: Math.round(median(all.map(({ rate }) => rate))),
    cpu: rounded(median(all.map(({ cpu }) => cpu))),
    store_cpu: rounded(median(all.map(({ storeCpu }) => storeCpu))),
    rates: all.map(({ rate }) => Math.round(rate)),
  };
}

type Measure = (scene: Scene, influxd: Influxd) => Promise<Round>;

async function withStore(scene: Scene, measure: Measure): Promise<Round> {
  await using influxd = await startInfluxd();
  if (scene.apart) pin(1, influxd.pid);
  return await measure(scene, influxd);
}

async function measureOurs(scene: Scene, influxd: Influxd): Promise<Round> {
  const port = await freePort();
  const file = join(scene.folder, "hub.json");
  const config = {
    site: "bench",
    hub: { data: await mkdtemp(join(scene.folder, "hub-")) },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "influxdb1", url: influxd.url, timeout: "60s" },
    // The peer makes none: what they cost is in the bench `rollups`.
    rollups: { windows: [] },
  };
  await writeFile(file, JSON.stringify(config));
  await using hub = startRackstreet(["hub", file], [scene.binary]);
  await hub.logged("hub started");
  return await loaded(scene, port, { side: [hub.pid], store: influxd.pid });
}

async function measurePeer(scene: Scene, influxd: Influxd): Promise<Round> {
  using mosquitto = await startMosquitto(scene.folder, { noDelay: true });
  using subscriber = startHere("chain-peer.ts", [`${mosquitto.port}`, influxd.url]);
  await subscriber.line();
  const side = [mosquitto.pid, subscriber.pid];
  return await loaded(scene, mosquitto.port, { side, store: influxd.pid });
}

async function measureRaw(scene: Scene, { url, pid }: Influxd): Promise<Round> {
  using raw = startHere("chain-raw.ts", [url, scene.shape]);
  return await measured(scene, raw, { side: [], store: pid });
}

interface Pids {
  readonly side: readonly number[];
  readonly store: number;
}

async function loaded(scene: Scene, port: number, pids: Pids): Promise<Round> {
  using load = startHere("chain-load.ts", [`${port}`, scene.shape, seconds]);
  return await measured(scene, load, pids);
}

/** Waits for what a program measures; reads the CPU of the others before and after. */
async function measured(scene: Scene, program: Program, pids: Pids): Promise<Round> {
  if (scene.apart) pin(0, program.pid, ...pids.side);
  await program.line();
  const before = { side: cpuOf(...pids.side), store: cpuOf(pids.store) };
  const result: unknown = JSON.parse(await program.line());
  if (!isRecord(result)) throw new Error("nothing was measured");
  const millions = Number(result["points"]) / 1e6;
  return {
    rate: (millions * 1e6) / (Number(result["ms"]) / 1000),
    cpu: (cpuOf(...pids.side) - before.side) / millions,
    storeCpu: (cpuOf(pids.store) - before.store) / millions,
  };
}
