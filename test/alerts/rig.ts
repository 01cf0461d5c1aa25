/** A hub's alerts under virtual time: what goes out is kept, and the process can end or crash. */
import type { Alerts, ExpectedDevice, Remember, Rule, Transition } from "../../alerts/index.ts";
import { openAlerts, rulesOptions } from "../../alerts/index.ts";
import type { Topology } from "../../config/index.ts";
import { validate, YamlFile } from "../../config/index.ts";
import type { Clock, DeviceAddress, Disk, Fields, Place } from "../../telemetry/index.ts";
import { isRecord, linesOf } from "../../telemetry/index.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../virtual.ts";
import { MemoryStore } from "./memory-store.ts";

export const hub: DeviceAddress = {
  region: "local",
  org: "main",
  site: "hall1",
  class: "agent",
  device: "hub",
};

export function deviceNamed(device: string, deviceClass = "thermal"): DeviceAddress {
  return { ...hub, class: deviceClass, device };
}

export function parseRules(source: string): Readonly<Record<string, Rule>> {
  return validate(rulesOptions, new YamlFile("rules.yaml", source));
}

export interface Row {
  readonly device: string;
  readonly measurement: string;
  readonly channel?: Readonly<Record<string, string>>;
  readonly fields: Fields;
  readonly place?: Place;
  /** Default: now. */
  readonly time?: number;
}

export class Rig {
  readonly clock = new VirtualClock();
  readonly start = this.clock.now();
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly store = new MemoryStore();
  readonly log = new KeptLog();
  /** The newest retained payload of each topic. */
  readonly retained = new Map<string, string>();
  readonly published: string[] = [];
  readonly told: Transition[] = [];
  expected: readonly ExpectedDevice[] = [];
  rules: Readonly<Record<string, Rule>>;
  maxGroups = 10_000;
  brokerDown = false;
  topology: Topology | undefined;
  /** What is known of an agent. */
  gone: (agent: DeviceAddress) => boolean | undefined = () => undefined;
  /** Where transitions are kept for notifiers. */
  remember: Remember | undefined;
  #alerts: Alerts | undefined;
  #life = { over: false };

  constructor(rules: string) {
    this.rules = parseRules(rules);
  }

  get alerts(): Alerts {
    if (this.#alerts === undefined) throw new Error("the rig is not open");
    return this.#alerts;
  }

  async open(): Promise<this> {
    const life = { over: false };
    this.#life = life;
    const clock: Clock = {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic(),
      after: (ms, run) => this.clock.after(ms, () => (life.over ? undefined : run())),
    };
    const platform = { clock, entropy: new SeededEntropy(), log: this.log };
    const { rules, expected, store, maxGroups, remember, topology } = this;
    const gone = (agent: DeviceAddress): boolean | undefined => this.gone(agent);
    const disk: Disk = new Proxy(this.disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return life.over ? () => new Promise(() => undefined) : member.bind(target);
      },
    });
    const publish = (topic: string, payload: string): Promise<void> => {
      if (this.brokerDown) return Promise.reject(new Error("broker is down"));
      if (!life.over) this.published.push(topic);
      if (!life.over) this.retained.set(topic, payload);
      return Promise.resolve();
    };
    const notify = (transition: Transition): void => {
      if (!life.over) this.told.push(transition);
    };
    const known = { rules, expected, hub, topology, gone, maxGroups };
    const parts = { ...known, store, disk, publish, notify, remember };
    this.#alerts = await openAlerts(parts, platform);
    await this.clock.advance(0);
    return this;
  }

  async close(): Promise<void> {
    await this.alerts[Symbol.asyncDispose]();
    this.#life.over = true;
  }

  /** The process is gone: nothing of it happens any more. */
  crash(): void {
    this.#life.over = true;
  }

  /** Rows of one moment: into the store and to the live rules. */
  send(...rows: readonly Row[]): void {
    for (const { device, measurement, channel, fields, place = {}, time } of rows) {
      const address = deviceNamed(device);
      const points = [{ measurement, tags: channel ?? {}, fields }];
      const batch = { address, place, time: time ?? this.clock.now(), points };
      if (this.store.state === "up") {
        this.store.lines.push(...linesOf({ ...batch, kind: "telemetry", faults: [] }));
      }
      this.alerts.observe(batch);
    }
  }

  temperature(value: number, device = "a"): void {
    this.send({
      device,
      measurement: "thermal",
      channel: { sensor: "inlet" },
      fields: { temp_c: value },
    });
  }

  /** `from->to` of all that the notifier was told. */
  arrows(): string[] {
    return this.told.map(({ from, to }) => `${from}->${to}`);
  }

  /** The alerts in the retained payload of a device. */
  alertsOf(address: DeviceAddress): unknown {
    const { region, org, site, class: deviceClass, device } = address;
    const topic = `rackstreet/v1/${region}/${org}/${site}/${deviceClass}/${device}/alert`;
    const payload: unknown = JSON.parse(this.retained.get(topic) ?? "{}");
    return isRecord(payload) ? payload["alerts"] : undefined;
  }

  /** Rows that the alerts themselves wrote. */
  rows(): MemoryStore["lines"] {
    return this.store.lines.filter(({ measurement }) => measurement === "alert_event");
  }
}
