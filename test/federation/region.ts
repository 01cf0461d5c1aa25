/**
 * One region under virtual time: a hub with its broker, store and bridges, in a process that can
 * die, and a ship: what an agent is without devices, in a process of its own.
 */
import type { UplinkEvents } from "../../agent/index.ts";
import { ForwardLink } from "../../agent/index.ts";
import { brokerOptions, Federation, HubService } from "../../broker/index.ts";
import { v } from "../../config/index.ts";
import type { Disk, Platform, Site, UnnumberedBatch } from "../../telemetry/index.ts";
import { agentClientId, topicOf } from "../../telemetry/index.ts";
import type { VirtualClock } from "../virtual.ts";
import { silentLog } from "../virtual.ts";
import type { Door } from "../voyage/broker.ts";
import type { Chance } from "../voyage/chance.ts";
import { openDisk, Platter } from "../voyage/disk.ts";
import { SimProcess } from "../voyage/process.ts";
import { Rows, simStore } from "../voyage/store.ts";
import type { Road } from "./road.ts";

const spool = { size: 64 * 1024 ** 2, segment: 1024 ** 2, commit: 50 };
const publisher = { window: 16, resend: 3000 };
const disks = 256 * 1024 ** 2;

export interface RegionParts {
  readonly name: string;
  readonly others: readonly string[];
  readonly clock: VirtualClock;
  readonly chance: Chance;
  /** From this hub to another, by the other's name; from the ship to its hub, by "". */
  readonly roads: ReadonlyMap<string, Road>;
  /** The file of grants as it is now. */
  readonly grants: () => string;
  /** Events until a process dies. */
  readonly lifetime: () => number;
}

export class Region {
  readonly site: Site;
  readonly rows = new Rows(0, undefined);
  /** Values that the ship made durable, by device and time. */
  readonly spooled = new Map<string, number>();
  readonly #parts: RegionParts;
  readonly #platters = new Map<string, Platter>();
  process: SimProcess;
  ship: ForwardLink | undefined;
  service: HubService | undefined;
  federation: Federation | undefined;
  door: Door | undefined;
  deaths = 0;
  #shipProcess: SimProcess;
  #ended = false;

  constructor(parts: RegionParts) {
    this.#parts = parts;
    this.site = { region: parts.name, org: "main", site: "hall" };
    this.process = new SimProcess(parts.clock);
    this.#shipProcess = new SimProcess(parts.clock);
  }

  address(device: string): UnnumberedBatch["address"] {
    return { ...this.site, class: "power", device };
  }

  start(): void {
    this.#startHub();
    this.#startShip();
  }

  /** The ship reads a device; what it makes durable is remembered. */
  read(device: string, value: number): void {
    const { ship } = this;
    const time = this.#parts.clock.now();
    const fields = { active_power_w: value, q: 0 };
    const points = [{ measurement: "energy_meter", fields }];
    const address = this.address(device);
    const batch = { kind: "telemetry", address, place: {}, time, points, faults: [] } as const;
    // The disk is large: nothing is ever shed.
    void ship?.offer(batch, { late: false }).then(() => {
      this.spooled.set(`${device} ${time}`, value);
    });
  }

  /** Both processes die of nothing any more. */
  spare(): void {
    this.process.spare();
    this.#shipProcess.spare();
  }

  end(): void {
    this.#ended = true;
    this.process.kill();
    this.#shipProcess.kill();
  }

  #startHub(): void {
    const process = new SimProcess(this.#parts.clock, this.#parts.lifetime(), () =>
      this.#hubDied(),
    );
    this.process = process;
    void this.#openHub(process, this.#platform(process));
  }

  async #openHub(process: SimProcess, platform: Platform): Promise<void> {
    const { name, others, grants, chance, roads } = this.#parts;
    const federation = await process.guard(
      Federation.open(
        {
          region: name,
          peers: others,
          file: "grants.yaml",
          read: () => process.call(1, grants),
          disk: (peer) => this.#disk(`peers/${peer}`, process),
          connect: ({ clientId, subscribe, ...setup }, disk) => {
            const traveller = { clientId, subscribe, process, platform };
            const connect = (events: UplinkEvents) =>
              on(roads, setup.peer).connect(traveller, events);
            return ForwardLink.open({ ...setup, spool, publisher, disk, connect }, platform);
          },
        },
        platform,
      ),
    );
    this.federation = federation;
    const service = await HubService.start(
      {
        store: simStore(this.rows, process, chance),
        disk: await this.#disk("hub", process),
        broker: { ...v.parse(brokerOptions, { users: usersOf(others) }), listen: [] },
        hub: { id: "hub", data: "", health: 10_000, ingest: "own" },
        site: this.site,
        observe: () => undefined,
        changed: () => undefined,
        federation,
        vitals: () => ({ rss: 0, loopDelay: 0 }),
      },
      platform,
    );
    if (process.dead) return void service[Symbol.asyncDispose]();
    this.service = service;
    this.door = { process, accept: (stream, remote) => service.accept(stream, remote) };
  }

  #startShip(): void {
    const process = new SimProcess(this.#parts.clock, this.#parts.lifetime(), () => {
      this.ship = undefined;
      this.#died(process, ["ship"]);
      if (!this.#ended) this.#parts.clock.after(1000, () => this.#startShip());
    });
    this.#shipProcess = process;
    void this.#openShip(process, this.#platform(process));
  }

  async #openShip(process: SimProcess, platform: Platform): Promise<void> {
    const clientId = agentClientId(this.site, "ship");
    const at = { ...this.site, class: "agent", device: "ship" };
    const subscribe = [topicOf(at, "stored"), topicOf(at, "denied")];
    const setup = {
      name: "ship",
      spool,
      publisher,
      disk: await this.#disk("ship", process),
      permits: () => true,
      beforeRetained: () => Promise.resolve(),
      up: () => undefined,
      denied: () => undefined,
      connect: (events: UplinkEvents) =>
        on(this.#parts.roads, "").connect({ clientId, subscribe, process, platform }, events),
    };
    const ship = await process.guard(ForwardLink.open(setup, platform));
    for (const device of this.devices) ship.retain(this.meta(device), metaPayload);
    this.ship = ship;
  }

  devices: readonly string[] = [];

  meta(device: string): string {
    return topicOf(this.address(device), "meta");
  }

  #hubDied(): void {
    const { service, process } = this;
    this.door = undefined;
    this.service = undefined;
    this.federation = undefined;
    this.#died(process, ["hub", ...this.#parts.others.map((peer) => `peers/${peer}`)]);
    void service?.[Symbol.asyncDispose]();
    if (!this.#ended)
      this.#parts.clock.after(this.#parts.chance.whole(0, 3000), () => this.#startHub());
  }

  #died(process: SimProcess, platters: readonly string[]): void {
    const { chance, roads } = this.#parts;
    this.deaths += 1;
    if (chance.chance(0.5)) for (const name of platters) this.#platters.get(name)?.powerCut(chance);
    for (const road of roads.values()) road.died(process);
  }

  #disk(name: string, process: SimProcess): Promise<Disk> {
    const platter = this.#platters.get(name) ?? new Platter(disks);
    this.#platters.set(name, platter);
    return openDisk(platter, { process, chance: this.#parts.chance });
  }

  #platform(process: SimProcess): Platform {
    return { clock: process.clock, entropy: this.#parts.chance, log: silentLog };
  }
}

/** What every device's `meta` says; no interval, so that nobody calls it stale. */
export const metaPayload = JSON.stringify({ v: 1, measurements: { energy_meter: {} } });

function on(roads: ReadonlyMap<string, Road>, to: string): Road {
  const road = roads.get(to);
  if (road === undefined) throw new Error(`no road to ${to}`);
  return road;
}

function usersOf(others: readonly string[]): Record<string, object> {
  const peers = others.map((name) => [name, { password: name, role: "peer" }]);
  return { ship: { password: "ship", role: "agent" }, ...Object.fromEntries(peers) };
}
