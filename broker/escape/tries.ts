/**
 * What a user may try to hear or to do what it must not: pure, from what the configuration says of
 * it and of its neighbours. Names of devices are the audit's own, so that a try that succeeds
 * touches nothing real.
 */
import { topicKinds, topicRoot } from "../../telemetry/index.ts";
import type { Who } from "./rights.ts";
import { mayCause, mayHear } from "./rights.ts";
import type { Words } from "./wire.ts";

/** `own` is no try: what it may hear must come, or silence would prove nothing. */
export const kinds = [
  "own",
  "subscribe",
  "wildcard",
  "share",
  "sys",
  "text",
  "shape",
  "publish",
  "retained",
  "will",
  "ask",
  "client id",
  "session",
  "password",
] as const;
export type Kind = (typeof kinds)[number];

export interface Try {
  readonly kind: Kind;
  readonly does: "subscribe" | "publish" | "will" | "remove";
  readonly topic: Words;
}

export interface Ground {
  /** The level that stands for a device of this audit. */
  readonly device: string;
  /** The same for what one user tries to overwrite, so that it is known who did. */
  readonly mine: string;
  /** A hub that others use: nothing that an agent or the hub would act on. */
  readonly live: boolean;
}

/** Kinds that hubs and agents take no notice of. */
const idle = ["advice", "case", "alert", "answer"];

/** Topics of a user's own rights, for messages that the others must not hear. */
export function canariesOf(who: Who, { device, live }: Omit<Ground, "mine">): readonly string[] {
  const place = `${topicRoot}/${who.site}`;
  const own = `${place}/power/${device}`;
  // What a client of that name was answered: nobody here has it.
  const answer = `${place}/client/${device}/answer`;
  const agent = [answer, `${own}/case`, ...(live ? [] : [`${own}/telemetry`, `${own}/set`])];
  const told = live ? [] : [`${place}/agent/${who.agent}/stored`];
  const read = [...who.read.map((filter) => instanceOf(filter, { who, device, live })), answer];
  const region = `${topicRoot}/${who.region}/audit/audit`;
  const shared = [`${region}/power/${device}/alert`, `${region}/power/${device}/telemetry`];
  const peer = [...shared, `${region}/agent/${who.region}/stored`];
  const byRole = { agent: [...told, ...agent], reader: read, peer, admin: [] };
  return [...new Set(byRole[who.role])].filter((topic) => !live || idle.includes(kindIn(topic)));
}

/** A topic that a filter matches, eight levels where it leaves that open. */
function instanceOf(
  filter: string,
  { who, device, live }: Omit<Ground, "mine"> & { readonly who: Who },
): string {
  const places = [...topicRoot.split("/"), ...who.site.split("/"), "power", device];
  const usual = [...places, live ? "advice" : "event"];
  const levels = filter.split("/");
  const open = levels.at(-1) === "#";
  const fixed = open ? levels.slice(0, -1) : levels;
  const filled = fixed.map((name, index) => (name === "+" ? (usual[index] ?? device) : name));
  return [...filled, ...(open ? usual.slice(filled.length) : [])].join("/");
}

/** What a user tries, its neighbours' topics being `foreign`. */
export function triesOf(who: Who, neighbours: readonly Who[], ground: Ground): readonly Try[] {
  const all = neighbours.flatMap((other) => canariesOf(other, ground));
  const deaf = all.filter((topic) => mayHear(who, topic) === undefined);
  const dumb = all.filter((topic) => mayCause(who, topic) === undefined);
  return [
    ...canariesOf(who, ground).map((topic) =>
      // Not all that is an agent's is for its ears.
      hear(mayHear(who, topic) === undefined ? "subscribe" : "own", topic),
    ),
    ...listening(who, neighbours, deaf),
    ...writing(who, dumb, ground),
  ];
}

function hear(kind: Kind, topic: Words): Try {
  return { kind, does: "subscribe", topic };
}

function listening(who: Who, neighbours: readonly Who[], foreign: readonly string[]): Try[] {
  const [first = `${topicRoot}/x/y/z/power/d/case`] = foreign;
  const theirs = neighbours.filter(({ role }) => role === "reader").flatMap(({ read }) => read);
  const shared = ["#", `${topicRoot}/#`, first].map((filter) => `$share/g/${filter}`);
  const system = ["$SYS/#", "$SYS/+/new/clients", "$SYS", "$SYS/+/+/+", "$share", "$queue/#"];
  return [
    ...[...foreign, ...theirs].slice(0, 12).map((topic) => hear("subscribe", topic)),
    ...wildcards(who, first).map((filter) => hear("wildcard", filter)),
    ...[...shared, `$share//${first}`, `$queue/${first}`].map((filter) => hear("share", filter)),
    ...system.map((filter) => hear("sys", filter)),
    ...spellings(first).map((filter) => hear("text", filter)),
    ...shapes(first).map((filter) => hear("shape", filter)),
  ];
}

function rightsOf({ role, site, region, read }: Who): readonly string[] {
  if (role === "agent") return [`${topicRoot}/${site}/+/+/set`];
  return role === "peer" ? [`${topicRoot}/${region}/+/+/agent/${region}/stored`] : read;
}

/** Everything, above what it may, and a foreign topic with one level open. */
function wildcards(who: Who, foreign: string): string[] {
  const whole = ["#", "+/#", "+", "/#", "+/+/#", "rackstreet/#", "rackstreet/+/#", "+/v1/#"];
  const rights = rightsOf(who);
  const above = rights.slice(0, 4).flatMap((filter) => {
    const levels = filter.split("/").filter((name) => name !== "#");
    return levels.map((_, count) => [...levels.slice(0, count), "#"].join("/"));
  });
  const levels = foreign.split("/");
  const opened = levels.map((_, at) => levels.toSpliced(at, 1, "+").join("/"));
  const cut = levels.map((_, at) => [...levels.slice(0, at + 1), "#"].join("/"));
  const plus = Array<string>(levels.length).fill("+").join("/");
  const wrong = [`${foreign}+`, `${foreign}/#/x`, `#/${foreign}`];
  return [...new Set([...whole, plus, ...above, ...opened, ...cut, ...wrong])];
}

/** The same topic to whoever folds case, normalises, trims or cuts; another to MQTT. */
function spellings(topic: string): Words[] {
  const wide = topic.replace(/[a-z]/g, (c) => String.fromCodePoint(c.charCodeAt(0) + 0xfee0));
  const [head = "", ...rest] = topic.split("/");
  const tail = rest.join("/");
  return [
    topic.toUpperCase(),
    wide,
    `${topic}\u0301`,
    `rac\u212astreet/${tail}`,
    `rack\u017ftreet/${tail}`,
    `${topic}\0`,
    `\0${topic}`,
    `\u202e${topic}`,
    `\ufeff${topic}`,
    `${head}\u200b/${tail}`,
    `${topic} `,
    `${topic}\n`,
    `${head}%2f${tail}`,
    `${head}\uff0f${tail}`,
    Buffer.concat([Buffer.from(head), Buffer.from([0xc0, 0xaf]), Buffer.from(tail)]),
    Buffer.concat([Buffer.from(topic), Buffer.from([0xed, 0xa0, 0x80])]),
  ];
}

/** Too long, too deep, with empty levels. */
function shapes(topic: string): string[] {
  return [
    `${topic}/${"a".repeat(65_000)}`,
    `${topic}${"/a".repeat(200)}`,
    "/".repeat(65_535),
    topic.replaceAll("/", "//"),
    `/${topic}`,
    `${topic}/`,
    "/",
    `${topic}/../${topic}`,
  ];
}

function writing(who: Who, foreign: readonly string[], { device, mine: own }: Ground): Try[] {
  const [first = `${topicRoot}/x/y/z/power/${device}/case`] = foreign;
  const every = topicKinds.map((kind) => withKind(first, kind));
  const place = `${topicRoot}/${who.site}`;
  const hub = topicKinds.map((kind) => `${place}/hub/${device}/${kind}`);
  const mine = topicKinds.map((kind) => `${place}/power/${device}/${kind}`);
  const agents = ["state", "stored", "telemetry"].map((kind) => `${place}/agent/${device}/${kind}`);
  const roots = [
    "elsewhere",
    "homeassistant/sensor/x/config",
    "spBv1.0/g/NBIRTH/n",
    "rackstreet/v2/x",
  ];
  const system = ["$SYS/x/new/clients", "$SYS/x/disconnect/clients", "$share/g/x"];
  const out = (topics: readonly Words[]): readonly Words[] =>
    topics.filter((topic) => mayCause(who, topic.toString()) === undefined);
  const say = (kind: Kind, topics: readonly Words[]): Try[] =>
    out(topics).map((topic) => ({ kind, does: "publish", topic }));
  const inside = foreign.map((topic) => withDevice(topic, own));
  const kept = [...inside.slice(0, 2), `${place}/hub/${own}/state`, "elsewhere"];
  return [
    ...say("publish", [...foreign.slice(0, 6), ...every, ...hub, ...mine, ...agents, ...roots]),
    ...say("sys", system),
    ...say("text", spellings(first)),
    ...say("shape", [...shapes(first), ...wildcardNames(first)]),
    ...out(kept).map((topic): Try => ({ kind: "retained", does: "remove", topic })),
    ...out([...kept, "$SYS/x/new/clients"]).map((topic): Try => ({
      kind: "will",
      does: "will",
      topic,
    })),
  ];
}

/** No names of topics [MQTT-3.3.2-2]. */
function wildcardNames(topic: string): string[] {
  return ["#", `${topic}/#`, topic.replace("/v1/", "/+/"), ""];
}

function withKind(topic: string, kind: string): string {
  return [...topic.split("/").slice(0, -1), kind].join("/");
}

function withDevice(topic: string, device: string): string {
  const levels = topic.split("/");
  return levels.length === 8 ? levels.toSpliced(6, 1, device).join("/") : topic;
}

function kindIn(topic: string): string {
  return topic.slice(topic.lastIndexOf("/") + 1);
}

/** At most so many and what is its own, spread over the kinds; the first of each first. */
export function spread(all: readonly Try[], most: number): readonly Try[] {
  const own = all.filter(({ kind }) => kind === "own");
  const tries = all.filter(({ kind }) => kind !== "own");
  if (tries.length <= most) return all;
  const groups = [...Map.groupBy(tries, ({ kind, does }) => `${kind} ${does}`).values()];
  const deepest = Math.max(...groups.map(({ length }) => length));
  const rounds = Array.from({ length: deepest }, (_, n) =>
    groups.flatMap((group) => group[n] ?? []),
  );
  return [...own, ...rounds.flat().slice(0, most)];
}
