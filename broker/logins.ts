/**
 * Lets clients in: who they are, whose client identifier that is, and whether there is room for one
 * more of their organisation.
 */
import type { Platform, Site } from "../telemetry/index.ts";
import { agentClientId, GatewayError } from "../telemetry/index.ts";
import type { HubClient } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Identify, Login, LoginAttempt } from "./identity.ts";
import { identifier } from "./identity.ts";
import type { BrokerOptions, User } from "./options.ts";
import type { Sessions } from "./sessions.ts";
import { Tenants } from "./tenants.ts";

export type LoginProblem = "client_id_taken" | "refused";

/** What a CONNECT says. */
export interface LoginRequest {
  /** Client identifier. */
  readonly id: string;
  readonly clean: boolean;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
}

interface LoginParts extends Pick<Platform, "clock" | "entropy"> {
  readonly site: Site;
  readonly counters: Counters;
}

export class Logins {
  readonly #identify: Identify;
  readonly #tenants: Tenants;
  readonly #counters: Counters;
  /** Client identifiers that agents come with, and the users who are that agent. */
  readonly #reserved: ReadonlyMap<string, ReadonlySet<string>>;
  /** Client identifiers in use, and whose they are; bounded by the connections. */
  readonly #owners = new Map<string, { readonly user: string; readonly by: Set<HubClient> }>();

  /** @throws E_SECRET_MISSING */
  constructor({ users, tenants }: BrokerOptions, { site, counters, clock, entropy }: LoginParts) {
    const own = `${site.region}/${site.org}/${site.site}`;
    this.#identify = identifier(users, own, { clock, entropy });
    this.#reserved = reservedFor(users, own);
    this.#tenants = new Tenants(tenants, clock);
    this.#counters = counters;
  }

  /** Who somebody is; wrong passwords count as they do at the broker. */
  async identify(attempt: LoginAttempt): Promise<Login> {
    const login = await this.#identify(attempt);
    if ("refused" in login) this.#counters.countRejected(login.refused);
    return login;
  }

  /** Why a client is not let in; undefined: it is in. */
  async refuse(
    { id, clean, user, password }: LoginRequest,
    client: HubClient,
    sessions: Sessions | undefined,
  ): Promise<LoginProblem | undefined> {
    const login = await this.identify({ user, password, ...client.peer });
    // It may have left meanwhile.
    if (client.guard.destroyed) return "refused";
    if ("refused" in login) return "refused";
    const owner = this.#owners.get(id) ?? { user: login.user, by: new Set() };
    const kept = sessions?.ownerOf(id) ?? login.user;
    const free = this.#reserved.get(id)?.has(login.user) ?? true;
    // The newcomer would end the connection of the other user [MQTT-3.1.4-2], have its session, or
    // keep it out when it comes.
    if (!free || owner.user !== login.user || kept !== login.user) {
      this.#counters.countRejected("client_id_taken");
      return "client_id_taken";
    }
    if (!this.#tenants.enter(login.org)) {
      this.#counters.countRejected("quota");
      return "refused";
    }
    client.belongs(login.org, this.#tenants.rateOf(login.org));
    this.#owners.set(id, owner);
    owner.by.add(client);
    const agent = login.grant.role === "agent" ? login.grant.agent : undefined;
    client.login({ id, user: login.user, agent }, login.grant);
    if (!clean) sessions?.entered(id, login.user);
    return undefined;
  }

  /** A client is gone, whether it was in or not. */
  release(client: HubClient, sessions: Sessions | undefined): void {
    const { id } = client.publisher;
    const owner = this.#owners.get(id);
    if (owner?.by.delete(client) !== true) return;
    this.#tenants.leave(client.org);
    if (owner.by.size > 0) return;
    this.#owners.delete(id);
    sessions?.left(id);
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

function reservedFor(
  users: Readonly<Record<string, User>>,
  own: string,
): ReadonlyMap<string, ReadonlySet<string>> {
  const reserved = new Map<string, Set<string>>();
  for (const [name, { role, site: at = own, agent = name }] of Object.entries(users)) {
    if (role !== "agent") continue;
    const [region = "", org = "", site = ""] = at.split("/");
    const id = agentClientId({ region, org, site }, agent);
    reserved.set(id, (reserved.get(id) ?? new Set()).add(name));
  }
  return reserved;
}

/** CONNACK 2 [MQTT-3.2.2-5]. */
export function identifierRejected(): GatewayError & { returnCode: 2 } {
  const error = new GatewayError("E_ACCESS", "another user is connected with this client id");
  return Object.assign(error, { returnCode: 2 as const });
}
