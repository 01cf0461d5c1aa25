/**
 * Bench: resident memory of a broker with 5,000 connections that do nothing (each subscribed to one
 * filter of its own, keepalive 60 s), the start included, against Mosquitto. Ours as an executable
 * that stores nothing. `own` leaves out the pages of the executable and of libraries, which the
 * kernel shares and takes back: `each` is what own pages grew by a connection.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, Memory } from "./peer-brokers.ts";
import { buildOurs, memoryOf, needFiles, startOurs, startTheirs } from "./peer-brokers.ts";
import { loadNow, median, rounded, startHere } from "./processes.ts";

const clients = 5000;
const rounds = 3;

interface Idle {
  readonly start: Memory;
  readonly idle: Memory;
  /** Own pages a connection. @unit kB (1000 bytes) */
  readonly each: number;
  /** Until all were in. @unit s */
  readonly ramp: number;
}

/** Runs the bench. @throws E_TOOL_MISSING, E_CONFIG */
export async function run(): Promise<unknown> {
  needFiles(clients + 100);
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  const all: Record<"ours" | "peer", Idle[]> = { ours: [], peer: [] };
  try {
    const executable = await buildOurs(folder);
    for (let round = 0; round < rounds; round += 1) {
      all.ours.push(await measure(await startOurs(executable, folder, [])));
      all.peer.push(await measure(await startTheirs(folder, [])));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  const [ours, peer] = [rssOf(all.ours), rssOf(all.peer)];
  const ratio = rounded(ours / peer);
  const unit = "MB resident, all in all";
  const each = median(all.ours.map((one) => one.each));
  return { bench: "idle", ours, peer, ratio, unit, goal: 120, clients, each, all, load: loadNow() };
}

function rssOf(all: readonly Idle[]): number {
  return median(all.map(({ idle }) => idle.rss));
}

async function measure(started: Broker): Promise<Idle> {
  using broker = started;
  const start = memoryOf(broker.pid);
  using load = startHere("idle-clients.ts", [`${broker.port}`, `${clients}`]);
  const ramp = rounded(Number(await load.line()));
  await load.line();
  const idle = memoryOf(broker.pid);
  return { start, idle, each: rounded(((idle.own - start.own) * 1000) / clients), ramp };
}
