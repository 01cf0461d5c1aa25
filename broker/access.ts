/**
 * Who may publish and subscribe what: pure, by role (design.md section 5). A subscription is held
 * against a grant by containment of filters, never by matching: `rackstreet/#` is not inside
 * `rackstreet/v1/#` although one matches the other's text [MQTT-4.7].
 */
import type { DeviceAddress, TopicKind } from "../telemetry/index.ts";
import { assertNever, parseTopic, topicRoot } from "../telemetry/index.ts";

/** What one connected client is allowed; fixed at its CONNECT. */
export type Grant =
  | {
      readonly role: "agent";
      /** `region/org/site`. */
      readonly site: string;
      readonly agent: string;
    }
  | {
      readonly role: "reader";
      readonly read: readonly string[];
      /** Filters of the `set` topics it may publish on. */
      readonly set: readonly string[];
      /** Requests that change something and that it may make. */
      readonly ask?: readonly string[] | undefined;
    }
  | {
      /** Comes with a one-time token, for the first certificate of this agent alone. */
      readonly role: "enroller";
      readonly site: string;
      readonly agent: string;
    }
  | {
      /** The hub that owns a region. */
      readonly role: "peer";
      readonly region: string;
    }
  | { readonly role: "admin" }
  | { readonly role: "anonymous" };

/** Why something was refused, in words for the one who is refused. */
export interface Refusal {
  readonly rule: string;
  readonly remedy: string;
}

const agentKinds: ReadonlySet<TopicKind> = new Set([
  "telemetry",
  "backfill",
  "meta",
  "state",
  "event",
  "result",
  "enroll",
]);

/** What the hub that owns a region forwards to others. */
export const peerKinds: ReadonlySet<TopicKind> = new Set([
  "telemetry",
  "backfill",
  "meta",
  "state",
  "event",
  "alert",
]);

/** Last levels that the hub alone writes. */
const hubKinds: ReadonlySet<string> = new Set([
  "stored",
  "denied",
  "whoami",
  "answer",
  "alert",
  "case",
  "advice",
  "certificate",
]);

const everything = `${topicRoot}/#`;

/** Undefined when `grant` may publish on `topic`. */
export function refusePublish(grant: Grant, topic: string): Refusal | undefined {
  if (isAskTopic(topic)) return undefined;
  switch (grant.role) {
    case "agent":
      return refuseAgent(grant, topic);
    case "enroller": {
      const own = `${ownTopicsOf(grant)}/enroll`;
      return topic === own ? undefined : refusal(`this token is for ${own} alone`, "enrol first");
    }
    case "peer":
      return refusePeer(grant, topic);
    case "reader":
      return refuseReader(grant, topic);
    case "anonymous": {
      const kind = topic.slice(topic.lastIndexOf("/") + 1);
      if (hubKinds.has(kind)) return refusal(`only the hub writes ${kind}`, "use another topic");
      return refuseOutside(topic);
    }
    case "admin":
      return refuseOutside(topic);
    default:
      return assertNever(grant);
  }
}

/** Everyone may ask a hub; what it may ask, and is told, is looked at there (`asking/desk.ts`). */
function isAskTopic(topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed?.kind === "ask" && parsed.address.class === "hub";
}

function refuseReader({ set }: Grant & { role: "reader" }, topic: string): Refusal | undefined {
  if (parseTopic(topic)?.kind !== "set") {
    return refusal("readers publish nothing", "connect as a user with role agent or admin");
  }
  if (set.some((filter) => covers(filter, topic))) return undefined;
  return refusal("this user may not set this", "name the topic in the user's `set` at the hub");
}

function refuseOutside(topic: string): Refusal | undefined {
  if (topic.startsWith(`${topicRoot}/`)) return undefined;
  return refusal(`topics begin with ${topicRoot}/`, "publish below it");
}

function refuseAgent(grant: Grant & { role: "agent" }, topic: string): Refusal | undefined {
  const parsed = parseTopic(topic);
  if (parsed === undefined) return noTopic();
  const { address, kind } = parsed;
  if (siteOf(address) !== grant.site) {
    return refusal(`this agent writes for ${grant.site} alone`, "set the user's `site` at the hub");
  }
  if (!agentKinds.has(kind)) return refusal(`only the hub writes ${kind}`, "use another topic");
  if (address.class === "hub") return refusal("class hub belongs to the hub", "use another class");
  if (address.class === "agent" && address.device !== grant.agent) {
    return refusal(`this agent's id is ${grant.agent}`, "use it, or set the user's `agent`");
  }
  if (kind === "enroll" && address.class !== "agent") {
    return refusal("agents alone ask for certificates", "use class agent");
  }
  return undefined;
}

/** A hub takes of a peer what is of the peer's own region: so nothing goes round in a ring. */
function refusePeer({ region }: Grant & { role: "peer" }, topic: string): Refusal | undefined {
  const parsed = parseTopic(topic);
  if (parsed === undefined) return noTopic();
  const { address, kind } = parsed;
  if (address.region !== region) {
    return refusal(`this peer owns ${region} alone`, "only the owner of a region forwards it");
  }
  if (!peerKinds.has(kind)) return refusal(`peers write no ${kind}`, "use another topic");
  if (address.class === "hub") return refusal("class hub belongs to the hub", "use another class");
  return undefined;
}

function noTopic(): Refusal {
  return refusal(
    `topics are ${topicRoot}/<region>/<org>/<site>/<class>/<device>/<kind>`,
    "use a-z, 0-9, _ and - in each level",
  );
}

function siteOf(address: DeviceAddress): string {
  return `${address.region}/${address.org}/${address.site}`;
}

/** Undefined when `grant` may subscribe to `filter`. */
export function refuseSubscribe(grant: Grant, filter: string): Refusal | undefined {
  // A shared subscription would be granted and never match: refused loudly instead.
  if (isShared(filter)) {
    return refusal("no shared subscriptions here", "subscribe without $share/<group>/");
  }
  const granted = readableBy(grant);
  if (granted.some((outer) => covers(outer, filter))) {
    // Where nobody has a name, an agent's own topics are not known to be its own.
    if (grant.role !== "reader" || !isForOne(filter)) return undefined;
    return refusal("each client hears its own alone", "put your client identifier in the topic");
  }
  return refusal(`this user reads ${granted.join(", ") || "nothing"}`, "subscribe within that");
}

/** Kinds that each client may hear of itself, whatever else it reads. */
export const ownKinds = ["denied", "whoami", "answer"] as const satisfies readonly TopicKind[];

/** Whether a reader hears a topic only where it names the reader's own client. */
export function isForOne(topic: string): boolean {
  return topic.endsWith("/answer");
}

/** What a client may do, as it is told on its `whoami` topic; filters, and topics to write. */
export function rightsOf(grant: Grant): {
  readonly read: readonly string[];
  readonly write: readonly string[];
} {
  const read = readableBy(grant);
  switch (grant.role) {
    case "agent": {
      const kinds = [...agentKinds].filter((kind) => kind !== "result" && kind !== "enroll");
      return { read, write: kinds.map((kind) => `${topicRoot}/${grant.site}/+/+/${kind}`) };
    }
    case "enroller":
      return { read, write: [`${ownTopicsOf(grant)}/enroll`] };
    case "peer": {
      const write = [...peerKinds].map((kind) => `${topicRoot}/${grant.region}/+/+/+/+/${kind}`);
      return { read, write };
    }
    case "reader":
      return { read, write: grant.set };
    case "admin":
    case "anonymous":
      return { read, write: [everything] };
    default:
      return assertNever(grant);
  }
}

/** Topic filters within which somebody may subscribe. */
export function readableBy(grant: Grant): readonly string[] {
  switch (grant.role) {
    case "agent": {
      const own = ownTopicsOf(grant);
      const told = ["stored", "certificate", ...ownKinds].map((kind) => `${own}/${kind}`);
      return [...told, `${topicRoot}/${grant.site}/+/+/set`];
    }
    case "enroller":
      return [`${ownTopicsOf(grant)}/certificate`];
    case "peer":
      return answersTo(grant.region);
    case "reader":
      return grant.read;
    case "admin":
      return [everything, "$SYS/#"];
    case "anonymous":
      return [everything];
    default:
      return assertNever(grant);
  }
}

function ownTopicsOf({ site, agent }: { readonly site: string; readonly agent: string }): string {
  return `${topicRoot}/${site}/agent/${agent}`;
}

/** Where a hub that forwards its region hears what became of it, as filters. */
export function answersTo(region: string): readonly string[] {
  return ["stored", "denied"].map((kind) => `${topicRoot}/${region}/+/+/agent/${region}/${kind}`);
}

/** True when each topic that `inner` matches is matched by `outer`; both are valid filters. */
export function covers(outer: string, inner: string): boolean {
  const wide = levelsOf(outer);
  const narrow = levelsOf(inner);
  // [MQTT-4.7.2-1]: a leading wildcard does not reach topics that begin with $.
  if (inner.startsWith("$") && (wide[0] === "#" || wide[0] === "+")) return false;
  for (const [index, level] of wide.entries()) {
    if (level === "#") return true;
    const other = narrow[index];
    if (other === undefined || other === "#") return false;
    if (level !== "+" && level !== other) return false;
  }
  return wide.length === narrow.length;
}

/** `+/#` matches what `#` matches, since each topic has a first level. */
function levelsOf(filter: string): readonly string[] {
  return filter === "+/#" ? ["#"] : filter.split("/");
}

/** Whether a filter is one of a shared subscription [MQTT5 4.8.2]. */
export function isShared(filter: string): boolean {
  return filter.startsWith("$share/");
}

/** True for a filter whose wildcards stand where they may [MQTT-4.7.1-2] [MQTT-4.7.1-3]. */
export function isFilter(filter: string): boolean {
  if (filter === "") return false;
  const levels = filter.split("/");
  return levels.every((level, index) => {
    if (level === "#") return index === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}

function refusal(rule: string, remedy: string): Refusal {
  return { rule, remedy };
}
