/**
 * How many topics may hold a retained message: all together, of an organisation (by the region and
 * org in its topics), of a user. One too many is delivered and not kept, and its sender is told.
 */
import type { Refusal } from "./access.ts";
import type { BrokerLimits, BrokerOptions, Tenant } from "./options.ts";

/** What is retained now. */
export interface RetainedTopics {
  readonly retainedTopics: number;
  isRetained(topic: string): boolean;
  /** Of `region/org`. */
  retainedOf(org: string): number;
}

/** `region/org` of a topic of ours, else of what stands there. */
export function orgOfTopic(topic: string): string {
  return topic.split("/", 4).slice(2).join("/");
}

export class RetainedQuotas {
  readonly #limits: Pick<BrokerLimits, "retained" | "retainedByUser">;
  readonly #tenants: Readonly<Record<string, Tenant>>;
  readonly #memory: RetainedTopics;
  /** Who retained a topic, since the hub started; bounded as retained topics are. */
  readonly #owners = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(
    { limits, tenants }: Pick<BrokerOptions, "limits" | "tenants">,
    memory: RetainedTopics,
  ) {
    this.#limits = limits;
    this.#tenants = tenants;
    this.#memory = memory;
  }

  /** Why a topic may not hold a message; an empty one removes it. No `user`: the hub itself. */
  refuse(topic: string, bytes: number, user?: string): Refusal | undefined {
    if (bytes === 0) {
      this.#release(topic);
      return undefined;
    }
    const { retained, retainedByUser = Number.POSITIVE_INFINITY } = this.#limits;
    const there = this.#memory.isRetained(topic);
    if (!there && this.#memory.retainedTopics >= retained) return tooMany("this hub", retained);
    if (user === undefined) return undefined;
    const org = orgOfTopic(topic);
    const most = this.#tenants[org]?.retained ?? Number.POSITIVE_INFINITY;
    if (!there && this.#memory.retainedOf(org) >= most) return tooMany(org, most);
    const own = this.#owners.get(topic) === user;
    if (!own && (this.#counts.get(user) ?? 0) >= retainedByUser) {
      return tooMany(user, retainedByUser);
    }
    if (!own) this.#own(topic, user);
    return undefined;
  }

  #own(topic: string, user: string): void {
    this.#release(topic);
    this.#owners.set(topic, user);
    this.#counts.set(user, (this.#counts.get(user) ?? 0) + 1);
  }

  #release(topic: string): void {
    const user = this.#owners.get(topic);
    if (user === undefined) return;
    this.#owners.delete(topic);
    const left = (this.#counts.get(user) ?? 1) - 1;
    if (left > 0) this.#counts.set(user, left);
    else this.#counts.delete(user);
  }
}

function tooMany(who: string, most: number): Refusal {
  const rule = `${who} has ${most} topics with a retained message, as many as there may be`;
  return { rule, remedy: "remove some by an empty retained message, or raise the quota" };
}
