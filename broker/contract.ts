/** The broker as the hub sees it: what it is given, and what it can do. */
import type { Duplex } from "node:stream";
import type { Site } from "../telemetry/index.ts";
import type { Desk } from "./asking/desk.ts";
import type { Publisher } from "./client.ts";
import type { Enrolment } from "./enrol/enrolment.ts";
import type { HubCounters } from "./counters.ts";
import type { Login, LoginAttempt } from "./identity.ts";
import type { Room } from "./lane.ts";
import type { Peer } from "./listeners.ts";
import type { KeepParts } from "./sessions.ts";

export interface HubHooks {
  /** Where this hub is: agents that name no site write here. */
  readonly site: Site;
  /**
   * Called once for each accepted publish and will, in order for each client, before the PUBACK.
   * A QoS 1 publish that the client sends again comes again. It must return at once.
   */
  message(topic: string, payload: Uint8Array, client: Publisher): void;
  /**
   * Undefined while there is room; else a promise for it, and publishes of telemetry, backfill
   * and events wait for that (20 s at most) without a PUBACK.
   */
  readonly room: Room;
  /** Hears what clients of other hubs of the region publish, and what of it was retained. */
  heard?(topic: string, payload: Uint8Array, node: string | undefined): void;
  /** Another hub of the region is gone. */
  gone?(node: string): void;
  /** Answers what clients ask of the hub; left out: nothing is. */
  readonly desk?: Desk | undefined;
  /** Where agents get their certificates from this hub. */
  readonly enrolment?: Enrolment | undefined;
  /** Where retained messages and sessions outlive the process; left out: nowhere. */
  readonly keep?: KeepParts | undefined;
}

export interface RetainedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface PublishOptions {
  readonly retain?: boolean;
  readonly qos?: 0 | 1;
}

export interface Hub extends AsyncDisposable {
  /** Where it listens, with the real ports. */
  readonly addresses: readonly string[];
  readonly counters: HubCounters;
  /** Whether the Redis that it shares with others can be reached; undefined: it shares none. */
  readonly redisUp?: boolean | undefined;
  /** Takes a connection over that no listener accepted; only a broker of its own can. */
  accept?(stream: Duplex, peer: Peer): void;
  /** Retained messages on topics that a filter matches; only a broker of its own has them. */
  retained?(filter: string): Iterable<RetainedMessage>;
  /** Who somebody is that comes by another way; only a broker of its own knows its users. */
  identify?(attempt: LoginAttempt): Promise<Login>;
  /**
   * Publishes as the hub itself; resolves once it was handed to each subscriber's guard.
   * @throws E_DISCONNECTED after the hub was closed
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>;
}
