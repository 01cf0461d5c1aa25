/**
 * Shows an agent's devices to Home Assistant: discovery configs at its own broker, retained, and
 * beside them the telemetry payloads as they are, with the devices' states. Said anew after each
 * connection and whenever Home Assistant says that it has started.
 *
 * Bounds: `maxSensors` a device; of each topic the newest payload alone waits for the link.
 */
import type { DeviceAddress, Platform, UnnumberedBatch } from "../../telemetry/index.ts";
import { topicOf } from "../../telemetry/index.ts";
import type { Described, LinkState } from "../devices.ts";
import { statePayload } from "../devices.ts";
import type { Facade } from "../facade.ts";
import type { Spooled } from "../spooled.ts";
import type { Message, TextMessage, Uplink, UplinkEvents } from "../uplink.ts";
import type { Shown } from "./discovery.ts";
import { discoveryId, discoveryPayload, maxSensors, shownIn, staleAfter } from "./discovery.ts";

export interface HomeAssistantLink {
  readonly will: (() => Message) | undefined;
  readonly subscribe: readonly string[];
  readonly events: UplinkEvents;
}

export interface HomeAssistantSetup {
  readonly prefix: string;
  /** Whether batches and states are published too; else they come to that broker anyway. */
  readonly telemetry: boolean;
  readonly agent: DeviceAddress;
  readonly devices: readonly Described[];
  readonly connect: (link: HomeAssistantLink) => Uplink;
}

interface Newest {
  readonly payload: string;
  /** From then on it is of the past; undefined: it holds until it is said anew. @unit ms */
  readonly until?: number | undefined;
}

interface Told {
  readonly device: Described;
  readonly sensors: Map<string, Shown>;
}

export class HomeAssistant implements Facade {
  readonly name = "home assistant";
  readonly #setup: HomeAssistantSetup;
  readonly #platform: Platform;
  readonly #devices: ReadonlyMap<string, Told>;
  /** The newest payload of each topic, published again after each reconnect. */
  readonly #newest = new Map<string, Newest>();
  /** Topics whose newest payload waits for the link, the oldest first. */
  readonly #waiting = new Set<string>();
  readonly #link: Uplink;
  #connection = 0;
  #up = false;
  #busy = 0;
  /** Fields beyond the sensors that a device may have. */
  #left = 0;

  constructor(setup: HomeAssistantSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#devices = new Map(
      setup.devices.map((device) => [device.address.device, { device, sensors: new Map() }]),
    );
    const status = `${setup.prefix}/status`;
    this.#keep(this.#agentState("online"));
    this.#link = setup.connect({
      will: setup.telemetry ? () => this.#agentState("offline") : undefined,
      subscribe: [status],
      events: {
        up: () => {
          this.#up = true;
          this.#connection += 1;
          this.#sayAll();
        },
        down: () => {
          this.#up = false;
        },
        message: (topic, payload) => {
          const isBirth = topic === status && Buffer.from(payload).toString() === "online";
          if (isBirth) this.#sayAll();
        },
      },
    });
  }

  /** Fields left out, as they would be more sensors than a device may have. */
  get left(): number {
    return this.#left;
  }

  batch({ address, points }: UnnumberedBatch, { topic, payload }: Spooled): void {
    const told = this.#devices.get(address.device);
    if (told === undefined || address.class === "agent") return;
    const { sensors, device } = told;
    const before = sensors.size;
    for (const [id, shown] of shownIn(points)) {
      if (sensors.has(id)) continue;
      if (sensors.size < maxSensors) sensors.set(id, shown);
      else this.#left += 1;
    }
    if (sensors.size > before) {
      const config = discoveryPayload({ device, agent: this.#setup.agent, sensors });
      this.#say(`${this.#setup.prefix}/device/${discoveryId(address)}/config`, config);
    }
    if (!this.#setup.telemetry) return;
    this.#say(topic, payload, this.#platform.clock.monotonic() + staleAfter(device.interval));
  }

  turned(address: DeviceAddress, state: LinkState, reason: string): void {
    if (!this.#setup.telemetry) return;
    const since = this.#platform.clock.now();
    this.#say(topicOf(address, "state"), statePayload(state, reason, since));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const message = this.#agentState("offline");
    if (this.#up && this.#setup.telemetry) {
      await this.#link.publish(message).catch(() => undefined);
    }
    this.#up = false;
    await this.#link[Symbol.asyncDispose]();
  }

  #agentState(state: LinkState): TextMessage {
    const payload = statePayload(state, "none", this.#platform.clock.now());
    return { topic: topicOf(this.#setup.agent, "state"), payload, retain: true };
  }

  #keep({ topic, payload }: TextMessage): void {
    if (this.#setup.telemetry) this.#newest.set(topic, { payload });
  }

  /** Home Assistant forgets what it was told when it starts: configs first, then values. */
  #sayAll(): void {
    const topics = [...this.#newest.keys()];
    for (const topic of topics.filter(isConfig)) this.#waiting.add(topic);
    for (const topic of topics.filter((one) => !isConfig(one))) this.#waiting.add(topic);
    void this.#run(this.#connection);
  }

  #say(topic: string, payload: string, until?: number): void {
    this.#newest.set(topic, { payload, until });
    this.#waiting.add(topic);
    void this.#run(this.#connection);
  }

  /** One message at a time; a link that stalls holds back nothing but the newest of each topic. */
  async #run(connection: number): Promise<void> {
    if (!this.#up || this.#busy === connection) return;
    this.#busy = connection;
    for (const topic of this.#waiting) {
      if (!this.#up || this.#connection !== connection) break;
      this.#waiting.delete(topic);
      const { payload, until } = this.#newest.get(topic) ?? { payload: "" };
      const expires = until === undefined ? until : until - this.#platform.clock.monotonic();
      if (expires !== undefined && expires <= 0) continue;
      // After a failure the link goes down, and all is said anew on the next.
      await this.#link.publish({ topic, payload, retain: true, expires }).catch(() => undefined);
    }
    if (this.#busy === connection) this.#busy = 0;
  }
}

function isConfig(topic: string): boolean {
  return topic.endsWith("/config");
}
