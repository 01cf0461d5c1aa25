/**
 * One voyage: agent, wire, ingest and store in one process under virtual time, with faults from a
 * seed: the agent or the hub dies at any moment, writes are torn, bits rot, the disk is full, the
 * clock jumps, the link is cut, messages come twice and late, the store is down, slow or lies.
 *
 * The laws at the end, when all faults have stopped and time has passed:
 *  1. every batch that was spooled rests in the store, but for those counted as shed, and one for
 *     each flipped bit: in the newest record it cannot be told from a torn tail;
 *  2. the store holds nothing that no device gave;
 *  3. offered = stored + queued + shed, and nothing is queued;
 *  4. the spool never used more disk than it may;
 *  5. on each telemetry topic time never runs backwards;
 *  6. an alert fires once, and is firing in the end.
 */
import { Agent } from "../../agent/index.ts";
import type { AgentDevice, Ledger } from "../../agent/index.ts";
import type { Session } from "../../drivers/index.ts";
import type { Log, Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { Chance } from "./chance.ts";
import { Platter, SimDisk } from "./disk.ts";
import { startHub } from "./hub.ts";
import { SimProcess } from "./process.ts";
import { Rows } from "./store.ts";
import { SimWire } from "./wire.ts";

const site = { region: "local", org: "main", site: "sea" };
const spoolSize = 256 * 1024;
const segmentSize = 16 * 1024;
/** Virtual time of the faults and of the calm after them. @unit ms */
const stormTime = 60_000;
const calmTime = 240_000;
/** Long enough for a live reading of each device. @unit ms */
const leastCalm = 8000;
const step = 100;

export interface VoyageResult {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly spooled: number;
  readonly ledger: Ledger;
  readonly crashes: number;
}

class Voyage {
  readonly clock = new VirtualClock();
  readonly chance: Chance;
  readonly platter: Platter;
  readonly rows = new Rows();
  readonly wire: SimWire;
  /** What devices gave: device and time → value. */
  readonly given = new Map<string, number>();
  /** What the agent called spooled: kind, device and time. */
  readonly spooled = new Set<string>();
  readonly broken: string[] = [];
  /** What alerts remember over deaths of the hub. */
  readonly hubPlatter = new Platter(1024 ** 2);
  /** Devices whose alert was told to fire. */
  readonly fired: string[] = [];
  agent: Agent | undefined;
  agentProcess: SimProcess;
  hub: ReturnType<typeof startHub> | undefined;
  hubProcess: SimProcess;
  crashes = 0;
  rots = 0;
  #value = 0;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.platter = new Platter(this.chance.chance(0.2) ? spoolSize / 2 : 8 * spoolSize);
    this.wire = new SimWire(this.clock, this.chance);
    this.agentProcess = new SimProcess(this.clock);
    this.hubProcess = new SimProcess(this.clock);
  }

  startAgent(): void {
    const process = new SimProcess(this.clock);
    this.agentProcess = process;
    this.agent = undefined;
    const disk = new SimDisk(this.platter, process, this.chance);
    const devices = ["a", "b", "c"].map((id) => this.#device(id, process));
    const starting = Agent.start(
      {
        options: {
          id: "ship",
          data: "",
          interval: 1000,
          health: 10_000,
          uplink: { keepalive: 30_000, window: 4, resend: 3000 },
          spool: {
            size: spoolSize,
            segment: segmentSize,
            commit: this.chance.chance(0.3) ? 0 : 100,
          },
        },
        site,
        devices,
        disk,
        vitals: () => ({ rss: 0, loopDelay: 0 }),
        connect: ({ events, subscribe }) => this.wire.connect(process, events, subscribe),
      },
      this.#platform(process),
    );
    process.guard(starting).then(
      (agent) => {
        this.agent = agent;
      },
      (error: unknown) => void this.broken.push(`the agent did not start: ${String(error)}`),
    );
  }

  startHub(): void {
    const process = new SimProcess(this.clock);
    this.hubProcess = process;
    this.hub = startHub({
      process,
      platform: this.#platform(process),
      chance: this.chance,
      rows: this.rows,
      wire: this.wire,
      platter: this.hubPlatter,
      notify: ({ to, address }) => {
        if (to === "firing") this.fired.push(address.device);
      },
      broken: (what) => void this.broken.push(what),
    });
  }

  killAgent(): void {
    this.agentProcess.kill();
    this.crashes += 1;
    this.platter.crash(this.chance);
    if (this.chance.chance(0.1)) this.rots += this.platter.rot(this.chance) ? 1 : 0;
    this.startAgent();
  }

  killHub(): void {
    this.hubProcess.kill();
    this.hubPlatter.crash(this.chance);
    this.wire.hub = undefined;
    this.crashes += 1;
  }

  /** One step of weather. */
  storm(): void {
    const { chance } = this;
    if (chance.chance(0.01)) this.killAgent();
    if (chance.chance(0.01)) this.killHub();
    else if (this.wire.hub === undefined && chance.chance(0.2)) this.startHub();
    if (chance.chance(0.01)) this.wire.cut = !this.wire.cut;
    if (chance.chance(0.01)) this.rows.down = !this.rows.down;
    if (chance.chance(0.003)) this.clock.jump(chance.whole(1, 3_600_000));
  }

  calm(): void {
    this.wire.cut = false;
    this.rows.down = false;
    this.platter.capacity = 8 * spoolSize;
    if (this.wire.hub === undefined) this.startHub();
  }

  #device(id: string, process: SimProcess): AgentDevice {
    const read: Session["read"] = async () => {
      await new Promise<void>((resolve) => process.clock.after(this.chance.whole(1, 50), resolve));
      if (this.chance.chance(0.02)) throw new GatewayError("E_CONNECT", "gone");
      this.#value += 1;
      this.given.set(`${id} ${this.clock.now()}`, this.#value);
      const fields = { active_power_w: this.#value, q: 0 };
      return { points: [{ measurement: "energy_meter", fields }], faults: [] };
    };
    return {
      address: { ...site, class: "power", device: id },
      place: { rack: "r1" },
      driver: "voyage",
      profile: undefined,
      vendor: undefined,
      model: undefined,
      interval: 1000,
      busKey: id,
      session: {
        groups: [{ name: "default", every: undefined }],
        read,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    };
  }

  #platform(process: SimProcess): Platform {
    const silent = (): void => undefined;
    const log: Log = {
      info: silent,
      warn: silent,
      error: silent,
      debug: (event, fields = {}) => {
        if (event === "batch spooled" && !process.dead) {
          const { kind, device, time } = fields;
          this.spooled.add(`${String(kind)} ${String(device)} ${String(time)}`);
        }
      },
    };
    return { clock: process.clock, entropy: this.chance, log };
  }
}

/** Sails one voyage; `broken` names each law that did not hold. */
export async function sail(seed: number): Promise<VoyageResult> {
  const voyage = new Voyage(seed);
  voyage.startHub();
  voyage.startAgent();
  for (let time = 0; time < stormTime; time += step) {
    voyage.storm();
    voyage.wire.step();
    await voyage.clock.advance(step);
    const bytes = diskUse(voyage);
    if (bytes > spoolSize) voyage.broken.push(`law 4: the spool uses ${bytes} bytes`);
  }
  voyage.calm();
  for (let time = 0; time < calmTime; time += step) {
    if (time > leastCalm && drained(voyage)) break;
    voyage.wire.step();
    await voyage.clock.advance(step);
  }
  return judge(seed, voyage);
}

function diskUse({ platter }: Voyage): number {
  let sum = 0;
  for (const [name, { durable }] of platter.files) if (name.endsWith(".seg")) sum += durable.length;
  return sum;
}

/** Polling goes on in the calm; it ends in a moment when nothing waits. */
function drained({ agent }: Voyage): boolean {
  return agent !== undefined && agent.ledger.queued === 0 && agent.ledger.offered > 0;
}

function judge(seed: number, voyage: Voyage): VoyageResult {
  const { broken, rows, given, spooled, agent, crashes } = voyage;
  const ledger = agent?.ledger ?? {
    offered: 0,
    stored: 0,
    queued: -1,
    shed: { full: 0, disk: 0, damaged: 0, large: 0 },
  };
  const { full, disk, damaged, large } = ledger.shed;
  const shed = full + disk + damaged + large;
  const stored = new Set<string>();
  for (const { measurement, tags, fields, time } of rows.byIdentity.values()) {
    const kind = measurement === "device_event" ? "event" : "telemetry";
    const moment = `${tags["device"] ?? ""} ${time}`;
    stored.add(`${kind} ${moment}`);
    if (measurement !== "energy_meter") continue;
    if (given.get(moment) !== fields["active_power_w"]) broken.push(`law 2: ${moment} never given`);
  }
  const missing = [...spooled].filter((key) => !stored.has(key));
  if (missing.length > shed + voyage.rots) {
    const some = missing.slice(0, 3).join(", ");
    broken.push(`law 1: ${missing.length} missing, ${shed} shed: ${some}`);
  }
  if (ledger.offered !== ledger.stored + ledger.queued + shed)
    broken.push("law 3: does not add up");
  if (ledger.queued !== 0) broken.push(`law 3: ${ledger.queued} still queued`);
  broken.push(...backwards(voyage), ...alerted(voyage));
  return { seed, broken, spooled: spooled.size, ledger, crashes };
}

/** Law 5, per life of the agent: what one process publishes live never runs backwards. */
function backwards({ wire }: Voyage): string[] {
  const newest = new Map<string, number>();
  const found: string[] = [];
  for (const { topic, payload } of wire.seen) {
    const seq = Number(/"seq":(\d+)/.exec(payload)?.[1]);
    const before = newest.get(topic) ?? 0;
    if (seq < before) found.push(`law 5: ${topic} went from ${before} back to ${seq}`);
    newest.set(topic, Math.max(before, seq));
  }
  return found;
}

function alerted({ fired, hub }: Voyage): string[] {
  const found = fired
    .filter((device, index) => fired.indexOf(device) !== index)
    .map((device) => `law 6: the alert of ${device} fired twice`);
  const firing = new Set(
    hub
      ?.alerts()
      ?.firing()
      .alerts.map(({ address }) => address.device),
  );
  const silent = ["a", "b", "c"].filter((device) => !firing.has(device));
  return [...found, ...silent.map((device) => `law 6: the alert of ${device} is not firing`)];
}
