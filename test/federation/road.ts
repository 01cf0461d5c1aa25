/**
 * A road from one process to a hub: the product's own link and broker, over lines in memory that
 * are slow, break at any moment, and are cut for as long as a test wants.
 */
import type { Duplex } from "node:stream";
import type { Message, Uplink, UplinkEvents } from "../../agent/index.ts";
import { openUplink } from "../../agent/index.ts";
import { Secret } from "../../config/index.ts";
import type { Clock, Platform } from "../../telemetry/index.ts";
import type { Door } from "../voyage/broker.ts";
import type { Chance } from "../voyage/chance.ts";
import { Line } from "../voyage/line.ts";
import type { SimProcess } from "../voyage/process.ts";

export interface RoadParts {
  readonly clock: Clock;
  readonly chance: Chance;
  /** Undefined while the hub is down. */
  readonly door: () => Door | undefined;
  /** Its user there, who has the same text as password. */
  readonly user: string;
  /** Sees each message before it goes. */
  readonly sends?: (message: Message) => void;
}

export interface Traveller {
  readonly clientId: string;
  readonly subscribe: readonly string[];
  readonly process: SimProcess;
  readonly platform: Platform;
}

export class Road {
  readonly #parts: RoadParts;
  #lines: Line[] = [];
  #links: { readonly process: SimProcess; readonly uplink: Uplink }[] = [];
  #cut = false;

  constructor(parts: RoadParts) {
    this.#parts = parts;
  }

  connect({ clientId, subscribe, process, platform }: Traveller, events: UplinkEvents): Uplink {
    const { user, sends } = this.#parts;
    const uplink = openUplink(
      { url: { scheme: "mqtt", host: "127.0.0.1", port: 1883 }, clientId, subscribe },
      { keepalive: 30_000, username: user, password: new Secret(user) },
      { events, platform, dial: () => this.#dial(process) },
    );
    this.#links.push({ process, uplink });
    return {
      publish: (message) => {
        sends?.(message);
        return process.guard(uplink.publish(message));
      },
      [Symbol.asyncDispose]: () => uplink[Symbol.asyncDispose](),
    };
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Nothing passes, and whoever is under way is lost. */
  cut(): void {
    this.#cut = true;
    this.reset();
  }

  heal(): void {
    this.#cut = false;
  }

  reset(): void {
    for (const line of this.#lines) line.reset();
    this.#lines = [];
  }

  /** A process at either end has died. */
  died(process: SimProcess): void {
    for (const line of this.#lines) {
      for (const end of [line.agent, line.hub]) if (end.process === process) end.destroy();
    }
    this.#lines = this.#lines.filter((line) => line.open);
    for (const link of this.#links) {
      if (link.process === process) void link.uplink[Symbol.asyncDispose]();
    }
    this.#links = this.#links.filter((link) => link.process !== process);
  }

  #dial(process: SimProcess): Duplex {
    const { clock, chance, door } = this.#parts;
    const hub = door();
    const line = new Line({ agent: process, hub: hub?.process ?? process }, clock, chance);
    if (hub === undefined || hub.process.dead || this.#cut) {
      process.clock.after(chance.whole(1, 1000), () => line.agent.destroy());
      return line.agent;
    }
    this.#lines.push(line);
    hub.process.clock.after(chance.whole(1, 20), () => {
      if (!line.hub.destroyed) hub.accept(line.hub, "127.0.0.1");
    });
    return line.agent;
  }
}
