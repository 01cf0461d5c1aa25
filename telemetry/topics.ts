/**
 * Topics: `rackstreet/v1/<region>/<org>/<site>/<class>/<device>/<kind>`, always eight levels
 * (design.md section 5), so that access is a prefix walk.
 */
import type { DeviceAddress, Site } from "./points.ts";

export const topicRoot = "rackstreet/v1";

export const topicKinds = [
  "telemetry",
  "backfill",
  "meta",
  "state",
  "event",
  "stored",
  "alert",
  "case",
  "advice",
  "denied",
  "whoami",
  "set",
  "result",
  "ask",
  "answer",
  "enroll",
  "certificate",
] as const;
export type TopicKind = (typeof topicKinds)[number];

/** What a topic level may be: safe for Redis patterns, Home Assistant ids and InfluxDB tags. */
export const levelPattern = /^[a-z0-9_-]{1,64}$/;

const kinds: ReadonlySet<string> = new Set(topicKinds);

function isKind(text: string): text is TopicKind {
  return kinds.has(text);
}

/** The topic of one kind of message of one device. */
export function topicOf(address: DeviceAddress, kind: TopicKind): string {
  const { region, org, site, class: deviceClass, device } = address;
  return `${topicRoot}/${region}/${org}/${site}/${deviceClass}/${device}/${kind}`;
}

/**
 * The MQTT client identifier of an agent. The hub keeps it free for the agent's own user. Joined by
 * what no level holds: with a hyphen, agent `b-c` of site `a` would be agent `c` of site `a-b`.
 */
export function agentClientId({ region, org, site }: Site, agent: string): string {
  return `${agentIdStart}${region}.${org}.${site}.${agent}`;
}

/** What the client identifiers of agents, and of nobody else, begin with. */
export const agentIdStart = "rackstreet.";

/** The identifier that agents came with before; several may have the same. */
export function oldAgentClientId({ region, org, site }: Site, agent: string): string {
  return `rackstreet-${region}-${org}-${site}-${agent}`;
}

/** That of the hub that owns a region, at the hubs of others. */
export function peerClientId(region: string): string {
  return `rackstreet-peer-${region}`;
}

export interface ParsedTopic {
  readonly address: DeviceAddress;
  readonly kind: TopicKind;
}

/** The address and kind in a topic, or undefined when it is not one of ours. */
export function parseTopic(topic: string): ParsedTopic | undefined {
  const levels = topic.split("/");
  if (levels.length !== 8 || levels[0] !== "rackstreet" || levels[1] !== "v1") return undefined;
  const [, , region = "", org = "", site = "", deviceClass = "", device = "", kind = ""] = levels;
  const names = [region, org, site, deviceClass, device];
  if (!names.every((level) => levelPattern.test(level)) || !isKind(kind)) return undefined;
  return { address: { region, org, site, class: deviceClass, device }, kind };
}
