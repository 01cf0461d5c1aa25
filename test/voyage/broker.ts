/**
 * The link as it is in the product: the agent's MQTT.js and the hub's Aedes behind its guard, over
 * lines in memory. Keepalive is the line's: a half-open one is reset in the end.
 */
import type { Duplex } from "node:stream";
import type { LinkSetup, Uplink } from "../../agent/index.ts";
import { openUplink } from "../../agent/index.ts";
import type { Clock, Platform } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import { Line } from "./line.ts";
import type { SimProcess } from "./process.ts";
import type { Way, Wire } from "./wire.ts";

/** Who takes connections. */
export interface Door {
  readonly process: SimProcess;
  readonly accept: (stream: Duplex, remote: string) => void;
}

/** @unit ms */
const keepalive = 45_000;

export class BrokerWire implements Wire {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #platform: (process: SimProcess) => Platform;
  /** Undefined while the hub is down. */
  hub: Door | undefined;
  mostUnacknowledged = 0;
  #way: Way = "open";
  #lines: Line[] = [];
  #openAt = 0;
  #links: { readonly process: SimProcess; readonly uplink: Uplink }[] = [];

  constructor(clock: Clock, chance: Chance, platform: (process: SimProcess) => Platform) {
    this.#clock = clock;
    this.#chance = chance;
    this.#platform = platform;
  }

  connect(process: SimProcess, { clientId, will, subscribe, events }: LinkSetup): Uplink {
    const url = { scheme: "mqtt", host: "127.0.0.1", port: 1883 };
    const uplink = openUplink(
      { url, clientId, will, subscribe },
      { keepalive: 30_000 },
      { events, platform: this.#platform(process), dial: () => this.#dial(process) },
    );
    this.#links.push({ process, uplink });
    let unacknowledged = 0;
    return {
      publish: async (message) => {
        const live = /\/(?:telemetry|event)$/.test(message.topic);
        if (live) unacknowledged += 1;
        this.mostUnacknowledged = Math.max(this.mostUnacknowledged, unacknowledged);
        await process.guard(
          uplink.publish(message).finally(() => {
            if (live) unacknowledged -= 1;
          }),
        );
      },
      [Symbol.asyncDispose]: () => uplink[Symbol.asyncDispose](),
    };
  }

  set(way: Way): void {
    this.#way = way;
    for (const line of this.#lines) {
      if (way === "cut") line.reset();
      else if (way === "open") line.heal();
      else line.hold(way === "deaf" ? line.agent : line.hub);
    }
  }

  step(): void {
    if (this.#way === "open") this.#openAt = this.#clock.monotonic();
    const lost = this.#clock.monotonic() - this.#openAt > keepalive;
    for (const line of this.#lines) if (lost) line.reset();
    this.#lines = this.#lines.filter((line) => line.open);
  }

  /** A process has died: its kernel closes its connections, or nobody does after a power cut. */
  died(process: SimProcess, powerCut: boolean): void {
    for (const line of this.#lines) {
      const end = line.agent.process === process ? line.agent : line.hub;
      if (end.process !== process) continue;
      if (powerCut) {
        line.hold(end);
        this.#clock.after(this.#chance.whole(1, 20_000), () => line.reset());
      }
      end.destroy();
    }
    // Real timers of the library must not outlive what stands for its process.
    for (const link of this.#links) {
      if (link.process === process) void link.uplink[Symbol.asyncDispose]();
    }
    this.#links = this.#links.filter((link) => link.process !== process);
  }

  #dial(process: SimProcess): Duplex {
    const { hub } = this;
    const line = new Line(
      { agent: process, hub: hub?.process ?? process },
      this.#clock,
      this.#chance,
    );
    if (hub === undefined || hub.process.dead || this.#way !== "open") {
      process.clock.after(this.#chance.whole(1, 1000), () => line.agent.destroy());
      return line.agent;
    }
    this.#lines.push(line);
    hub.process.clock.after(this.#chance.whole(1, 20), () => {
      if (!line.hub.destroyed) hub.accept(line.hub, "127.0.0.1");
    });
    return line.agent;
  }
}
