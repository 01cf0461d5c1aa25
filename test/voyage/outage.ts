/**
 * A long outage: meters are read, the link is down for days, then it returns while the meters go
 * on. Agent and ingest as in the product, with their defaults, over a link, a store and a disk that
 * take their time (`costs.ts`). What is found out: what waits and what it takes, what is shed, how
 * fast the backlog drains, and how long a live reading then takes to the store against before.
 */
import type { AgentOptions, Ledger } from "../../agent/index.ts";
import { Agent, agentOptions } from "../../agent/index.ts";
import { Ingest } from "../../broker/index.ts";
import { v } from "../../config/index.ts";
import type { Log, Platform } from "../../telemetry/index.ts";
import { parseTopic } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { Chance } from "./chance.ts";
import { CostedDisk, CostedLink, costedStore } from "./costs.ts";
import { openMeters, Readings } from "./meters.ts";

const site = { region: "local", org: "main", site: "hall" };
const minute = 60_000;
/** Before the outage, for what is normal; and after the backlog is gone. */
const before = 30 * minute;
const after = 2 * minute;
/** So long a drain means that it does not. */
const longestDrain = 7 * 24 * 60 * minute;
const interval = 5000;
/**
 * Readings in a chunk of the backfill (2 MiB). It goes out by device, and goes on going out when
 * its segment is shed meanwhile: so many may be stored that are older than some shed, or were.
 */
export const inChunk = 2000;

export interface OutageSetup {
  /** How long the link is down. @unit ms */
  readonly outage: number;
  readonly meters: number;
  readonly seed: number;
  /** Size of the spool; left out, the default. @unit bytes */
  readonly spool?: number | undefined;
  readonly progress?: (what: string) => void;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export interface OutageResult {
  readonly meters: number;
  readonly hours: number;
  /** Waiting when the link came back. */
  readonly queued: number;
  readonly shed: Ledger["shed"];
  readonly missing: number;
  readonly doubled: number;
  /** Spooled; none of them may be missing. */
  readonly events: number;
  /** Missing although not shed, or shed although older ones were kept. */
  readonly wrong: readonly string[];
  /** Most disk in use. @unit bytes */
  readonly disk: number;
  /** Most heap in use, seen once a virtual hour. @unit bytes */
  readonly heap: number;
  /** @unit s, virtual */
  readonly drainSeconds: number;
  /** Batches drained a second over batches read a second. */
  readonly drainRate: number;
  /** From the device's answer to the store. @unit ms */
  readonly normal: Latency;
  readonly draining: Latency;
  /** Payload bytes of a drained batch on the link. */
  readonly bytesPerBatch: number;
}

export async function sailOutage(setup: OutageSetup): Promise<OutageResult> {
  const run = new Outage(setup);
  const { clock, link } = run;
  await run.start();
  link.set(true);
  await run.sail(before);
  const ledgerBefore = run.ledger;
  link.set(false);
  await run.sail(setup.outage);
  const queued = run.ledger.queued;
  const disk = run.disk.used;
  const carried = link.carried;
  const returned = clock.monotonic();
  link.set(true);
  while (run.ledger.queued > 5 * setup.meters && clock.monotonic() < returned + longestDrain) {
    await run.sail(1000);
  }
  const drained = clock.monotonic();
  const carriedThen = link.carried;
  await run.sail(after);
  await run.settle();
  const seconds = (drained - returned) / 1000;
  const live = (setup.meters * 1000) / interval;
  const total = run.ledger.stored - ledgerBefore.stored;
  return {
    meters: setup.meters,
    hours: setup.outage / 3_600_000,
    queued,
    shed: run.ledger.shed,
    ...run.accounts(),
    disk: Math.max(disk, run.mostDisk),
    heap: run.mostHeap,
    drainSeconds: Math.round(seconds),
    drainRate: rounded(queued / seconds / live),
    normal: run.latency(minute, before - minute),
    draining: run.latency(returned + 1000, drained - 1000),
    bytesPerBatch: Math.round((carriedThen - carried) / total),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

class Outage {
  readonly clock = new VirtualClock();
  readonly link = new CostedLink(this.clock);
  readonly disk: CostedDisk;
  mostDisk = 0;
  mostHeap = 0;
  readonly #setup: OutageSetup;
  readonly #readings: Readings;
  readonly #events = { spooled: 0, stored: new Set<string>() };
  #agent: Agent | undefined;
  #noted = 0;

  constructor(setup: OutageSetup) {
    this.#setup = setup;
    const time = before + setup.outage + after + longestDrain;
    this.#readings = new Readings(Math.ceil((setup.meters * time) / interval) + 1000);
    this.disk = new CostedDisk(this.clock, 16 * 1024 ** 3);
  }

  get ledger(): Ledger {
    if (this.#agent === undefined) throw new Error("not started");
    return this.#agent.ledger;
  }

  async start(): Promise<void> {
    const chance = new Chance(this.#setup.seed);
    const { clock, link } = this;
    const platform: Platform = { clock, entropy: chance, log: this.#log() };
    const store = costedStore(clock, (line) => {
      if (line.measurement !== "device_event") this.#readings.put(line, clock.monotonic());
      else this.#events.stored.add(`${line.tags["device"]} ${line.time}`);
    });
    const ingest = new Ingest(
      {
        store,
        publish: (topic, payload) => Promise.resolve(link.tell(topic, payload)),
        setAside: ({ reason }) => {
          throw new Error(`set aside: ${reason}`);
        },
        observe: () => undefined,
      },
      platform,
    );
    link.hub = ({ topic, payload }) => {
      const parsed = parseTopic(topic);
      if (parsed !== undefined) ingest.take(topic, parsed, { payload: Buffer.from(payload) });
    };
    const { meters } = this.#setup;
    const starting = Agent.start(
      {
        options: this.#options(),
        site,
        devices: openMeters({ meters, site, readings: this.#readings }, clock, chance),
        disk: this.disk,
        vitals: () => ({ rss: 0, loopDelay: 0 }),
        connect: (setup) => link.connect(setup),
      },
      platform,
    );
    await clock.advance(1000);
    this.#agent = await starting;
  }

  #options(): AgentOptions {
    const options = v.parse(agentOptions, {});
    const { spool = options.spool.size } = this.#setup;
    return { ...options, spool: { ...options.spool, size: spool } };
  }

  async sail(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    while (this.clock.monotonic() < end) {
      await this.clock.advance(Math.min(minute, end - this.clock.monotonic()));
      this.mostDisk = Math.max(this.mostDisk, this.disk.used);
      if (this.clock.monotonic() < this.#noted + 60 * minute) continue;
      this.#noted = this.clock.monotonic();
      this.mostHeap = Math.max(this.mostHeap, process.memoryUsage().heapUsed);
      const hours = Math.round(this.#noted / (60 * minute));
      this.#setup.progress?.(`${hours} h: ${JSON.stringify(this.ledger)}`);
    }
  }

  /** Nothing more is read; what is under way arrives. */
  async settle(): Promise<void> {
    const drained = this.#agent?.drain(10 * minute);
    await this.clock.advance(11 * minute);
    await drained;
  }

  /**
   * Shed is the oldest: nothing that waited and was kept is older than what is missing, but for
   * what was on its way to the hub while its segment was shed, at most one chunk of backfill.
   */
  accounts(): Pick<OutageResult, "missing" | "doubled" | "events" | "wrong"> {
    const { count, spooled, doubled } = this.#readings;
    const wrong: string[] = [];
    let missing = 0;
    let first = -1;
    let last = -1;
    for (let number = 0; number < count; number += 1) {
      if (spooled[number] !== 1 || this.#readings.isStored(number)) continue;
      missing += 1;
      if (first < 0) first = number;
      last = number;
    }
    const { full, disk, damaged, large } = this.ledger.shed;
    const shed = full + disk + damaged + large;
    if (missing > shed) wrong.push(`${missing} missing, ${shed} shed`);
    let kept = 0;
    for (let number = first; number < last; number += 1) {
      if (this.#readings.isStored(number)) kept += 1;
    }
    if (kept > inChunk) wrong.push(`${kept} kept that are older than some shed`);
    const events = this.#events.spooled;
    const unstored = events - this.#events.stored.size;
    if (unstored > 0) wrong.push(`${unstored} events missing`);
    if (this.ledger.queued > 0) wrong.push(`${this.ledger.queued} still queued`);
    return { missing, doubled, events, wrong };
  }

  latency(from: number, to: number): Latency {
    const { count, answered, stored } = this.#readings;
    const all: number[] = [];
    for (let number = 0; number < count; number += 1) {
      const at = answered[number] ?? 0;
      if (at >= from && at < to && this.#readings.isStored(number)) {
        all.push((stored[number] ?? 0) - at);
      }
    }
    const sorted = Float64Array.from(all).toSorted();
    const at = (share: number): number => rounded(sorted[Math.floor(sorted.length * share)] ?? 0);
    return { p50: at(0.5), p99: at(0.99) };
  }

  #log(): Log {
    const silent = (): void => undefined;
    const debug: Log["debug"] = (event, { kind, device, time } = {}) => {
      if (event !== "batch spooled") return;
      if (kind === "event") this.#events.spooled += 1;
      const number = this.#readings.newest.get(String(device));
      if (kind === "event" || number === undefined) return;
      if (this.#readings.time[number] !== time) throw new Error("a commit takes a whole interval");
      this.#readings.spooled[number] = 1;
    };
    return { debug, info: silent, warn: silent, error: silent };
  }
}
