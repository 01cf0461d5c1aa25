/**
 * A hub on a broker that is there already: a client of it that hears what agents publish and says
 * what the hub says. Sessions are clean and messages that come while there is no room wait without
 * a PUBACK: what the broker drops meanwhile the agents send again, so any MQTT 3.1.1 broker gives
 * the same promise (design.md section 6).
 *
 * Retained telemetry is of the past and was live once: it is left to the agents' resend.
 */
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, parseTopic, sleep, topicRoot } from "../telemetry/index.ts";
import type { Publisher } from "./client.ts";
import { Counters } from "./counters.ts";
import type { Hub, HubHooks, PublishOptions } from "./contract.ts";
import { batchKinds, roomWithin } from "./lane.ts";
import type { Share } from "./share.ts";
import { filterFor, isOurs } from "./share.ts";

/** What the hub tells and asks of a link to a broker; `agent/uplink.ts` has one that fits. */
export interface OutsideLink extends AsyncDisposable {
  publish(message: {
    readonly topic: string;
    readonly payload: string;
    readonly retain: boolean;
  }): Promise<void>;
}

export interface OutsideLinkSetup {
  readonly clientId: string;
  readonly subscribe: readonly string[];
  readonly events: {
    up(): void;
    down(): void;
    /** The message is acknowledged, and the next one comes, once the promise resolves. */
    message(topic: string, payload: Uint8Array, retained?: boolean): Promise<void> | void;
  };
}

export interface OutsideSetup {
  /** Where the broker is, for people. */
  readonly address: string;
  /** The hub's id: its client identifier is made of it. */
  readonly hub: string;
  readonly connect: (link: OutsideLinkSetup) => OutsideLink;
  /** Set: it only stores, this much of what comes. */
  readonly share?: Share | "all";
}

/** What a hub must hear. */
const kinds = [...batchKinds, "meta", "state"] as const;

/** Opens the link; it keeps itself up until it is disposed. */
export function openOutside(setup: OutsideSetup, hooks: HubHooks, platform: Platform): Hub {
  return new OutsideHub(setup, hooks, platform);
}

class OutsideHub implements Hub {
  readonly addresses: readonly string[];
  readonly counters = new Counters();
  readonly #hooks: HubHooks;
  readonly #platform: Platform;
  readonly #link: OutsideLink;
  readonly #client: Publisher;
  readonly #share: Share | undefined;

  constructor(setup: OutsideSetup, hooks: HubHooks, platform: Platform) {
    const { address, hub, connect, share } = setup;
    const { region, org, site } = hooks.site;
    const clientId = `rackstreet-hub-${region}-${org}-${site}-${hub}`;
    this.addresses = [address];
    this.#hooks = hooks;
    this.#platform = platform;
    this.#client = { id: clientId, user: "" };
    this.#share = share === "all" ? undefined : share;
    this.#link = connect({
      clientId,
      subscribe: (share === undefined ? kinds : batchKinds).map((kind) =>
        filterFor(this.#share, `${topicRoot}/+/+/+/+/+/${kind}`),
      ),
      events: {
        up: () => {
          this.counters.connections = 1;
        },
        down: () => {
          this.counters.connections = 0;
        },
        message: (topic, payload, retained) => this.#message(topic, payload, retained === true),
      },
    });
  }

  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<void> {
    const text = typeof payload === "string" ? payload : Buffer.from(payload).toString();
    try {
      await this.#link.publish({ topic, payload: text, retain: options.retain === true });
    } catch (cause) {
      throw new GatewayError("E_DISCONNECTED", `${topic}: the broker is away`, { cause });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#link[Symbol.asyncDispose]());
  }

  #message(topic: string, payload: Uint8Array, retained: boolean): Promise<void> | undefined {
    const parsed = parseTopic(topic);
    // What hubs say of themselves comes back here; they have stored it themselves.
    if (parsed === undefined || parsed.address.class === "hub") return undefined;
    const current = parsed.kind === "meta" || parsed.kind === "state";
    if (retained && !current) return undefined;
    if (!isOurs(this.#share, parsed.address)) return undefined;
    this.counters.received += 1;
    this.#hooks.message(topic, payload, this.#client);
    return current ? undefined : this.#room();
  }

  /** Waits for room, but never so long that the broker would think us gone. */
  #room(): Promise<void> | undefined {
    const room = this.#hooks.room();
    if (room === undefined) return undefined;
    const wait = new AbortController();
    const free = room.catch(() => undefined).finally(() => wait.abort());
    return Promise.race([free, sleep(this.#platform.clock, roomWithin, wait.signal)]);
  }
}
