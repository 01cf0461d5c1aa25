/** Asking the hub over the wire: who is answered, where, and what is refused. */
import type { MqttClient } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import type { HubRequest } from "../../broker/asking/request.ts";
import { defineRequest } from "../../broker/asking/request.ts";
import { Desk } from "../../broker/asking/desk.ts";
import { v } from "../../config/index.ts";
import type { AnswerPart } from "../../telemetry/index.ts";
import { decodeAnswer, GatewayError } from "../../telemetry/index.ts";
import { realPlatform } from "./platform.ts";
import type { Running } from "./running.ts";
import { inbox, running, site } from "./running.ts";

const root = "rackstreet/v1/local/main/hall";
const topic = `${root}/hub/hub/ask`;
const read = ["rackstreet/v1/local/main/+/power/#"];
const users = {
  "edge-1": { password: "pw", role: "agent" },
  city: { password: "pw", role: "reader", read },
  all: { password: "pw", role: "reader", ask: ["acknowledge"] },
  root: { password: "pw", role: "admin" },
};

const started: string[] = [];
let made = 0;
const requests: readonly HubRequest[] = [
  defineRequest({
    name: "count",
    about: "Give `up`.",
    args: v.strictObject({ up: v.pipe(v.number(), v.maxValue(5000)) }),
    async *answer({ up }) {
      for (let n = 1; n <= up; n += 1) yield n;
      await Promise.resolve();
    },
  }),
  defineRequest({
    name: "acknowledge",
    about: "Nothing else.",
    acts: true,
    args: v.strictObject({}),
    async *answer(_args, { name }) {
      yield await Promise.resolve({ by: name });
    },
  }),
  defineRequest({
    name: "wait",
    about: "Nothing else.",
    args: v.strictObject({}),
    async *answer(_args, { name }, signal) {
      started.push(name);
      yield "begun";
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }),
  defineRequest({
    name: "long",
    about: "Nothing else.",
    args: v.strictObject({}),
    async *answer() {
      for (made = 0; made < 500; made += 1) yield "x".repeat(65_536);
      await Promise.resolve();
    },
  }),
  defineRequest({
    name: "fail",
    about: "How.",
    args: v.strictObject({ known: v.boolean() }),
    async *answer({ known }) {
      yield await Promise.resolve(1);
      throw known ? new GatewayError("E_STORE_DOWN", "the store is down") : new Error("secret");
    },
  }),
];

interface Asked extends Running {
  readonly desk: Desk;
}

async function hub(): Promise<Asked> {
  const desk = new Desk({
    ...realPlatform,
    hub: { ...site, class: "hub", device: "hub" },
    requests,
  });
  return { ...(await running({ users }, { desk })), desk };
}

interface Asking {
  readonly client: MqttClient;
  /** Asks, and gives all parts of the answer. */
  ask(body: string | object): Promise<readonly AnswerPart[]>;
  readonly parts: readonly AnswerPart[];
}

async function asking(at: Running, username: string, clientId = `app-${username}`) {
  const client = await at.connect({ username, password: "pw", clientId });
  const parts: AnswerPart[] = [];
  client.on("message", (_topic, payload) => {
    const decoded = decodeAnswer(payload);
    if ("ok" in decoded) parts.push(decoded.ok);
  });
  const own = username === "edge-1" ? "agent/edge-1" : `client/${clientId}`;
  await client.subscribeAsync(`${root}/${own}/answer`, { qos: 1 });
  const asked: Asking = {
    client,
    parts,
    async ask(body) {
      const from = parts.length;
      const payload = typeof body === "string" ? body : JSON.stringify({ v: 1, id: "a", ...body });
      await client.publishAsync(topic, payload, { qos: 1 });
      await vi.waitFor(() => expect(parts.slice(from).some(({ last }) => last)).toBe(true));
      return parts.slice(from);
    },
  };
  return asked;
}

describe("asking", () => {
  it("gives an answer in numbered parts", async () => {
    await using at = await hub();
    const { ask } = await asking(at, "city");
    expect(await ask({ do: "count", up: 3 })).toEqual([
      { id: "a", part: 1, last: false, body: { ok: 1 } },
      { id: "a", part: 2, last: false, body: { ok: 2 } },
      { id: "a", part: 3, last: true, body: { ok: 3 } },
    ]);
    expect(await ask({ do: "count", up: 0 })).toMatchObject([{ part: 1, body: { ok: null } }]);
    expect(at.desk.counts).toEqual({ answered: 2, refused: {} });
  });

  it("is anyone's, agents too, each on a topic of its own", async () => {
    await using at = await hub();
    for (const name of Object.keys(users)) {
      const { ask } = await asking(at, name);
      expect(await ask({ do: "count", up: 1 })).toHaveLength(1);
    }
  });

  it("is heard by nobody else, and its answer by admins at most", async () => {
    await using at = await hub();
    const others = await Promise.all(
      ["city", "all", "root"].map(async (name) => {
        const client = await at.connect({ username: name, password: "pw" });
        const got = inbox(client);
        const own = name === "city" ? read : ["rackstreet/v1/#"];
        await client.subscribeAsync(own);
        return got;
      }),
    );
    const { ask, client } = await asking(at, "city");
    await ask({ do: "count", up: 2 });
    await client.publishAsync(topic, '{"v":1,"id":"b"}', { qos: 2, retain: true });
    await vi.waitFor(() => expect(others[2]).toHaveLength(3));
    expect(others.slice(0, 2)).toEqual([[], []]);
    expect(others[2]?.every((line) => line.includes("client/app-city/answer"))).toBe(true);
    const other = await at.connect({ username: "all", password: "pw" });
    const refused = other.subscribeAsync(`${root}/client/app-city/answer`);
    await expect(refused).rejects.toThrow();
  });

  it.each([
    ["not JSON", "", "form", /JSON object/],
    ['{"v":1,"do":"count"}', "", "form", /id must be/],
    ['{"v":2,"id":"a","do":"count"}', "a", "form", /v must be 1/],
    [`{"v":1,"id":"a","x":"${"x".repeat(16_384)}"}`, "", "form", /at most/],
    ['{"v":1,"id":"a","do":"conut"}', "a", "unknown", /no request conut/],
    ['{"v":1,"id":"a","do":"count","up":"x"}', "a", "arguments", /^up: /],
    ['{"v":1,"id":"a","do":"count","up":1,"from":0}', "a", "arguments", /^from: /],
    ['{"v":1,"id":"a","do":"acknowledge"}', "a", "access", /city may not ask/],
    ['{"v":1,"id":"a","do":"fail","known":true}', "a", "problem", /^the store is down$/],
    ['{"v":1,"id":"a","do":"fail","known":false}', "a", "failed", /^the hub failed$/],
    ['{"v":1,"id":"a","do":"cancel","of":"b"}', "a", "arguments", /under way/],
  ])("%s is refused, counted, and no reason to leave", async (payload, id, why, problem) => {
    await using at = await hub();
    const { ask, client } = await asking(at, "city");
    const parts = await ask(payload);
    const body = { problem: expect.stringMatching(problem), remedy: expect.any(String) };
    expect(parts.at(-1)).toMatchObject({ id, last: true, body });
    expect(at.desk.counts).toEqual({ answered: 0, refused: { [why]: 1 } });
    expect(client.connected).toBe(true);
    expect(await ask({ do: "count", up: 1 })).toHaveLength(1);
  });

  it("for an act needs the user's leave", async () => {
    await using at = await hub();
    for (const [name, ok] of [
      ["all", true],
      ["root", true],
      ["edge-1", false],
    ] as const) {
      const { ask } = await asking(at, name);
      const [part] = await ask({ do: "acknowledge" });
      expect(part?.body).toMatchObject(ok ? { ok: { by: name } } : { problem: /may not/ });
    }
  });

  it("ends when it is cancelled, and when its client is gone", async () => {
    await using at = await hub();
    const { client, ask, parts } = await asking(at, "city");
    const done = { id: "a", part: 1, last: true, body: { ok: null } };
    await client.publishAsync(topic, '{"v":1,"id":"w","do":"wait"}', { qos: 1 });
    await vi.waitFor(() => expect(started).toHaveLength(1));
    expect(await ask({ do: "cancel", of: "w" })).toContainEqual(done);
    await vi.waitFor(() => expect(parts).toHaveLength(2));
    expect(parts.find(({ id }) => id === "w")).toMatchObject({
      id: "w",
      last: true,
      body: { problem: "cancelled" },
    });
    await client.publishAsync(topic, '{"v":1,"id":"w","do":"wait"}', { qos: 1 });
    await vi.waitFor(() => expect(started).toHaveLength(2));
    await client.endAsync(true);
    const again = await asking(at, "city");
    for (const id of ["1", "2", "3", "4"]) {
      await again.client.publishAsync(topic, `{"v":1,"id":"${id}","do":"wait"}`, { qos: 1 });
    }
    await vi.waitFor(() => expect(started).toHaveLength(6));
    expect(await again.ask({ do: "count", up: 1 })).toMatchObject([
      { body: { problem: "too many requests are under way" } },
    ]);
    expect(at.desk.counts).toEqual({ answered: 1, refused: { cancelled: 1, busy: 1 } });
  });

  it("too often is told once a second", async () => {
    await using at = await hub();
    const { client, parts } = await asking(at, "city");
    const asks = Array.from({ length: 80 }, (_, n) =>
      client.publishAsync(topic, `{"v":1,"id":"${n}","do":"count","up":1}`, { qos: 1 }),
    );
    await Promise.all(asks);
    await vi.waitFor(() => expect(at.desk.counts.refused.rate).toBeGreaterThan(20));
    const told = (): number =>
      parts.filter(({ body }) => "problem" in body && body.problem.endsWith("a second")).length;
    await vi.waitFor(() => expect(told()).toBeGreaterThan(0));
    expect(told()).toBeLessThan(20);
    expect(client.connected).toBe(true);
  });

  it("may have another client of the same user answered", async () => {
    await using at = await hub();
    const { parts } = await asking(at, "city");
    const mine = await asking(at, "all");
    const asked = { do: "count", client: "app-nobody" };
    expect(await mine.ask(asked)).toMatchObject([
      { body: { problem: "no client app-nobody of this user is connected" } },
    ]);
    const brief = await at.connect({ username: "city", password: "pw" });
    const body = JSON.stringify({ v: 1, id: "b", do: "fail", client: "app-city", known: true });
    await brief.publishAsync(topic, body, { qos: 1 });
    await brief.endAsync();
    await vi.waitFor(() => expect(parts).toMatchObject([{ id: "b", last: true }]));
  });

  it("elsewhere, or without a client identifier that can be answered, is denied", async () => {
    await using at = await hub();
    const { client } = await asking(at, "all");
    const got = inbox(client);
    await client.subscribeAsync(`${root}/client/app-all/denied`);
    await client.publishAsync(`${root}/hub/other/ask`, "{}", { qos: 1 });
    await vi.waitFor(() => expect(got).toHaveLength(1));
    expect(got[0]).toContain(topic);
    const nameless = await at.connect({ username: "all", password: "pw", clientId: "App" });
    await nameless.publishAsync(topic, '{"v":1,"id":"a","do":"count","up":1}', { qos: 1 });
    expect(at.hub.counters.denied).toBe(2);
    expect(at.desk.counts).toEqual({ answered: 0, refused: {} });
  });

  it("is offered in whoami", async () => {
    await using at = await hub();
    for (const [name, acts] of [
      ["city", []],
      ["all", ["acknowledge"]],
    ] as const) {
      const client = await at.connect({ username: name, password: "pw", clientId: name });
      const got = inbox(client);
      await client.subscribeAsync(`${root}/client/${name}/whoami`);
      await vi.waitFor(() => expect(got).toHaveLength(1));
      const told: unknown = JSON.parse(got[0]?.slice(got[0].indexOf("{")) ?? "");
      expect(told).toMatchObject({
        ask: topic,
        answer: `${root}/client/${name}/answer`,
        requests: ["count", ...acts, "wait", "long", "fail", "cancel"],
      });
    }
  });

  it("gives a long answer at the pace of a slow client, within its share", async () => {
    await using at = await hub();
    const slow = await asking(at, "city");
    const other = await asking(at, "all");
    slow.client.publish(topic, '{"v":1,"id":"long","do":"long"}');
    await vi.waitFor(() => expect(made).toBeGreaterThan(0));
    slow.client.stream.pause();
    for (let n = 0; n < 20; n += 1) await other.ask({ do: "count", up: 5 });
    expect(made).toBeLessThan(500);
    slow.client.stream.resume();
    await vi.waitFor(() => expect(slow.parts).toHaveLength(500), 10_000);
    expect(at.hub.counters).toMatchObject({ cut: {}, shed: 0 });
  });
});
