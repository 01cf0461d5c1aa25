/**
 * Lets clients in: who they are, whose client identifier that is, and whether there is room for one
 * more of their organisation.
 */
import type { Platform, Site } from "../telemetry/index.ts";
import {
  agentClientId,
  agentIdStart,
  GatewayError,
  oldAgentClientId,
  peerClientId,
} from "../telemetry/index.ts";
import type { Grant } from "./access.ts";
import type { HubClient, Publisher } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Enrolment } from "./enrol/enrolment.ts";
import type { Identify, Login, LoginAttempt, LoginRefusal } from "./identity.ts";
import { identifier } from "./identity.ts";
import type { Memory } from "./memory.ts";
import { reasons } from "./mqtt5/index.ts";
import type { BrokerOptions, User } from "./options.ts";
import { Tenants } from "./tenants.ts";

/** `unavailable`: it may come again later as it is. */
export type LoginProblem = "client_id_taken" | "refused" | "unavailable";

/** What a CONNECT says. */
export interface LoginRequest {
  /** Client identifier. */
  readonly id: string;
  readonly clean: boolean;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** Wants a session, and none of what was in the one it had. */
  readonly anew: boolean;
  /** Lets its session end with its connection. */
  readonly endSession: () => void;
}

interface LoginParts extends Platform {
  readonly site: Site;
  readonly counters: Counters;
  readonly enrolment?: Enrolment | undefined;
}

export class Logins {
  readonly #identify: Identify;
  readonly #tenants: Tenants;
  readonly #counters: Counters;
  readonly #parts: LoginParts;
  /** Client identifiers that older agents come with, and the users who are that agent. */
  readonly #reserved: ReadonlyMap<string, ReadonlySet<string>>;
  #logged = Number.NEGATIVE_INFINITY;
  /** Client identifiers in use, and whose they are; bounded by the connections. */
  readonly #owners = new Map<string, { readonly user: string; readonly by: Set<HubClient> }>();

  /** @throws E_SECRET_MISSING */
  constructor({ users, tenants, tls }: BrokerOptions, parts: LoginParts) {
    const { site } = parts;
    const own = `${site.region}/${site.org}/${site.site}`;
    this.#parts = parts;
    this.#identify = identifier(users, own, { ...parts, requireClient: tls?.requireClient });
    this.#reserved = reservedFor(users, own);
    this.#tenants = new Tenants(tenants, parts.clock);
    this.#counters = parts.counters;
  }

  /** Who somebody is; wrong passwords count as they do at the broker. */
  async identify(attempt: LoginAttempt): Promise<Login> {
    const login = await this.#identify(attempt);
    if ("refused" in login) this.#counters.countRejected(login.refused);
    return login;
  }

  /** Why a client is not let in; undefined: it is in. */
  async refuse(
    { id, clean, user, password, anew, endSession }: LoginRequest,
    client: HubClient,
    sessions: Memory | undefined,
  ): Promise<LoginProblem | undefined> {
    const login = await this.identify({ user, password, ...client.peer });
    // It may have left meanwhile.
    if (client.guard.destroyed) return "refused";
    if ("refused" in login) {
      this.#log(login.refused, id, client);
      return login.refused === "busy" ? "unavailable" : "refused";
    }
    const taken = await this.#taken({ id, clean, ...login }, sessions);
    // What it took it gives back, unless it has another connection.
    const refused = (problem: LoginProblem): LoginProblem => {
      const claimed = sessions?.claim !== undefined && taken === undefined;
      if (claimed && !this.#owners.has(id)) sessions.left(id);
      return problem;
    };
    if (client.guard.destroyed) return refused("refused");
    const owner = this.#owners.get(id) ?? { user: login.user, by: new Set() };
    if (taken === "unavailable") {
      this.#counters.countRejected("redis");
      return "unavailable";
    }
    if (taken !== undefined || owner.user !== login.user) {
      this.#counters.countRejected("client_id_taken");
      return refused("client_id_taken");
    }
    if (!this.#tenants.enter(login.org)) {
      this.#counters.countRejected("quota");
      return refused("unavailable");
    }
    client.belongs(login.org, this.#tenants.rateOf(login.org));
    this.#owners.set(id, owner);
    for (const former of owner.by) former.guard.farewell(reasons.takenOver);
    owner.by.add(client);
    const { user: name, enrolled, grant } = login;
    client.login({ id, user: name, ...whoseStreams(grant), enrolled }, grant);
    if (clean || sessions === undefined) return undefined;
    const most = this.#tenants.sessionsOf(login.org);
    if (sessions.allowsOf(id, login.org, most)) {
      if (anew) await sessions.forget(id);
      // It may have left meanwhile, and was released.
      if (client.guard.destroyed) return "refused";
      sessions.entered(id, login.user, login.org);
      return undefined;
    }
    this.#counters.countRejected("session");
    endSession();
    client.notice = {
      rule: `${login.org} has ${most} sessions, as many as there may be`,
      remedy:
        "connect with CleanSession 1, or raise the quota; this session ends with its connection",
    };
    return undefined;
  }

  /**
   * Whether an identifier is another's: the newcomer would end the connection of the other user
   * [MQTT-3.1.4-2], have its session, or keep it out when it comes.
   */
  async #taken(
    login: { id: string; clean: boolean; user: string; grant: Grant },
    sessions: Memory | undefined,
  ): Promise<"client_id_taken" | "unavailable" | undefined> {
    const { id, clean, user } = login;
    const here = this.#owners.get(id)?.user ?? user;
    if (!this.#isFree(id, login) || here !== user) return "client_id_taken";
    const claimed = await sessions?.claim?.({ client: id, user, clean });
    if (claimed === "unavailable") return claimed;
    const kept = claimed?.owner ?? sessions?.ownerOf(id) ?? user;
    return kept === user ? undefined : "client_id_taken";
  }

  /** The connections of some clients. */
  connected(clients: ReadonlySet<string>): readonly HubClient[] {
    return [...this.#owners].flatMap(([id, { by }]) => (clients.has(id) ? [...by] : []));
  }

  /** Whether a client that is in may publish on a topic. */
  mayPublish(id: string, topic: string): boolean {
    const client = [...(this.#owners.get(id)?.by ?? [])].at(-1);
    return client !== undefined && client.refusePublish(topic) === undefined;
  }

  /** Clients that are in by a certificate that holds no more. */
  revoked(): readonly HubClient[] {
    const { enrolment } = this.#parts;
    return [...this.#owners.values()]
      .flatMap(({ by }) => [...by])
      .filter(({ publisher: { enrolled } }) => {
        if (enrolment === undefined || enrolled === undefined) return false;
        if ("token" in enrolled) return false;
        return "refused" in enrolment.standing(enrolled.certificate);
      });
  }

  /** What begins as identifiers of agents do is theirs alone; older ones are kept as well. */
  #isFree(id: string, { user, grant }: { readonly user: string; readonly grant: Grant }): boolean {
    if (grant.role === "anonymous") return true;
    if (!id.startsWith(agentIdStart)) return this.#reserved.get(id)?.has(user) ?? true;
    if (grant.role !== "agent") return false;
    const [region = "", org = "", site = ""] = grant.site.split("/");
    return id === agentClientId({ region, org, site }, grant.agent);
  }

  /** What a person must mend, said a few times a minute. */
  #log(reason: LoginRefusal, id: string, { peer }: HubClient): void {
    if (reason !== "revoked" && reason !== "certificate") return;
    const now = this.#parts.clock.monotonic();
    if (now - this.#logged < logEvery) return;
    this.#logged = now;
    this.#parts.log.warn("client refused", { why: reason, client: id, remote: peer.remote });
  }

  /** A client is gone, whether it was in or not. */
  release(client: HubClient, sessions: Memory | undefined): void {
    const { id } = client.publisher;
    const owner = this.#owners.get(id);
    if (owner?.by.delete(client) !== true) return;
    this.#tenants.leave(client.org);
    if (owner.by.size > 0) return;
    this.#owners.delete(id);
    const expiry = client.guard.front?.session.expiry;
    sessions?.left(id, expiry === undefined ? undefined : expiry * 1000);
  }

  /** The connected client of a user with this client identifier. */
  clientOf(user: string, id: string): HubClient | undefined {
    const owner = this.#owners.get(id);
    return owner?.user === user ? [...owner.by].at(-1) : undefined;
  }

  /** Whether a client that is in was allowed a subscription. */
  holds(id: string, filter: string): boolean {
    const by = this.#owners.get(id)?.by ?? [];
    return [...by].some(({ filters }) => filters.has(filter));
  }
}

/** Between two lines about refused clients. @unit ms */
const logEvery = 5000;

function reservedFor(
  users: Readonly<Record<string, User>>,
  own: string,
): ReadonlyMap<string, ReadonlySet<string>> {
  const reserved = new Map<string, Set<string>>();
  for (const [name, user] of Object.entries(users)) {
    const id = ownClientId(name, user, own);
    if (id === undefined) continue;
    reserved.set(id, (reserved.get(id) ?? new Set()).add(name));
  }
  return reserved;
}

/** CONNACK 2, 3 and 5 [MQTT-3.2.2-5]. */
const connack = {
  client_id_taken: [2, "this client id is another's"],
  unavailable: [3, "come again later"],
  refused: [5, "not authorized"],
} as const;

/** A refusal as aedes wants it. */
export function refusedLogin(problem: LoginProblem): GatewayError & { returnCode: 2 | 3 | 5 } {
  const [returnCode, why] = connack[problem];
  return Object.assign(new GatewayError("E_ACCESS", why), { returnCode });
}

/** The client identifier that peers, and older agents, come with. */
function ownClientId(name: string, user: User, own: string): string | undefined {
  const { role, site: at = own, agent = name, region: owned = name } = user;
  if (role === "peer") return peerClientId(owned);
  if (role !== "agent") return undefined;
  const [region = "", org = "", site = ""] = at.split("/");
  return oldAgentClientId({ region, org, site }, agent);
}

function whoseStreams(grant: Grant): Pick<Publisher, "agent" | "peer"> {
  if (grant.role === "agent") return { agent: grant.agent };
  return grant.role === "peer" ? { agent: grant.region, peer: true } : {};
}
