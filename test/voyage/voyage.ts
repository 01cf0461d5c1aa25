/**
 * One voyage: agent, wire, hub and store in one process under virtual time, with faults from a
 * seed (`weather.ts`), judged by the laws of delivery (`laws.ts`). The agent and the hub die at any
 * event of disk, wire, store or timer; with or without the power of their disk. One voyage in
 * `brokerEvery` goes through the product's own broker and link.
 */
import { Agent } from "../../agent/index.ts";
import type { Ledger } from "../../agent/index.ts";
import type { Log, LogFields, Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { settle, settleAll, VirtualClock } from "../virtual.ts";
import { BrokerWire } from "./broker.ts";
import { Chance } from "./chance.ts";
import { Devices } from "./device.ts";
import { openDisk, Platter } from "./disk.ts";
import type { DiskFlaw } from "./disk.ts";
import type { SimHub } from "./hub.ts";
import { ingestLimits, startHub } from "./hub.ts";
import { arrived, arrives, breaks, check, judge } from "./laws.ts";
import { SimProcess } from "./process.ts";
import type { VoyageState } from "./state.ts";
import { spoolSize, window } from "./state.ts";
import type { StoreFlaw } from "./store.ts";
import { refusal, Rows } from "./store.ts";
import { calm, storm } from "./weather.ts";
import type { WireFlaw } from "./wire.ts";
import { SimWire } from "./wire.ts";

const site = { region: "local", org: "main", site: "sea" };
/** @unit bytes */
const segmentSize = 16 * 1024;
/** Virtual time of the faults and of the calm after them. @unit ms */
const stormTime = 60_000;
const calmTime = 400_000;
const step = 100;
const brokerEvery = 5;

/** A deliberate mistake, to show that a law can be broken. */
export type Flaw = DiskFlaw | StoreFlaw | WireFlaw | "forget" | "room";

export interface VoyageResult {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly lost: number;
  readonly doubled: number;
  readonly broker: boolean;
  readonly spooled: number;
  readonly shed: number;
  readonly ledger: Ledger | undefined;
  readonly crashes: number;
}

class Voyage implements VoyageState {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly platter: Platter;
  readonly rows: Rows;
  readonly wire: SimWire | BrokerWire;
  readonly devices: Devices;
  readonly weather: VoyageState["weather"];
  readonly broken: string[] = [];
  readonly spooled = new Set<string>();
  readonly turned = new Set<string>();
  readonly newest = new Map<string, number>();
  readonly passed = new Set<string>();
  readonly fired: string[] = [];
  agent: Agent | undefined;
  agentProcess: SimProcess;
  hub: SimHub | undefined;
  hubProcess: SimProcess;
  jumpedBack = false;
  crashes = 0;
  shed = 0;
  rots = 0;
  #ended = false;
  /** What alerts remember over deaths of the hub. */
  #hubPlatter = new Platter(1024 ** 2);
  readonly #flaw: Flaw;

  constructor(seed: number, flaw: Flaw) {
    const chance = new Chance(seed);
    this.#flaw = flaw;
    this.chance = chance;
    const broker = seed % brokerEvery === 0;
    this.clock = new VirtualClock(undefined, broker ? settleAll : settle);
    const capacity = chance.chance(0.2) ? spoolSize / 2 : 8 * spoolSize;
    this.weather = { way: "open", calm: false, capacity };
    this.platter = new Platter(capacity);
    this.platter.syncFailure = chance.chance(0.2) ? 0.003 : 0;
    this.rows = new Rows(chance.chance(0.2) ? 37 : 0, storeFlaw(flaw));
    this.wire = broker
      ? new BrokerWire(this.clock, chance, (process) => this.#platform(process))
      : new SimWire(this.clock, chance, flaw === "overtake" ? flaw : undefined);
    this.devices = new Devices(site, this.clock, chance);
    this.agentProcess = new SimProcess(this.clock);
    this.hubProcess = new SimProcess(this.clock);
  }

  startAgent(): void {
    const process = new SimProcess(this.clock, this.#lifetime(), () => this.#agentDied());
    this.agentProcess = process;
    const { platter, chance } = this;
    const disk = openDisk(platter, { process, chance, flaw: diskFlaw(this.#flaw) });
    const commit = chance.chance(0.3) ? 0 : 100;
    const starting = disk.then((opened) =>
      Agent.start(
        {
          options: {
            id: "ship",
            data: "",
            interval: 1000,
            health: 10_000,
            uplink: { keepalive: 30_000, mqtt: "3.1.1", window, resend: 3000 },
            spool: { size: spoolSize, segment: segmentSize, commit },
          },
          site,
          devices: this.devices.open(process),
          disk: opened,
          vitals: () => ({ rss: 0, loopDelay: 0 }),
          connect: (link) => this.wire.connect(process, link),
        },
        this.#platform(process),
      ),
    );
    process.guard(starting).then(
      (agent) => {
        this.agent = agent;
      },
      (error: unknown) => this.#agentFailed(process, error),
    );
  }

  startHub(): void {
    const process = new SimProcess(this.clock, this.#lifetime(), () => this.#hubDied());
    this.hubProcess = process;
    const starting = startHub({
      process,
      platform: this.#platform(process),
      chance: this.chance,
      site,
      rows: this.rows,
      limits: this.#flaw === "room" ? { ...ingestLimits, most: 100_000 } : ingestLimits,
      wire: this.wire,
      platter: this.#hubPlatter,
      notify: ({ to, address }) => {
        if (to === "firing") this.fired.push(address.device);
      },
      seen: (batch) => arrives(this, batch),
      setAside: (reason) => this.#setAside(reason),
    });
    starting.then(
      (hub) => {
        if (process.dead) void hub[Symbol.asyncDispose]();
        else this.hub = hub;
      },
      (error: unknown) => {
        if (!process.dead) breaks(this, `the hub did not start: ${String(error)}`);
      },
    );
  }

  /** Ends what stands for processes: libraries may hold real timers. */
  end(): void {
    this.#ended = true;
    this.agentProcess.kill();
    this.hubProcess.kill();
  }

  /** In events: short lives die while they start, long ones at work; in the calm nothing dies. */
  #lifetime(): number {
    if (this.weather.calm) return Number.POSITIVE_INFINITY;
    return this.chance.chance(0.3) ? this.chance.whole(1, 120) : this.chance.whole(1, 1500);
  }

  #agentDied(): void {
    const { chance, agentProcess: process } = this;
    this.agent = undefined;
    const powerCut = chance.chance(0.5);
    if (powerCut) this.platter.powerCut(chance);
    if (this.wire instanceof BrokerWire) this.wire.died(process, powerCut);
    if (this.#ended) return;
    this.crashes += 1;
    if (chance.chance(0.1)) this.rots += this.platter.rot(".seg", chance) ? 1 : 0;
    if (chance.chance(0.03)) this.platter.rot("checkpoint.json", chance);
    this.clock.after(chance.whole(0, 2000), () => this.startAgent());
  }

  #hubDied(): void {
    const { chance, hub, hubProcess: process } = this;
    this.hub = undefined;
    this.wire.hub = undefined;
    const powerCut = chance.chance(0.5);
    if (powerCut) this.#hubPlatter.powerCut(chance);
    if (this.#flaw === "forget") this.#hubPlatter = new Platter(1024 ** 2);
    if (this.wire instanceof BrokerWire) this.wire.died(process, powerCut);
    void hub?.[Symbol.asyncDispose]();
    if (this.#ended) return;
    this.crashes += 1;
    this.clock.after(chance.whole(0, 5000), () => this.startHub());
  }

  /** A disk that takes no checkpoint ends the process; whoever started it starts it again. */
  #agentFailed(process: SimProcess, error: unknown): void {
    const disk = error instanceof GatewayError && error.code === "E_SPOOL_WRITE";
    if (!disk) breaks(this, `the agent did not start: ${String(error)}`);
    process.kill();
  }

  #setAside(reason: string): void {
    if (reason !== refusal) breaks(this, `set aside: ${reason}`);
  }

  #platform(process: SimProcess): Platform {
    const silent = (): void => undefined;
    const log: Log = {
      info: (event, fields = {}) => {
        if (event === "device turned") this.turned.add(`${fields["device"]} ${this.clock.now()}`);
      },
      warn: (event, { reason, count } = {}) => {
        if (process.dead) return;
        if (event === "set aside") this.#setAside(String(reason));
        if (event === "batches shed") this.shed += Number(count);
      },
      error: silent,
      debug: (event, fields = {}) => {
        if (event === "batch spooled" && !process.dead) this.spooled.add(keyOf(fields));
      },
    };
    return { clock: process.clock, entropy: this.chance, log };
  }
}

function keyOf({ kind, device, time }: LogFields): string {
  return `${String(kind)} ${String(device)} ${String(time)}`;
}

function diskFlaw(flaw: Flaw): DiskFlaw {
  return flaw === "sync" || flaw === "size" ? flaw : undefined;
}

function storeFlaw(flaw: Flaw): StoreFlaw {
  return flaw === "yes" || flaw === "value" || flaw === "twice" ? flaw : undefined;
}

/** Sails one voyage; `broken` names each law that did not hold. */
export async function sail(seed: number, flaw?: Flaw): Promise<VoyageResult> {
  const voyage = new Voyage(seed, flaw);
  voyage.startHub();
  voyage.startAgent();
  for (let time = 0; time < stormTime; time += step) {
    storm(voyage);
    voyage.wire.step();
    await voyage.clock.advance(step);
    check(voyage);
  }
  calm(voyage);
  for (let time = 0; time < calmTime && !arrived(voyage); time += step) {
    voyage.wire.step();
    await voyage.clock.advance(step);
    check(voyage);
  }
  const { spooled, crashes, agent, wire } = voyage;
  const result = {
    seed,
    ...judge(voyage),
    broker: wire instanceof BrokerWire,
    spooled: spooled.size,
    shed: voyage.shed,
    ledger: agent?.ledger,
    crashes,
  };
  voyage.end();
  return result;
}
