/**
 * What the broker remembers, wherever that is: in this process (`sessions.ts`), or in a Redis that
 * several hubs of a region share (`redis/`), whose libraries are loaded only then.
 */
import type { Platform } from "../telemetry/index.ts";
import type { RetainedMessage } from "./contract.ts";
import type { NeighbourParts } from "./neighbours.ts";
import { neighboursOf } from "./neighbours.ts";
import type { BrokerOptions } from "./options.ts";
import type { Riders } from "./mqtt5/index.ts";
import type { Leaving } from "./outgoing.ts";
import type { RetainedTopics } from "./retained.ts";
import type { Packet } from "./session-queue.ts";
import type { SessionOptions } from "./sessions.ts";
import { Sessions } from "./sessions.ts";

/** aedes' persistence, with what the hub asks of it at once. */
export interface HubPersistent extends RetainedTopics {
  /** What leaves to subscribers. */
  readonly outgoing: Leaving;
  /** The next stream of retained messages leaves out what these filters alone match. */
  hush(filters: Set<string>): void;
  retainedOn(filter: string): Iterable<RetainedMessage>;
  removeSubscriptions(client: { readonly id: string }, filters: readonly string[]): Promise<void>;
}

/** A client identifier that somebody logs in with. */
export interface Claim {
  readonly client: string;
  readonly user: string;
  /** Whether its session ends with its connection. */
  readonly clean: boolean;
}

/** What other hubs of the region let this one know. */
export interface Neighbours {
  /** What a client of another hub, or that hub, published; no `node`: it was retained. */
  heard(topic: string, payload: Uint8Array, node?: string): void;
  /** A hub is gone, and its clients with it. */
  gone(node: string): void;
  /** The will of a client of a hub that is gone; it was looked at when the client came. */
  will(packet: Packet): void;
  /** Whether a client that connects may leave such a will. */
  mayLeave(client: string, topic: string): boolean;
  /** Ends the connections of this hub's clients whose identifier is in the set. */
  end(clients: ReadonlySet<string>): void;
}

export interface Memory extends AsyncDisposable {
  readonly persistence: HubPersistent;
  /** What aedes is given besides; nothing where it is alone. */
  readonly broker: { readonly id?: string; readonly mq?: object };
  /** Whether what is shared can be reached; undefined: nothing is shared. */
  readonly up?: boolean | undefined;
  /** Whether a client that wants a session may have one. */
  allows(client: string): boolean;
  /** Whether a client of an organisation that may have `most` sessions may have one. */
  allowsOf(client: string, org: string | undefined, most: number): boolean;
  /** Whose session a client identifier has; undefined: none. */
  ownerOf(client: string): string | undefined;
  /** Takes an identifier among all hubs; who has it then, or that nobody can say now. */
  claim?(claim: Claim): Promise<{ readonly owner: string } | "unavailable">;
  /** A client with a session is here. */
  entered(client: string, user: string, org: string | undefined): void;
  /**
   * A client is gone, or was not let in after all.
   * @param keep how long its session lives without it, where it has said so; ms
   */
  left(client: string, keep?: number): void;
  /** Ends the session of a client; what is shared is told so when the promise resolves. */
  forget(client: string): Promise<void> | void;
  /** A promise for room among what is on its way to Redis; undefined: there is room. */
  room?(): Promise<void> | undefined;
}

export interface SharedParts extends Platform {
  readonly options: SessionOptions;
  /** What rides on messages. */
  readonly riders: Riders;
  readonly region: string;
  /** Whether a client that is in was allowed a subscription. */
  readonly granted: (client: string, filter: string) => boolean;
  readonly neighbours: Neighbours;
}

/** @throws E_CONFIG when a file cannot be opened, E_SECRET_MISSING */
export async function openMemory(
  { sessions: options, redis }: Pick<BrokerOptions, "sessions" | "redis">,
  platform: Platform,
  { hooks, logins, publish, riders }: NeighbourParts & { readonly riders: Riders },
): Promise<Memory> {
  const granted = (client: string, filter: string): boolean => logins.holds(client, filter);
  const { keep, site } = hooks;
  const parts = { ...platform, options, riders, granted };
  if (redis === undefined) return await Sessions.open({ ...parts, keep });
  const { openShared } = await import("./redis/index.ts");
  const neighbours = neighboursOf({ hooks, logins, publish });
  const { region } = site;
  return await openShared(redis, { ...parts, region, neighbours });
}
