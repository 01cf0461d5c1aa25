/**
 * The hub's own rows of capacity at a large site, ours only: 300 racks with 600 metered PDUs, 600
 * breakers and 24 UPS, a week of windows in the embedded store. What counts is how long the event
 * loop stands still meanwhile, for batches wait that long: 20 ms is the limit.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capacityOptions, CapacityWriter } from "../alerts/index.ts";
import { topologyOf, topologyOptions, v } from "../config/index.ts";
import type { Topology } from "../config/index.ts";
import { openStore, storeOptions } from "../store/index.ts";
import type { Store } from "../store/index.ts";
import type { Line } from "../telemetry/index.ts";
import { realPlatform } from "../test/store/rig.ts";

const racks = 300;
const hour = 3_600_000;
const every = 300_000;
const span = 168 * hour;
const linesAWrite = 5000;
const site = { region: "local", org: "main", site: "hall" };
/** Racks behind one pair of UPS. */
const racksAPair = 25;

function topologyOfHall(): Topology {
  const equipment: Record<string, unknown> = { grid: { kind: "source", apparent: "9MVA" } };
  const places: Record<string, unknown> = {};
  const names: string[] = [];
  for (let at = 0; at < racks; at += 1) {
    places[`r${at}`] = { power: "12kW" };
    for (const feed of ["a", "b"]) {
      const ups = `ups-${feed}${Math.floor(at / racksAPair)}`;
      equipment[ups] ??= {
        kind: "ups",
        feed: feed.toUpperCase(),
        fedBy: "grid",
        apparent: "400kVA",
      };
      equipment[`cb-${feed}${at}`] = { kind: "breaker", fedBy: ups, current: "32A" };
      const name = `m-${feed}${at}`;
      names.push(name);
      const fedBy = `cb-${feed}${at}`;
      equipment[`pdu-${feed}${at}`] = { kind: "pdu", rack: `r${at}`, fedBy, meters: name };
    }
  }
  const input = { redundancy: "2N", feeds: ["A", "B"], racks: places, equipment };
  const offers = [{ measurement: "energy_meter", channels: [], fields: ["active_power_w"] }];
  const devices = names.map((id) => ({ id, offers }));
  return topologyOf(v.parse(topologyOptions, input), { name: "hall", devices });
}

/**
 * Processor time between two looks, 1 ms apart or more: no less than what a batch would wait for on
 * a core of its own, whatever else the machine does.
 */
class LoopTurns {
  longest = 0;
  over = 0;
  #before = 0;
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#before = cpuMs();
    this.#timer = setInterval(() => {
      const now = cpuMs();
      const took = now - this.#before;
      this.longest = Math.max(this.longest, took);
      if (took > 20) this.over += 1;
      this.#before = now;
    }, 1);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Of this thread. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** A week of what a meter says, one row a window, as its 5 min roll-ups. */
async function fill(store: Store, to: number): Promise<void> {
  const { signal } = new AbortController();
  let lines: Line[] = [];
  for (let time = to - span; time < to; time += every) {
    for (let at = 0; at < 2 * racks; at += 1) {
      const device = `m-${at % 2 === 0 ? "a" : "b"}${Math.floor(at / 2)}`;
      const watts = 3000 + 500 * Math.sin(time / hour + at);
      const fields = {
        mean_active_power_w: watts,
        mean_apparent_power_va: watts / 0.95,
        active_power_w_count: 60,
      };
      lines.push({ measurement: "energy_meter_5m", tags: { ...site, device }, fields, time });
    }
    if (lines.length < linesAWrite) continue;
    await store.write(lines, signal);
    lines = [];
  }
  await store.write(lines, signal);
}

export async function run(): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const path = join(folder, "store.sqlite");
    const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    const platform = realPlatform();
    await using store = await openStore(options, platform);
    const to = Math.floor(Date.now() / every) * every;
    await fill(store, to);
    process.stderr.write("capacity: filled\n");
    const topology = topologyOfHall();
    // Not before garbage of filling is gone.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const turns = new LoopTurns();
    const began = performance.now();
    turns.start();
    const hub = { ...site, class: "hub", device: "hub" };
    const parts = { topology, hub, store, observe: () => undefined };
    const given = v.parse(capacityOptions, {});
    await using writer = new CapacityWriter({ ...parts, options: given }, platform);
    while (writer.counts.rows < topology.elements.size) {
      if (writer.counts.skipped > 0) throw new Error("the turn was left out");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    turns.stop();
    return {
      bench: "capacity",
      elements: topology.elements.size,
      meters: 2 * racks,
      rows: writer.counts.rows,
      turnSeconds: Number(((performance.now() - began) / 1000).toFixed(1)),
      longestTurnMs: Number(turns.longest.toFixed(1)),
      turnsOver20Ms: turns.over,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
