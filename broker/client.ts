/** One connected client as the hub knows it: who it is, what it may do, where it stands. */
import type { Site } from "../telemetry/index.ts";
import { levelPattern, topicOf } from "../telemetry/index.ts";
import type { Grant, Refusal } from "./access.ts";
import { ownKinds, refusePublish, refuseSubscribe } from "./access.ts";
import type { Asker } from "./asking/reply.ts";
import type { EnrolledBy } from "./enrol/enrolment.ts";
import { Filters } from "./filters.ts";
import type { Guard } from "./guard.ts";
import type { Lane } from "./lane.ts";
import type { Peer } from "./listeners.ts";
import type { Rate } from "./rate.ts";

/** Who published, for the hooks of the hub. */
export interface Publisher {
  /** MQTT client identifier. */
  readonly id: string;
  /** "" for an anonymous client. */
  readonly user: string;
  /** Whose streams it sends: an agent's, or a peer's region; undefined: nobody knows. */
  readonly agent?: string | undefined;
  /** How it proved which enrolled agent it is, or will be. */
  readonly enrolled?: EnrolledBy | undefined;
  /** Whether it is the hub of another region. */
  readonly peer?: boolean;
}

/** Topics remembered as allowed; emptied when full. */
const allowedMax = 1024;

/** Between two messages about refusals to one client. @unit ms */
const noticeEvery = 1000;

/** What `HubClient` is made of. */
interface ClientParts {
  readonly guard: Guard;
  readonly lane: Lane;
  readonly peer: Peer;
  /** What it alone may publish; undefined: it has no bound. */
  readonly rate: Rate | undefined;
}

const noRates: readonly Rate[] = [];

export class HubClient {
  readonly guard: Guard;
  readonly lane: Lane;
  readonly peer: Peer;
  /** Filters it is subscribed to. */
  readonly filters = new Filters();
  /** Those of the SUBSCRIBE under way that want nothing retained; mostly there are none. */
  hushed: Set<string> | undefined;
  #publisher: Publisher = { id: "", user: "" };
  #grant: Grant | undefined;
  /** Made when there is something to remember: most clients only publish, or only hear. */
  #allowed: Set<string> | undefined;
  #audible: Set<string> | undefined;
  #noticed = Number.NEGATIVE_INFINITY;

  /** As the one who asks the hub; undefined until it does. */
  asker: Asker | undefined;
  /** What it is told once it listens to its `denied` topic. */
  notice: Refusal | undefined;
  /** `region/org` whose quota it uses. */
  org: string | undefined;
  #rates: readonly Rate[];

  constructor({ guard, lane, peer, rate }: ClientParts) {
    this.guard = guard;
    this.lane = lane;
    this.peer = peer;
    this.#rates = rate === undefined ? noRates : [rate];
  }

  /** It publishes for an organisation with a bound. */
  belongs(org: string | undefined, rate: Rate | undefined): void {
    this.org = org;
    if (rate !== undefined) this.#rates = [...this.#rates, rate];
  }

  /** A promise for the time when it may publish again; undefined: now. */
  wait(): Promise<void> | undefined {
    for (const rate of this.#rates) {
      const room = rate.room();
      if (room !== undefined) return room;
    }
    return undefined;
  }

  /** Counts a publish that goes on. */
  spend(bytes: number): void {
    for (const rate of this.#rates) rate.take(bytes);
  }

  get publisher(): Publisher {
    return this.#publisher;
  }

  /** Undefined until the login. */
  get grant(): Grant | undefined {
    return this.#grant;
  }

  login(publisher: Publisher, grant: Grant): void {
    this.#publisher = publisher;
    this.#grant = grant;
  }

  /** Why it may not publish on `topic`, or undefined. */
  refusePublish(topic: string): Refusal | undefined {
    if (this.#allowed?.has(topic) === true) return undefined;
    if (this.#grant === undefined) return { rule: "not logged in", remedy: "log in first" };
    const refusal = refusePublish(this.#grant, topic);
    if (refusal !== undefined) return refusal;
    this.#allowed = withTopic(this.#allowed, topic);
    return undefined;
  }

  /** Whether it may read a topic; the grant of its login counts, not that of its session. */
  mayHear(hub: Site, topic: string): boolean {
    if (this.#audible?.has(topic) === true || this.isOwn(hub, topic)) return true;
    const grant = this.#grant;
    if (grant === undefined || refuseSubscribe(grant, topic) !== undefined) return false;
    this.#audible = withTopic(this.#audible, topic);
    return true;
  }

  /** True at most once a second: the next refusal may be told to the client. */
  mayBeTold(now: number): boolean {
    if (now - this.#noticed < noticeEvery) return false;
    this.#noticed = now;
    return true;
  }

  /**
   * Where it alone is told something: as the agent that it is, or by its client identifier, where
   * that can be a level of a topic.
   */
  ownTopic(hub: Site, kind: (typeof ownKinds)[number]): string | undefined {
    const grant = this.#grant;
    if (grant?.role === "agent" || grant?.role === "enroller") {
      const [region = hub.region, org = hub.org, site = hub.site] = grant.site.split("/");
      return topicOf({ region, org, site, class: "agent", device: grant.agent }, kind);
    }
    if (grant?.role === "peer") {
      const { region } = grant;
      return topicOf({ ...hub, region, class: "agent", device: region }, kind);
    }
    const { id } = this.#publisher;
    return levelPattern.test(id)
      ? topicOf({ ...hub, class: "client", device: id }, kind)
      : undefined;
  }

  /** Whether a topic or filter is one that it alone is told something on. */
  isOwn(hub: Site, filter: string): boolean {
    return ownKinds.some((kind) => this.ownTopic(hub, kind) === filter);
  }
}

function withTopic(known: Set<string> | undefined, topic: string): Set<string> {
  if (known === undefined) return new Set([topic]);
  if (known.size >= allowedMax) known.clear();
  return known.add(topic);
}
