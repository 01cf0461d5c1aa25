/**
 * A site for fault tests: agent and hub as processes that can be killed, and the laws that hold
 * afterwards: every batch that the agent called spooled rests in the store, every stored value is
 * the simulated truth of its moment, and no moment stands twice.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { clock } from "../../cli/platform.ts";
import { drivers } from "../../drivers/index.ts";
import type { QuerySeries, Store } from "../../store/index.ts";
import type { Point } from "../../telemetry/index.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

/** Simulated meters; the seed of each is its place here. */
export const devices = ["r1", "r2", "r3", "r4", "r5"];
const patience = { timeout: 60_000, interval: 100 };
/** A value is read a moment before the poll has ended; this long at most on a busy machine. */
const readTime = 500;

/** One site: agent and hub as processes of their own, which can be killed and started again. */
export class Site implements AsyncDisposable {
  readonly #folder: string;
  readonly #file: string;
  readonly spooled = new Set<string>();
  agent: Rackstreet;
  hub: Rackstreet;

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.#file = file;
    this.hub = startRackstreet(["hub", file]);
    this.agent = startRackstreet(["agent", file]);
  }

  /**
   * @param outside URL of a broker that is there already; without it the hub has its own.
   * @param ingest who stores: `workers` are for the test to start
   */
  static async start(
    store: (folder: string) => Record<string, string>,
    outside?: string,
    ingest: "own" | "workers" = "own",
  ): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-kill-"));
    const file = join(folder, "site.json");
    const url = outside ?? `mqtt://127.0.0.1:${await freePort()}`;
    const config = {
      site: "kill",
      log: "debug",
      agent: {
        data: join(folder, "agent"),
        health: "1h",
        uplink: { url, resend: "1s" },
        spool: { segment: "64KiB", commit: "20ms" },
      },
      hub: { data: join(folder, "hub"), health: "1h", ingest },
      broker: outside === undefined ? { listen: [url] } : { outside: { url } },
      store: store(folder),
      devices: Object.fromEntries(
        devices.map((id, seed) => [id, { driver: "sim", points: 2, seed, interval: "100ms" }]),
      ),
    };
    await writeFile(file, JSON.stringify(config));
    return new Site(folder, file);
  }

  /** A process that stores alone. */
  worker(...args: readonly string[]): Rackstreet {
    return startRackstreet(["hub", this.#file, "--ingest-only", ...args]);
  }

  /** Kills the agent as kill -9 does and starts it again. */
  async killAgent(): Promise<void> {
    await this.agent.end("SIGKILL");
    this.#keepSpooled();
    this.agent = startRackstreet(["agent", this.#file]);
  }

  async killHub(): Promise<void> {
    await this.hub.end("SIGKILL");
    this.hub = startRackstreet(["hub", this.#file]);
  }

  /** Waits until the agent has spooled so many more batches. */
  async sail(batches: number): Promise<void> {
    const spooled = (): number =>
      this.agent.log.filter(({ msg }) => msg === "batch spooled").length;
    const goal = spooled() + batches;
    await vi.waitFor(() => expect(spooled()).toBeGreaterThan(goal), patience);
  }

  /** Ends the agent in good order. */
  async endAgent(): Promise<void> {
    await this.agent.end("SIGTERM");
    this.#keepSpooled();
    this.agent = startRackstreet(["agent", this.#file]);
  }

  /** What the hub could never store: the first place to look when something is missing. */
  async setAside(): Promise<string> {
    const file = join(this.#folder, "hub", "set-aside.jsonl");
    return readFile(file, "utf8").catch(() => "nothing was set aside");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.end("SIGKILL");
    await this.hub.end("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }

  #keepSpooled(): void {
    for (const { msg, kind, device, time } of this.agent.log) {
      if (msg === "batch spooled" && kind === "telemetry" && devices.includes(String(device))) {
        this.spooled.add(`${String(device)} ${String(time)}`);
      }
    }
  }
}

async function rowsOf(store: Store, from: number): Promise<readonly QuerySeries[]> {
  return store.query(
    {
      measurement: "rack_phase",
      fields: ["active_power_w", "voltage_v", "energy_wh_total"],
      aggregate: "last",
      from,
      to: Date.now() + 1000,
      every: 1,
      groupBy: ["device", "phase"],
    },
    AbortSignal.timeout(30_000),
  );
}

/** What the simulated device shows at a moment. */
async function truth(device: string, time: number): Promise<readonly Point[]> {
  const kind = drivers["sim"];
  if (kind === undefined) throw new Error("no sim driver");
  const frozen = new VirtualClock(time);
  const context = { clock: frozen, entropy: new SeededEntropy(1), log: silentLog, buses: {} };
  const options = { points: 2, seed: devices.indexOf(device) };
  await using driver = kind.create(context);
  await using session = await driver.open({ id: device, options, profile: undefined });
  const { points } = await session.read([session.groups[0]?.name ?? ""], AbortSignal.timeout(9999));
  return points;
}

function samePoint(point: Point, values: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(values).every(([field, value]) => point.fields[field] === value);
}

/** Whether the simulated device showed these values at the moment, or just before it. */
export async function isTruth(
  tags: Readonly<Record<string, string>>,
  time: number,
  values: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  for (let moment = time; moment > time - readTime; moment -= 1) {
    const points = await truth(tags["device"] ?? "", moment);
    const point = points.find((one) => one.tags?.["phase"] === tags["phase"]);
    if (point !== undefined && samePoint(point, values)) return true;
  }
  return false;
}

/** The laws, once everything that was spooled before has had time to arrive. */
export async function judge(site: Site, store: Store, started: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const series = await rowsOf(store, started);
      const stored = new Set(
        series.flatMap(({ tags, rows }) =>
          rows.map(({ time }) => `${tags["device"] ?? ""} ${time}`),
        ),
      );
      const missing = [...site.spooled].filter((key) => !stored.has(key));
      expect(missing, `spooled, but not stored; ${await site.setAside()}`).toEqual([]);
    },
    { timeout: 90_000, interval: 500 },
  );
  const series = await rowsOf(store, started);
  expect(series).toHaveLength(2 * devices.length);
  expect(site.spooled.size).toBeGreaterThan(200);
  const times = new Map<string, string>();
  for (const { tags, rows } of series) {
    const moments = rows.map(({ time }) => time);
    expect(new Set(moments).size, "a moment stands twice").toBe(moments.length);
    expect(rows.every(({ counts }) => Object.values(counts).every((count) => count === 1))).toBe(
      true,
    );
    const device = tags["device"] ?? "";
    const before = times.get(device);
    // Both phases of a device come in one batch: neither has a moment that the other lacks.
    const known = moments.filter((time) => site.spooled.has(`${device} ${time}`)).join(" ");
    if (before !== undefined) expect(known).toBe(before);
    times.set(device, known);
    const sample = rows.filter((_, index) => index % Math.ceil(rows.length / 25) === 0);
    for (const { time, values } of sample) {
      expect(await isTruth(tags, time, values), `${device} at ${time}`).toBe(true);
    }
  }
}

/** The store is asked in real time: its limits are against a real server. */
export const platform = {
  clock,
  entropy: new SeededEntropy(1),
  log: silentLog,
};
