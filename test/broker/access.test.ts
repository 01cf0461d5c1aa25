/** Access: the matrix by role, and containment of filters against brute force. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Grant } from "../../broker/access.ts";
import { topicKinds } from "../../telemetry/index.ts";
import {
  answersTo,
  covers,
  isFilter,
  refusePublish,
  refuseSubscribe,
} from "../../broker/access.ts";

const agent: Grant = { role: "agent", site: "local/main/hall", agent: "edge-1" };
const reader: Grant = { role: "reader", read: ["rackstreet/v1/local/main/+/power/#"], set: [] };
const setter: Grant = { ...reader, set: ["rackstreet/v1/local/main/+/light/#"] };
const peer: Grant = { role: "peer", region: "south" };
const admin: Grant = { role: "admin" };
const anonymous: Grant = { role: "anonymous" };
const at = (rest: string): string => `rackstreet/v1/local/main/hall/${rest}`;

describe("publish", () => {
  const cases: readonly (readonly [string, Grant, string, boolean])[] = [
    ["agent: own device", agent, at("power/pdu-1/telemetry"), true],
    ["agent: backfill", agent, at("power/pdu-1/backfill"), true],
    ["agent: own state", agent, at("agent/edge-1/state"), true],
    ["agent: state of another agent", agent, at("agent/edge-2/state"), false],
    ["agent: class hub", agent, at("hub/edge-1/state"), false],
    ["agent: stored", agent, at("agent/edge-1/stored"), false],
    ["agent: alert", agent, at("power/pdu-1/alert"), false],
    ["agent: other site", agent, "rackstreet/v1/local/main/roof/power/pdu-1/telemetry", false],
    ["agent: nine levels", agent, at("power/pdu-1/telemetry/x"), false],
    ["agent: capital letters", agent, at("power/PDU/telemetry"), false],
    ["agent: $SYS", agent, "$SYS/x/new/clients", false],
    ["reader", reader, at("power/pdu-1/telemetry"), false],
    ["anonymous: telemetry", anonymous, at("power/pdu-1/telemetry"), true],
    ["anonymous: stored", anonymous, at("agent/edge-1/stored"), false],
    ["anonymous: denied", anonymous, at("agent/edge-1/denied"), false],
    ["anonymous: outside", anonymous, "elsewhere/x", false],
    ["anonymous: $SYS", anonymous, "$SYS/x", false],
    ["agent: set", agent, at("light/lamp-1/set"), false],
    ["agent: result", agent, at("light/lamp-1/result"), true],
    ["reader: set, not granted", reader, at("light/lamp-1/set"), false],
    ["setter: set", setter, at("light/lamp-1/set"), true],
    ["setter: another class", setter, at("power/pdu-1/set"), false],
    ["setter: telemetry", setter, at("light/lamp-1/telemetry"), false],
    ["peer: telemetry of its region", peer, "rackstreet/v1/south/a/b/power/p/telemetry", true],
    ["peer: alert of its region", peer, "rackstreet/v1/south/a/b/power/p/alert", true],
    ["peer: of this hub's region", peer, at("power/pdu-1/telemetry"), false],
    ["peer: a region that begins alike", peer, "rackstreet/v1/south2/a/b/power/p/alert", false],
    ["peer: stored", peer, "rackstreet/v1/south/a/b/agent/south/stored", false],
    ["peer: set", peer, "rackstreet/v1/south/a/b/power/p/set", false],
    ["peer: class hub", peer, "rackstreet/v1/south/a/b/hub/h/telemetry", false],
    ["admin: alert", admin, at("power/pdu-1/alert"), true],
    ["admin: $SYS", admin, "$SYS/x/new/clients", false],
    ["admin: the root itself", admin, "rackstreet/v1", false],
  ];
  it.each(cases)("%s", (...[, grant, topic, allowed]) => {
    expect(refusePublish(grant, topic) === undefined).toBe(allowed);
  });

  it("an agent is allowed only topics of its site that it may write", () => {
    const level = fc.constantFrom("local", "main", "hall", "agent", "hub", "edge-1", "x", "state");
    fc.assert(
      fc.property(fc.array(level, { minLength: 4, maxLength: 7 }), (levels) => {
        const topic = `rackstreet/v1/${levels.join("/")}`;
        if (refusePublish(agent, topic) !== undefined) return;
        const [site = "", device = ""] = topic.split(/(?<=\/hall\/)(.*)/);
        expect(site).toBe("rackstreet/v1/local/main/hall/");
        expect(device).toMatch(/^((?!agent\/|hub\/)[^/]+\/[^/]+|agent\/edge-1)\/state$/);
      }),
    );
  });
});

describe("a peer", () => {
  const level = fc.constantFrom("south", "north", "a", "hub", "agent", "+", "#", "telemetry");
  const kind = fc.constantFrom(...topicKinds, "x", "+", "#");
  const root = fc.constantFrom("rackstreet/v1", "rackstreet/v2", "$SYS/v1");

  it("writes what it forwards of its own region, and nothing else", () => {
    const forwarded = ["telemetry", "backfill", "meta", "state", "event", "alert"];
    const levels = fc.array(level, { minLength: 4, maxLength: 6 });
    fc.assert(
      fc.property(root, levels, kind, (head, places, last) => {
        const topic = `${head}/${places.join("/")}/${last}`;
        const [region, , , kindOf] = places;
        const named = places.length === 5 && places.every((one) => !/[+#]/.test(one));
        const own = head === "rackstreet/v1" && region === "south" && kindOf !== "hub";
        const asks = head === "rackstreet/v1" && kindOf === "hub" && last === "ask";
        const allowed = named && ((own && forwarded.includes(last)) || asks);
        expect(refusePublish(peer, topic) === undefined).toBe(allowed);
      }),
      { numRuns: 2000 },
    );
  });

  it("hears only what became of its own messages", () => {
    const levels = fc.array(level, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(root, levels, kind, (head, places, last) => {
        const filter = [head, ...places, last].join("/");
        if (refuseSubscribe(peer, filter) !== undefined) return;
        expect(filter).toMatch(
          /^rackstreet\/v1\/south\/[^/#]+\/[^/#]+\/agent\/south\/(stored|denied)$/,
        );
      }),
      { numRuns: 2000 },
    );
    expect(answersTo("south").map((one) => refuseSubscribe(peer, one))).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe("subscribe", () => {
  const cases: readonly (readonly [string, Grant, string, boolean])[] = [
    ["agent: own stored", agent, at("agent/edge-1/stored"), true],
    ["agent: own denied", agent, at("agent/edge-1/denied"), true],
    ["agent: stored of another", agent, at("agent/edge-2/stored"), false],
    ["agent: all stored", agent, at("agent/+/stored"), false],
    ["agent: own telemetry", agent, at("power/pdu-1/telemetry"), false],
    ["agent: what is to be set in its site", agent, at("+/+/set"), true],
    ["agent: what is to be set elsewhere", agent, "rackstreet/v1/local/main/+/+/+/set", false],
    ["reader: inside", reader, at("power/+/telemetry"), true],
    ["reader: same", reader, "rackstreet/v1/local/main/+/power/#", true],
    ["reader: wider class", reader, at("+/pdu-1/telemetry"), false],
    ["reader: #", reader, "#", false],
    ["reader: $SYS", reader, "$SYS/#", false],
    ["admin: all", admin, "rackstreet/v1/#", true],
    ["admin: $SYS", admin, "$SYS/#", true],
    ["admin: #", admin, "#", false],
    ["admin: +/#", admin, "+/#", false],
    ["anonymous: all", anonymous, "rackstreet/#", false],
    ["anonymous: ours", anonymous, "rackstreet/v1/#", true],
    ["anonymous: an agent's own", anonymous, at("agent/edge-1/denied"), true],
    ["anonymous: $SYS", anonymous, "$SYS/#", false],
    ["anonymous: what an agent without a user is told", anonymous, at("agent/a/denied"), true],
    ["admin: what others are answered", admin, at("client/a/answer"), true],
    ["reader: what others are answered", reader, at("power/a/answer"), false],
    ["admin: shared", admin, "$share/g/rackstreet/v1/#", false],
    ["reader of all: shared", { role: "reader", read: ["#"], set: [] }, "$share/g/a", false],
    ["reader of all: $SYS", { role: "reader", read: ["#"], set: [] }, "$SYS/#", false],
  ];
  it.each(cases)("%s", (...[, grant, filter, allowed]) => {
    expect(refuseSubscribe(grant, filter) === undefined).toBe(allowed);
  });
});

/** MQTT's matching of a topic by a filter [MQTT-4.7], written anew as the judge. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const walk = (wide: readonly string[], levels: readonly string[]): boolean => {
    const [head, ...rest] = wide;
    if (head === undefined) return levels.length === 0;
    if (head === "#") return true;
    const [level, ...more] = levels;
    return level !== undefined && (head === "+" || head === level) && walk(rest, more);
  };
  return walk(filter.split("/"), topic.split("/"));
}

/**
 * Every topic of up to five levels over a few names, one of which no filter uses. The empty topic
 * is among them, though MQTT has none: `/#` would match it, and is held to be wider by it.
 */
function everyTopic(): string[] {
  const names = ["a", "b", "", "fresh", "$s"];
  let longest: string[][] = [[]];
  const topics: string[] = [];
  for (let depth = 0; depth < 5; depth += 1) {
    longest = longest.flatMap((levels) => names.map((name) => [...levels, name]));
    topics.push(...longest.map((levels) => levels.join("/")));
  }
  return topics;
}

describe("containment of filters", () => {
  const topics = everyTopic();
  const level = fc.constantFrom("a", "b", "", "+", "$s");
  const filter = fc
    .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
    .map(([levels, hash]) => [...levels, ...(hash ? ["#"] : [])].join("/"))
    .filter(isFilter);

  it("says what trying all topics says [MQTT-4.7.1-2] [MQTT-4.7.2-1]", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(filter, filter, (outer, inner) => {
        const truth = topics.every((topic) => !matches(inner, topic) || matches(outer, topic));
        expect(covers(outer, inner)).toBe(truth);
      }),
      {
        numRuns: 600,
        examples: [
          ["+/#", "#"],
          ["#", "+/#"],
          ["/+/#", "/#"],
        ],
      },
    );
  });

  it("knows a filter [MQTT-4.7.1-2] [MQTT-4.7.1-3]", () => {
    for (const good of ["#", "+", "a/+/b", "/", "a/#", "+/#", "$SYS/#"]) {
      expect(isFilter(good), good).toBe(true);
    }
    for (const bad of ["", "a#", "#/a", "a+", "a/b+/c", "+a", "a/##"]) {
      expect(isFilter(bad), bad).toBe(false);
    }
  });
});
