/**
 * What a user may hear and cause, said a second time: by matching one topic against what the
 * configuration says, not by the containment of filters that the hub goes by (`access.ts`). So a
 * mistake there is not a mistake here, and an audit finds it.
 */
import type { Site } from "../../telemetry/index.ts";
import { assertNever, topicRoot } from "../../telemetry/index.ts";
import type { User } from "../options.ts";

/** A user, with what the configuration leaves out filled in. */
export interface Who {
  readonly name: string;
  readonly role: User["role"];
  /** `region/org/site` of an agent. */
  readonly site: string;
  readonly agent: string;
  /** That a peer owns. */
  readonly region: string;
  readonly org: string | undefined;
  readonly read: readonly string[];
  readonly set: readonly string[];
}

export function whoIs(name: string, user: User, hub: Site): Who {
  const site = user.site ?? `${hub.region}/${hub.org}/${hub.site}`;
  const own = user.role === "agent" ? site.split("/").slice(0, 2).join("/") : undefined;
  const { role, agent = name, region = name, org = own, read, set } = user;
  return { name, role, site, agent, region, org, read, set };
}

/** Why somebody may, or undefined when nothing says so. */
export type Rule = string | undefined;

const agentWrites = ["telemetry", "backfill", "meta", "state", "event", "result"];
const peerWrites = ["telemetry", "backfill", "meta", "state", "event", "alert"];
const level = /^[a-z0-9_-]{1,64}$/;

const forOne = /\/answer$/;

/** The rule by which a user may hear a topic; `id` is the client identifier it came with. */
export function mayHear(who: Who, topic: string, id?: string): Rule {
  const own = /\/client\/([^/]+)\/(denied|whoami|answer)$/.exec(topic);
  const named = who.role === "agent" || who.role === "peer";
  if (own !== null && own[1] === id && !named) return "its own client's";
  if (who.role === "reader" && forOne.test(topic)) return undefined;
  switch (who.role) {
    case "admin":
      return [`${topicRoot}/#`, "$SYS/#"].find((filter) => matches(filter, topic));
    case "reader":
      return who.read.find((filter) => matches(filter, topic));
    case "agent": {
      const mine = `${topicRoot}/${who.site}`;
      const kinds = ["stored", "denied", "whoami", "answer", "certificate"];
      const told = kinds.map((kind) => `${mine}/agent/${who.agent}/${kind}`);
      return [...told, `${mine}/+/+/set`].find((filter) => matches(filter, topic));
    }
    case "peer": {
      const mine = `${topicRoot}/${who.region}/+/+/agent/${who.region}`;
      const told = ["stored", "denied", "whoami", "answer"].map((k) => `${mine}/${k}`);
      return told.find((filter) => matches(filter, topic));
    }
    default:
      return assertNever(who.role);
  }
}

/** The rule by which a user may publish on a topic. */
export function mayCause(who: Who, topic: string): Rule {
  const levels = topic.split("/");
  const [root, version, region, org, site, kindOf = "", device, kind = ""] = levels;
  const named = levels.length === 8 && levels.slice(2, 7).every((name) => level.test(name));
  if (named && kindOf === "hub" && kind === "ask") return "everyone may ask a hub";
  const ours = named && `${root}/${version}` === topicRoot;
  switch (who.role) {
    case "admin":
      return topic.startsWith(`${topicRoot}/`) ? `${topicRoot}/#` : undefined;
    case "reader":
      return kind === "set" ? who.set.find((filter) => matches(filter, topic)) : undefined;
    case "peer": {
      const mine = ours && region === who.region && kindOf !== "hub";
      if (!mine || !peerWrites.includes(kind)) return undefined;
      return `${topicRoot}/${who.region}/+/+/+/+/${kind}`;
    }
    case "agent": {
      if (!ours || `${region}/${org}/${site}` !== who.site) return undefined;
      const request = kind === "enroll" && kindOf === "agent";
      if ((!agentWrites.includes(kind) && !request) || kindOf === "hub") return undefined;
      if (kindOf === "agent" && device !== who.agent) return undefined;
      return `${topicRoot}/${who.site}/+/+/${kind}`;
    }
    default:
      return assertNever(who.role);
  }
}

/** Whether a topic filter matches a topic [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1]. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const wanted = filter.split("/");
  const given = topic.split("/");
  const open = wanted.at(-1) === "#";
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? given.length < fixed.length : given.length !== fixed.length) return false;
  return fixed.every((name, index) => name === "+" || name === given[index]);
}
