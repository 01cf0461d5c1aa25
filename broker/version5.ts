/**
 * What the hub does for clients of MQTT 5 beside what stands before the broker (`mqtt5/`): wishes
 * of a subscription, wills that wait, how long sessions live.
 */
import { EventEmitter } from "node:events";
import type { Platform, Timer } from "../telemetry/index.ts";
import { invariant } from "../telemetry/index.ts";
import type { Refusal } from "./access.ts";
import { isShared } from "./access.ts";
import type { HubClient } from "./client.ts";
import type { GuardSettings } from "./guard.ts";
import type { Front } from "./mqtt5/index.ts";
import { reasons, riderOf, Riders, willDelayOf } from "./mqtt5/index.ts";
import type { BrokerOptions } from "./options.ts";

/** A will that waits [MQTT5 3.1.3.2.2]. */
interface Waiting {
  readonly timer: Timer;
  readonly fire: () => void;
  readonly drop: () => void;
}

/** What is done with a will. */
export interface WillEnds {
  readonly fire: () => void;
  readonly drop: () => void;
}

export class Version5 {
  readonly riders: Riders;
  readonly #options: BrokerOptions;
  readonly #platform: Platform;
  /** By client identifier; at most as many as there may be connections. */
  readonly #wills = new Map<string, Waiting>();

  constructor(options: BrokerOptions, platform: Platform) {
    this.#options = options;
    this.#platform = platform;
    this.riders = new Riders(() => platform.clock.now());
  }

  /** For the guard of a connection; undefined where MQTT 5 is not spoken. */
  get settings(): GuardSettings["version5"] {
    if (!this.#options.mqtt5) return undefined;
    const { limits } = this.#options;
    return {
      limits,
      riders: this.riders,
      assign: () => `client-${this.#platform.entropy.id()}`,
    };
  }

  /**
   * Brings what rides on a packet to it when the broker has parsed it.
   * @param client aedes' own
   * @throws E_BUG
   */
  tap(client: object, entry: HubClient): void {
    const { front } = entry.guard;
    if (front === undefined) return;
    front.subscribed = (filter) => entry.filters.has(filter);
    const parser: unknown = Reflect.get(client, "_parser");
    invariant(parser instanceof EventEmitter, "aedes' client has no parser");
    parser.prependListener("packet", (packet: unknown) => {
      if (typeof packet === "object" && packet !== null) this.#parsed(packet, front);
    });
  }

  #parsed(packet: object, front: Front): void {
    const cmd: unknown = Reflect.get(packet, "cmd");
    if (cmd !== "publish" && cmd !== "subscribe") return;
    const riding = front.arrived();
    if (riding === undefined) return;
    if ("properties" in riding) {
      const payload: unknown = Reflect.get(packet, "payload");
      if (Buffer.isBuffer(payload)) this.riders.seat(payload, riding);
      return;
    }
    const subscriptions: unknown = Reflect.get(packet, "subscriptions");
    if (!Array.isArray(subscriptions)) return;
    for (const [index, wish] of riding.entries()) {
      const subscription: unknown = subscriptions[index];
      const { noLocal: nl, retainAsPublished: rap, retainHandling: rh } = wish;
      if (typeof subscription === "object") Object.assign(subscription ?? {}, { nl, rap, rh });
    }
  }

  /** Whether a client keeps its session and wants none of what it had. */
  beginsAnew({ guard: { front } }: HubClient): boolean {
    return front?.hello?.anew === true;
  }

  /** The client is in; a will that it left is due or withdrawn, its session lives so long. */
  entered(entry: HubClient, id: string, clean: boolean): void {
    const { front } = entry.guard;
    if (front?.hello !== undefined) {
      const most = clean ? 0 : this.#options.sessions.keep / 1000;
      front.session = { expiry: Math.min(front.hello.expiry, most), most };
    }
    const will = this.#wills.get(id);
    if (will === undefined) return;
    this.#wills.delete(id);
    will.timer.cancel();
    // Where its session ended with it, the will is due [MQTT5-3.1.3-9].
    if (clean || this.beginsAnew(entry)) will.fire();
    else will.drop();
  }

  /**
   * Whether a will waits; if so one of the ends comes later.
   * @param entry whose will it is
   */
  holdsBack(
    entry: HubClient,
    { payload }: { readonly payload: Buffer | string },
    { fire, drop }: WillEnds,
  ): boolean {
    const { front } = entry.guard;
    const hello = front?.hello;
    if (front === undefined || hello === undefined) return false;
    const ready = (): void => {
      const rider = riderOf(hello.will, this.riders);
      if (rider !== undefined && typeof payload === "object") this.riders.seat(payload, rider);
    };
    const delay = Math.min(willDelayOf(hello), front.session.expiry);
    if (delay === 0 || this.#wills.size >= this.#options.limits.connections) {
      ready();
      return false;
    }
    const { id } = entry.publisher;
    const due = (): void => {
      this.#wills.delete(id);
      ready();
      fire();
    };
    const timer = this.#platform.clock.after(delay * 1000, due);
    this.#wills.set(id, { timer, fire: due, drop });
    return true;
  }

  /** A subscription is refused. */
  refused({ guard: { front } }: HubClient, filter: string, full: boolean): void {
    if (front === undefined) return;
    const code = full ? reasons.quota : reasons.notAuthorized;
    front.refuseFilter(filter, isShared(filter) ? reasons.noShared : code);
  }

  /** A publish is refused. */
  unheard({ guard: { front } }: HubClient, id: number | undefined, refusal: Refusal): void {
    if (id !== undefined) front?.refusePublish(id, `${refusal.rule}: ${refusal.remedy}`);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#wills.values()) timer.cancel();
    this.#wills.clear();
  }
}
