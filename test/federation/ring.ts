/**
 * Three regions in a ring, each hub connected to both others: what is granted, what is read, and
 * the laws:
 *  1. nothing lost: what a ship made durable rests in its own hub's store, and what was granted all
 *     the time in the peer's;
 *  2. nothing twice, nothing invented: each row is one that a ship made, once;
 *  3. nothing looped: over a bridge goes only what is of the sender's own region;
 *  4. nothing without grant: nothing is sent that was not granted within the last second, and no
 *     store or broker holds what never was; what is revoked is retained nowhere in the end.
 */
import type { BridgeView } from "../../broker/index.ts";
import type { RollupWindow } from "../../telemetry/index.ts";
import { topicRoot } from "../../telemetry/index.ts";
import { settleAll, VirtualClock } from "../virtual.ts";
import { Chance } from "../voyage/chance.ts";
import { metaPayload, Region } from "./region.ts";
import { Road } from "./road.ts";

export const names = ["east", "north", "west"] as const;
type Name = (typeof names)[number];

/** Items in all. */
export const itemsInAll = 527;
/** How long what was revoked may still be sent. @unit ms */
const grace = 1000;
const step = 100;

/** What a hub grants a peer: devices, and since when each is granted no more. */
interface Ledger {
  readonly granted: Set<string>;
  readonly ever: Set<string>;
  /** Granted from the beginning and never revoked. */
  readonly always: Set<string>;
  readonly revokedAt: Map<string, number>;
}

/** Nothing that happens seldom happens: lines and stores are as quick as they are. */
class Smooth extends Chance {
  override chance(): boolean {
    return false;
  }
}

export class Ring {
  readonly clock = new VirtualClock(undefined, settleAll);
  readonly chance: Chance;
  readonly regions = new Map<Name, Region>();
  readonly broken: string[] = [];
  readonly #roads: Road[] = [];
  readonly #way = new Map<string, Road>();
  readonly #grants = new Map<string, Ledger>();
  readonly #summaries = new Map<string, RollupWindow>();
  #calm = false;
  #value = 0;

  constructor(seed: number, { storms }: { readonly storms: boolean }) {
    this.chance = storms ? new Chance(seed) : new Smooth(seed);
    const share = Math.ceil(itemsInAll / 6);
    let left = itemsInAll;
    for (const from of names) {
      const devices = Array.from({ length: share + 5 }, (_, n) => `d${n}`);
      for (const to of names.filter((name) => name !== from)) {
        const granted = devices.slice(to > from ? 0 : 5).slice(0, Math.min(share, left));
        left -= granted.length;
        this.#grants.set(`${from} ${to}`, ledgerOf(granted));
      }
      const region = this.#region(from, storms);
      region.devices = devices;
      this.regions.set(from, region);
    }
    for (const region of this.regions.values()) region.start();
  }

  road(from: Name, to: Name): Road {
    const road = this.#way.get(`${from} ${to}`);
    if (road === undefined) throw new Error("no road");
    return road;
  }

  region(name: Name): Region {
    const region = this.regions.get(name);
    if (region === undefined) throw new Error("no region");
    return region;
  }

  get items(): number {
    return [...this.#grants.values()].reduce((sum, { granted }) => sum + granted.size, 0);
  }

  grant(from: Name, to: Name, device: string): void {
    const ledger = this.#ledger(from, to);
    ledger.granted.add(device);
    ledger.ever.add(device);
    ledger.revokedAt.delete(device);
  }

  revoke(from: Name, to: Name, device: string): void {
    const ledger = this.#ledger(from, to);
    if (!ledger.granted.delete(device)) return;
    ledger.always.delete(device);
    ledger.revokedAt.set(device, this.clock.monotonic());
  }

  /** Grants the summaries of a window, of all devices. */
  grantSummaries(from: Name, to: Name, window: RollupWindow): void {
    this.#summaries.set(`${from} ${to}`, window);
  }

  /** Time passes; each device is read every `every` ms; `weather` happens at each step. */
  async sail(ms: number, every: number, weather = (): void => undefined): Promise<void> {
    for (let time = 0; time < ms; time += step) {
      weather();
      for (const region of this.regions.values()) {
        region.devices.forEach((device, index) => {
          if ((Math.round(this.clock.monotonic() / step) + index) % (every / step) !== 0) return;
          this.#value += 1;
          region.read(device, this.#value);
        });
      }
      await this.clock.advance(step);
    }
  }

  storm(): void {
    const { chance } = this;
    for (const road of this.#roads) {
      if (chance.chance(0.004)) road.reset();
      if (chance.chance(road.isCut ? 0.02 : 0.004)) {
        if (road.isCut) road.heal();
        else road.cut();
      }
    }
    for (const region of this.regions.values()) {
      if (chance.chance(region.rows.down ? 0.05 : 0.004)) region.rows.down = !region.rows.down;
    }
    if (chance.chance(0.1)) this.#turn();
  }

  /** All faults stop. */
  calm(): void {
    this.#calm = true;
    for (const road of this.#roads) road.heal();
    for (const region of this.regions.values()) {
      region.spare();
      region.rows.down = false;
    }
  }

  /** Waits until nothing waits anywhere. */
  async arrive(most: number): Promise<boolean> {
    for (let time = 0; time < most; time += 1000) {
      await this.clock.advance(1000);
      if (time > 2 * grace && [...this.regions.values()].every((region) => isDone(region)))
        return true;
    }
    return false;
  }

  /** Waits for a condition, at most so long. */
  async until(condition: () => boolean, most: number): Promise<void> {
    for (let time = 0; time < most && !condition(); time += 10) await this.clock.advance(10);
  }

  /** How long readings of a device take from the ship to another region's store. */
  async lateness(from: Name, to: Name, count: number): Promise<number[]> {
    const found: number[] = [];
    for (let one = 0; one < count; one += 1) {
      const time = this.clock.now();
      const before = this.clock.monotonic();
      this.#value += 1;
      this.region(from).read("d9", this.#value);
      await this.until(() => valueIn(this.region(to), from, `d9 ${time}`) !== undefined, 60_000);
      found.push(this.clock.monotonic() - before);
    }
    return found;
  }

  isUp(from: Name, to: Name): boolean {
    return this.#viewOf(from, to)?.up === true;
  }

  /** Batches that wait at one hub for another. */
  queued(from: Name, to: Name): number {
    return this.#viewOf(from, to)?.queued ?? 0;
  }

  revoked(from: Name, to: Name): number {
    return this.#viewOf(from, to)?.shed.revoked ?? 0;
  }

  get deaths(): number {
    return [...this.regions.values()].reduce((sum, { deaths }) => sum + deaths, 0);
  }

  judge(): readonly string[] {
    for (const [name, region] of this.regions) {
      for (const [key, value] of region.spooled) {
        if (valueIn(region, name, key) !== value)
          this.#breaks(`law 1: ${name} lacks its own ${key}`);
      }
      for (const other of names.filter((one) => one !== name)) this.#judgeWay(other, name);
      this.#judgeRows(name, region);
      for (const { offered, stored, queued, shed } of region.federation?.view ?? []) {
        const { full, disk, damaged, large, revoked = 0 } = shed;
        const gone = full + disk + damaged + large + revoked;
        if (offered !== stored + queued + gone) this.#breaks(`${name}: a ledger does not add up`);
      }
    }
    return this.broken;
  }

  end(): void {
    for (const region of this.regions.values()) region.end();
  }

  /** How many rows of one region's devices another's store holds. */
  rowsOf(from: Name, at: Name): number {
    const rows = [...this.region(at).rows.byIdentity.values()];
    return rows.filter(({ tags, measurement }) => tags["region"] === from && isReading(measurement))
      .length;
  }

  /** The same of one device. */
  rowsAt(from: Name, at: Name, device: string): number {
    const rows = [...this.region(at).rows.byIdentity.values()];
    return rows.filter(({ tags }) => tags["region"] === from && tags["device"] === device).length;
  }

  #judgeWay(from: Name, to: Name): void {
    const { granted, always } = this.#ledger(from, to);
    const source = this.region(from);
    const target = this.region(to);
    for (const [key, value] of source.spooled) {
      const [device = ""] = key.split(" ");
      if (always.has(device) && valueIn(target, from, key) !== value) {
        this.#breaks(`law 1: ${to} lacks ${from}'s ${key}`);
      }
    }
    const kept = new Map(
      [...(target.service?.retained(`${topicRoot}/${from}/#`) ?? [])].map((one) => [
        one.topic,
        Buffer.from(one.payload).toString(),
      ]),
    );
    for (const device of source.devices) {
      const retained = kept.get(source.meta(device));
      if (granted.has(device) && retained !== metaPayload) {
        this.#breaks(`law 4: ${to} retains no meta of ${from}'s ${device}, which is granted`);
      }
      const prefix = `${topicRoot}/${from}/main/hall/power/${device}/`;
      const left = [...kept.keys()].filter((topic) => topic.startsWith(prefix));
      if (!granted.has(device) && left.length > 0) {
        this.#breaks(`law 4: ${to} retains ${left.join(", ")}, which is not granted`);
      }
    }
  }

  #judgeRows(at: Name, region: Region): void {
    for (const { tags, fields, time, measurement } of region.rows.byIdentity.values()) {
      const { region: from = "", device = "" } = tags;
      if (!isReading(measurement)) continue;
      const source = names.find((name) => name === from);
      const value = source && this.region(source).spooled.get(`${device} ${time}`);
      // What a dying ship had not called durable yet may be there all the same.
      if (value !== undefined && value !== fields["active_power_w"]) {
        this.#breaks(`law 2: ${at} holds another ${from} ${device} ${time}`);
      }
      if (source === undefined) this.#breaks(`law 2: ${at} holds a row of ${from}`);
      else if (source !== at && !this.#ledger(source, at).ever.has(device)) {
        this.#breaks(`law 4: ${at} holds ${from}'s ${device}, never granted`);
      }
    }
  }

  #viewOf(from: Name, to: Name): BridgeView | undefined {
    return this.region(from).federation?.view.find(({ peer }) => peer === to);
  }

  #ledger(from: Name, to: Name): Ledger {
    const ledger = this.#grants.get(`${from} ${to}`);
    if (ledger === undefined) throw new Error("no ledger");
    return ledger;
  }

  /** One grant that is not of those granted for ever comes or goes. */
  #turn(): void {
    const from = names[this.chance.whole(0, 2)] ?? "east";
    const others = names.filter((name) => name !== from);
    const to = others[this.chance.whole(0, 1)] ?? "west";
    const device = `d${this.chance.whole(0, 20)}`;
    if (this.#ledger(from, to).granted.has(device)) this.revoke(from, to, device);
    else this.grant(from, to, device);
  }

  #region(name: Name, storms: boolean): Region {
    const { clock, chance } = this;
    const roads = new Map<string, Road>();
    const others = names.filter((one) => one !== name);
    for (const to of ["", ...others] as const) {
      const at = to === "" ? name : to;
      const road = new Road({
        clock,
        chance,
        door: () => this.regions.get(at)?.door,
        user: to === "" ? "ship" : name,
        sends: ({ topic, payload }) => {
          if (to !== "" && payload.length > 0) this.#sends(name, to, topic);
        },
      });
      roads.set(to, road);
      this.#roads.push(road);
      this.#way.set(`${name} ${at}`, road);
    }
    return new Region({
      name,
      others,
      clock,
      chance,
      roads,
      grants: () => this.#fileOf(name, others),
      lifetime: () =>
        this.#calm || !storms ? Number.POSITIVE_INFINITY : chance.whole(200, 10_000),
    });
  }

  #sends(from: Name, to: Name, topic: string): void {
    const [, , region, , , kindOf = "", device = ""] = topic.split("/");
    if (region !== from) this.#breaks(`law 3: ${from} sends ${topic}`);
    if (kindOf === `summary-${this.#summaries.get(`${from} ${to}`)}`) return;
    const { granted, revokedAt } = this.#ledger(from, to);
    if (granted.has(device)) return;
    const since = this.clock.monotonic() - (revokedAt.get(device) ?? Number.NEGATIVE_INFINITY);
    if (since > grace) this.#breaks(`law 4: ${from} sends ${to} ${topic} after ${since} ms`);
  }

  #fileOf(from: Name, others: readonly Name[]): string {
    const summed = others.flatMap((peer) => {
      const window = this.#summaries.get(`${from} ${peer}`);
      const items = [`${topicRoot}/${from}/+/+/+/+/telemetry`];
      return window === undefined ? [] : [{ peer, items, summaries: [window] }];
    });
    const grants = others.map((peer) => ({
      peer,
      items: [...this.#ledger(from, peer).granted].map(
        (device) => `${topicRoot}/${from}/main/hall/power/${device}/#`,
      ),
    }));
    return JSON.stringify({ grants: [...grants, ...summed] });
  }

  #breaks(what: string): void {
    const law = what.slice(0, "law 1".length);
    if (this.broken.filter((one) => one.startsWith(law)).length < 10) this.broken.push(what);
  }
}

function ledgerOf(devices: readonly string[]): Ledger {
  const set = (): Set<string> => new Set(devices);
  return { granted: set(), ever: set(), always: set(), revokedAt: new Map() };
}

function isReading(measurement: string): boolean {
  return measurement === "energy_meter";
}

function isDone({ ship, service, federation }: Region): boolean {
  if (ship === undefined || service === undefined || federation === undefined) return false;
  const waiting = federation.view.some(({ queued, up }) => queued > 0 || !up);
  return !waiting && ship.ledger.queued === 0 && service.counts.queued === 0;
}

function valueIn({ rows }: Region, region: Name, key: string): unknown {
  const [device = "", time] = key.split(" ");
  const tags = Object.entries({ device, org: "main", region, site: "hall" });
  const identity = JSON.stringify(["energy_meter", tags, Number(time)]);
  return rows.byIdentity.get(identity)?.fields["active_power_w"];
}
