/** Access over the wire: who gets in, what a refused client sees, what nobody ever sees of it. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { IClientOptions, MqttClient } from "mqtt";
import { agentClientId } from "../../telemetry/index.ts";
import type { Running } from "./running.ts";
import { hearing, inbox, running } from "./running.ts";
import { connect, field, packet, publish1, subscribe } from "./wire.ts";

const root = "rackstreet/v1/local/main/hall";
const users = {
  "edge-1": { password: "pw-1", role: "agent" },
  "edge-2": { password: "pw-2", role: "agent" },
  city: { password: "pw-city", role: "reader", read: ["rackstreet/v1/local/+/+/power/#"] },
  root: { password: "pw-root", role: "admin" },
};
const passwords: Readonly<Record<string, string>> = {
  "edge-1": "pw-1",
  "edge-2": "pw-2",
  city: "pw-city",
  root: "pw-root",
};

function as(at: Running, username: string, options: IClientOptions = {}): Promise<MqttClient> {
  return at.connect({ username, password: passwords[username] ?? "", ...options });
}

function stateOf(device: number): string {
  return `${root}/power/${device}/state`;
}

/** The payload of a CONNECT of edge-1 with a will. */
function willOf(topic: string): Buffer[] {
  return ["w", topic, "will", "edge-1", "pw-1"].map((text) => field(text));
}

/** What a subscription was answered: the granted QoS, or 128. */
async function granted(client: MqttClient, filter: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    client.subscribe(filter, { qos: 1 }, (error, _grants, answer) => {
      const code = answer?.granted[0];
      resolve(typeof code === "number" ? code : error === null ? undefined : 128);
    });
  });
}

describe("logging in", () => {
  it("takes the right password and no other, no user, or none at all", async () => {
    await using at = await running({ users });
    await as(at, "edge-1");
    const wrong: readonly IClientOptions[] = [
      { username: "edge-1", password: "pw-2" },
      { username: "nobody", password: "pw-1" },
      { username: "edge-1" },
      {},
    ];
    for (const options of wrong) {
      await expect(at.connect(options)).rejects.toMatchObject({ code: 5 });
    }
    expect(at.hub.counters.rejected).toEqual({ credentials: 4 });
  });

  it("leaves a client id to the user who is connected with it [MQTT-3.1.4-2]", async () => {
    await using at = await running({ users });
    const first = await as(at, "edge-1", { clientId: "mine" });
    await expect(as(at, "edge-2", { clientId: "mine" })).rejects.toMatchObject({ code: 2 });
    expect(first.connected).toBe(true);
    expect(at.hub.counters.rejected).toEqual({ client_id_taken: 1 });
    const gone = new Promise<void>((resolve) => first.once("close", resolve));
    const again = await as(at, "edge-1", { clientId: "mine" });
    await gone;
    await again.endAsync();
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    await as(at, "edge-2", { clientId: "mine" });
  });
});

describe("the client id of an agent", () => {
  const theirs = "rackstreet.local.main.hall.edge-1";
  const old = "rackstreet-local-main-hall-edge-1";

  it("is kept free for it while it is away: nobody can keep it out", async () => {
    await using at = await running({ users });
    for (const name of ["city", "edge-2", "root"]) {
      for (const clean of [true, false]) {
        for (const clientId of [theirs, old]) {
          const squatting = as(at, name, { clientId, clean });
          await expect(squatting).rejects.toMatchObject({ code: 2 });
        }
      }
    }
    await as(at, "edge-1", { clientId: theirs });
    await as(at, "edge-1", { clientId: old });
  });

  it("is nobody else's, however their names are put together", () => {
    const level = fc.stringMatching(/^[a-c_-]{1,4}$/);
    const agent = fc.tuple(level, level, level, level);
    const idOf = ([region, org, site, name]: readonly [string, string, string, string]): string =>
      agentClientId({ region, org, site }, name);
    fc.assert(
      fc.property(agent, agent, (one, other) => {
        expect(idOf(one) === idOf(other)).toBe(one.join("/") === other.join("/"));
      }),
    );
    const [one, other] = [["r", "o", "a", "b-c"] as const, ["r", "o", "a-b", "c"] as const];
    expect(idOf(one)).not.toBe(idOf(other));
  });

  it("is that of each user who is this agent", async () => {
    const twin = { password: "pw-twin", role: "agent", agent: "edge-1" };
    await using at = await running({ users: { ...users, twin } });
    const options = { username: "twin", password: "pw-twin", clientId: theirs };
    const first = await at.connect(options);
    await first.endAsync();
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    await as(at, "edge-1", { clientId: theirs });
  });
});

describe("subscribing", () => {
  const matrix: readonly (readonly [string, string, number])[] = [
    ["edge-1", `${root}/agent/edge-1/stored`, 1],
    ["edge-1", `${root}/agent/edge-1/denied`, 1],
    ["edge-1", `${root}/agent/edge-2/stored`, 128],
    ["edge-1", `${root}/#`, 128],
    ["city", `${root}/power/+/telemetry`, 1],
    ["city", `${root}/+/+/telemetry`, 128],
    ["city", "#", 128],
    ["city", "+/#", 128],
    ["city", "$SYS/#", 128],
    ["city", "$share/g/rackstreet/v1/local/main/hall/power/#", 128],
    ["root", "rackstreet/v1/#", 1],
    ["root", "$SYS/#", 1],
    ["root", "$share/g/rackstreet/v1/#", 128],
  ];
  it.each(matrix)("%s %s: %i [MQTT-3.9.3-2]", async (user, filter, code) => {
    await using at = await running({ users });
    const client = await as(at, user);
    expect(await granted(client, filter)).toBe(code);
    expect(at.hub.counters.denied).toBe(code === 128 ? 1 : 0);
    expect(client.connected).toBe(true);
  });

  it("refuses one filter and grants the next, in order", async () => {
    await using at = await running();
    const socket = await at.socket(connect());
    const heard = hearing(socket);
    const filters = ["#", `${root}/#`, "$SYS/#"].flatMap((f) => [field(f), Buffer.from([1])]);
    socket.write(packet(0x82, [0, 9], ...filters));
    const answer = packet(0x90, [0, 9, 0x80, 1, 0x80]);
    // Why may follow at once.
    await vi.waitFor(() => expect(heard().subarray(0, answer.length)).toEqual(answer));
  });

  it("counts the subscriptions of a client", async () => {
    await using at = await running({ limits: { subscriptions: 2 } });
    const client = await at.connect();
    for (const [n, code] of [
      [1, 1],
      [2, 1],
      [3, 128],
      [2, 1],
    ] as const) {
      expect(await granted(client, stateOf(n)), `filter ${n}`).toBe(code);
    }
    await client.unsubscribeAsync(stateOf(1));
    expect(await granted(client, stateOf(3))).toBe(1);
  });
});

describe("a refused publish", () => {
  const refusals: readonly (readonly [string, string])[] = [
    ["edge-1", "rackstreet/v1/local/main/roof/power/pdu-1/telemetry"],
    ["edge-1", `${root}/agent/edge-2/state`],
    ["edge-1", `${root}/agent/edge-1/stored`],
    ["edge-1", `${root}/hub/x/state`],
    ["edge-1", "$SYS/x/new/clients"],
    ["city", `${root}/power/pdu-1/telemetry`],
    ["root", "elsewhere"],
  ];
  it.each(refusals)("%s %s is acknowledged and reaches nobody", async (user, topic) => {
    await using at = await running({ users });
    const judge = await as(at, "root");
    const got = inbox(judge);
    await judge.subscribeAsync(["rackstreet/v1/#"], { qos: 1 });
    await judge.subscribeAsync(["$SYS/#"], { qos: 1 });
    const client = await as(at, user);
    for (const qos of [0, 1, 2] as const) {
      await client.publishAsync(topic, "evil", { qos, retain: true });
    }
    await client.publishAsync(topic, "", { qos: 1, retain: true });
    await vi.waitFor(() => expect(at.hub.counters.denied).toBe(4));
    const late = await as(at, "root");
    const later = inbox(late);
    await late.subscribeAsync(["rackstreet/v1/#", "$SYS/#"], { qos: 1 });
    const fence = `${root}/power/fence/event fence`;
    await at.hub.publish(`${root}/power/fence/event`, "fence", { qos: 1 });
    await vi.waitFor(() => expect(got).toContain(fence));
    await vi.waitFor(() => expect(later).toContain(fence));
    expect([...got, ...later].filter((line) => /evil|refused /.test(line))).toEqual([]);
    expect(later.filter((line) => line.startsWith("rackstreet/"))).toEqual([fence]);
    expect(at.seen).toEqual([]);
    expect(client.connected).toBe(true);
  });

  it("does not overwrite or delete what is retained", async () => {
    await using at = await running({ users });
    const topic = `${root}/agent/edge-1/state`;
    const one = await as(at, "edge-1");
    await one.publishAsync(topic, "online", { qos: 1, retain: true });
    const two = await as(at, "edge-2");
    await two.publishAsync(topic, "evil", { qos: 1, retain: true });
    await two.publishAsync(topic, "", { qos: 1, retain: true });
    const judge = await as(at, "root");
    const got = inbox(judge);
    await judge.subscribeAsync(topic);
    await vi.waitFor(() => expect(got).toEqual([`${topic} online`]));
  });

  it("is told to the agent, once for a burst", async () => {
    await using at = await running({ users });
    const agent = await as(at, "edge-1");
    const got = inbox(agent);
    await agent.subscribeAsync(`${root}/agent/edge-1/denied`);
    const topic = `${root}/agent/edge-2/state`;
    for (let n = 0; n < 20; n += 1) await agent.publishAsync(topic, "x", { qos: 1 });
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(0));
    const [first = ""] = got;
    expect(JSON.parse(first.slice(first.indexOf(" ")))).toEqual({
      v: 1,
      refused: topic,
      rule: "this agent's id is edge-1",
      remedy: "use it, or set the user's `agent`",
    });
    // At most one a second: the burst took well below the twenty that an untamed hub would send.
    expect(got.length).toBeLessThan(20);
    expect(at.hub.counters.denied).toBe(20);
  });

  it("is told to a reader too, of what it may not subscribe to", async () => {
    await using at = await running({ users });
    const reader = await as(at, "city", { clientId: "city-app" });
    const got = inbox(reader);
    const own = `${root}/client/city-app/denied`;
    expect(await granted(reader, own)).toBe(1);
    expect(await granted(reader, "rackstreet/v1/+/secret/#")).toBe(128);
    await vi.waitFor(() => expect(got).toHaveLength(1));
    const told: unknown = JSON.parse(got[0]?.slice(own.length) ?? "");
    expect(told).toMatchObject({ refused: "rackstreet/v1/+/secret/#" });
    // Another's is another's.
    expect(await granted(reader, `${root}/client/other-app/denied`)).toBe(128);
  });

  it("who asks who it is, is told, and what it may", async () => {
    await using at = await running({ users });
    const reader = await as(at, "city", { clientId: "city-app" });
    const agent = await as(at, "edge-1");
    for (const [client, own, says] of [
      [reader, `${root}/client/city-app/whoami`, { user: "city", role: "reader", write: [] }],
      [agent, `${root}/agent/edge-1/whoami`, { user: "edge-1", role: "agent" }],
    ] as const) {
      const got = inbox(client);
      await client.subscribeAsync(own);
      await vi.waitFor(() => expect(got).toHaveLength(1));
      const told: unknown = JSON.parse(got[0]?.slice(own.length) ?? "");
      expect(told).toMatchObject({ v: 1, ...says, denied: own.replace("whoami", "denied") });
    }
  });

  it("answers in order with what is accepted [MQTT-4.6.0-2]", async () => {
    await using at = await running();
    const socket = await at.socket(connect());
    const heard = hearing(socket);
    const good = `${root}/power/pdu-1/telemetry`;
    const topics = [good, "elsewhere", good, `${root}/agent/a/stored`, good];
    socket.write(Buffer.concat(topics.map((topic, n) => publish1(topic, n + 1))));
    const acks = topics.map((_, n) => packet(0x40, [0, n + 1]));
    await vi.waitFor(() => expect(heard()).toEqual(Buffer.concat(acks)));
    expect(at.seen.length).toBe(3);
  });
});

describe("a will", () => {
  it("on a topic of another is not published", async () => {
    await using at = await running({ users });
    const judge = await as(at, "root");
    const got = inbox(judge);
    await judge.subscribeAsync(["rackstreet/v1/#"]);
    const own = `${root}/agent/edge-1/state`;
    for (const topic of [`${root}/agent/edge-2/state`, "$SYS/x", own]) {
      const socket = await at.socket(connect({ flags: 0xce, fields: willOf(topic) }));
      socket.destroy();
      await vi.waitFor(() => expect(at.hub.counters.connections).toBe(1));
    }
    await vi.waitFor(() => expect(got).toContain(`${own} will`));
    expect(got.filter((line) => line.endsWith(" will"))).toEqual([`${own} will`]);
    expect(at.hub.counters.denied).toBe(2);
    expect(at.seen.map(({ topic }) => topic)).toEqual([own]);
  });
});

describe("without users", () => {
  it("anyone on this machine reads and writes all but what the hub writes", async () => {
    await using at = await running();
    const client = await at.connect({ username: "whoever", password: "x", clientId: "box" });
    const got = inbox(client);
    await client.subscribeAsync("rackstreet/v1/#");
    for (const kind of ["telemetry", "stored", "denied", "alert", "event"]) {
      await client.publishAsync(`${root}/agent/box/${kind}`, "x", { qos: 1 });
    }
    await vi.waitFor(() => expect(got.at(-1)).toBe(`${root}/agent/box/event x`));
    expect(got.filter((line) => line.endsWith(" x")).length).toBe(2);
    expect(at.hub.counters.denied).toBe(3);
    expect(await granted(client, "$SYS/#")).toBe(128);
  });

  it("subscribes with raw bytes too", async () => {
    await using at = await running();
    const socket = await at.socket(connect());
    const heard = hearing(socket);
    socket.write(subscribe("rackstreet/v1/#", 0, 3));
    await vi.waitFor(() => expect(heard()).toEqual(packet(0x90, [0, 3, 0])));
  });
});

describe("a peer", () => {
  const south = "rackstreet/v1/south/main/hall";
  const peers = { ...users, south: { password: "pw-s", role: "peer" } };

  it("is heard of its own region alone, and told why of any other", async () => {
    await using at = await running({ users: peers });
    const peer = await at.connect({ username: "south", password: "pw-s" });
    const told = inbox(peer);
    await peer.subscribeAsync("rackstreet/v1/south/+/+/agent/south/denied", { qos: 1 });
    await peer.publishAsync(`${south}/power/p/telemetry`, "own", { qos: 1 });
    await peer.publishAsync(`${root}/power/p/telemetry`, "foreign", { qos: 1 });
    await peer.publishAsync(`${south}/power/p/set`, "order", { qos: 1 });
    await vi.waitFor(() => expect(told.join("\n")).toContain("this peer owns south alone"));
    expect(at.seen).toEqual([
      {
        topic: `${south}/power/p/telemetry`,
        payload: "own",
        client: expect.objectContaining({ user: "south", agent: "south", peer: true }),
      },
    ]);
  });

  it("comes with a client id that is kept free for it", async () => {
    await using at = await running({ users: peers });
    const clientId = "rackstreet-peer-south";
    await expect(as(at, "city", { clientId })).rejects.toMatchObject({ code: 2 });
    await at.connect({ username: "south", password: "pw-s", clientId });
  });
});
