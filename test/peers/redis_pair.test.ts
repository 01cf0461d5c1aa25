/** Two hubs of one region over a real Redis: what each client finds on either. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MqttClient } from "mqtt";
import { connect } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { inbox, running } from "../broker/running.ts";
import { root as repository } from "../house/tree.ts";
import { needs } from "../peers.ts";
import type { Running } from "../broker/running.ts";
import {
  admin,
  city,
  comeBack,
  knock,
  other,
  pair,
  patience,
  retainedAtBoth,
  root,
  say,
  subscribeAndLeave,
  topic,
  users,
} from "./redis_hubs.ts";

const present = needs("redis-server", "redis-server");
const run = promisify(execFile);

describe.skipIf(!present)("the exam of aedes-persistence, over Redis", () => {
  it("is passed, each part of it that is asked", async () => {
    const script = join(repository, "test/broker/redis-exam.ts");
    const args = ["--test-reporter=tap", "--test", script];
    const { stdout } = await run(process.execPath, args, { cwd: repository });
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(45);
  }, 60_000);
});

describe.skipIf(!present)("two hubs over Redis", () => {
  it.each([0, 1, 2] as const)(
    "QoS %i from a client of one to a client of the other",
    async (qos) => {
      await using hubs = await pair();
      const reader = await hubs.b.connect(city);
      const heard = inbox(reader);
      await reader.subscribeAsync(`${root}/#`, { qos });
      const publisher = await hubs.a.connect(admin);
      const payloads = Array.from({ length: 90 }, (_, n) => `${n}`);
      // Some retained, some not: they must not overtake each other.
      await Promise.all(
        payloads.map((payload, n) =>
          publisher.publishAsync(topic, payload, { qos, retain: n % 3 === 0 }),
        ),
      );
      const wanted = payloads.map((payload) => `${topic} ${payload}`);
      await vi.waitFor(() => expect(heard).toHaveLength(wanted.length), patience);
      expect(heard).toEqual(wanted);
      // Only the hub that a client publishes at stores it.
      expect(hubs.a.seen).toHaveLength(wanted.length);
      expect(hubs.b.seen).toEqual([]);
    },
  );

  it("what waited for a session follows its client, each thing once", async () => {
    await using hubs = await pair();
    await subscribeAndLeave(hubs.a);
    await say(hubs.a, "1", "2");
    await say(hubs.b, "3", "4");
    await comeBack(hubs.b, ["1", "2", "3", "4"]);
    await say(hubs.b, "5");
    await comeBack(hubs.a, ["5"]);
    await comeBack(hubs.b, []);
  });

  it("a message that is not acknowledged at one comes again at the other", async () => {
    await using hubs = await pair();
    await subscribeAndLeave(hubs.a);
    await say(hubs.a, "1", "2");
    const client = connect(hubs.a.url, { ...city, clean: false, reconnectPeriod: 0 });
    // It takes what comes and acknowledges nothing.
    const seen: string[] = [];
    client.handleMessage = (packet) => seen.push(packet.payload.toString());
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0), patience);
    await client.endAsync(true);
    await comeBack(hubs.b, ["1", "2"]);
    await comeBack(hubs.a, []);
  });

  it("[MQTT-3.2.0-1] CONNACK comes first, then what waited, then the rest", async () => {
    await using hubs = await pair();
    await subscribeAndLeave(hubs.a);
    const publisher = await hubs.b.connect(admin);
    const wanted: string[] = [];
    const got: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      const sent = Array.from({ length: 10 }, (_, n) => `${round}.${n}`);
      wanted.push(...sent);
      const publishing = sent.map((text) => publisher.publishAsync(topic, text, { qos: 1 }));
      const client = connect(hubs.a.url, { ...city, clean: false, reconnectPeriod: 0 });
      const first = new Promise<string>((resolve) => {
        client.once("packetreceive", ({ cmd }) => resolve(cmd));
      });
      client.on("message", (_topic, payload) => got.push(payload.toString()));
      expect(await first).toBe("connack");
      await Promise.all(publishing);
      await vi.waitFor(() => expect(got).toEqual(wanted), patience);
      await client.endAsync();
    }
  });

  it("a client with subscriptions that overlap hears each thing once", async () => {
    await using hubs = await pair();
    const client = await hubs.a.connect({ ...city, clean: false });
    const heard = inbox(client);
    await client.subscribeAsync([`${root}/#`, `${root}/power/+/telemetry`], { qos: 1 });
    await say(hubs.b, "1", "2");
    await vi.waitFor(() => expect(heard).toHaveLength(2), patience);
    await client.endAsync();
    await comeBack(hubs.b, []);
    await say(hubs.a, "3");
    await comeBack(hubs.b, ["3"]);
    await comeBack(hubs.a, []);
  });

  it("MQTT 5: what rides on a message goes with it, live, retained and waiting", async () => {
    await using hubs = await pair();
    const five = { protocolVersion: 5, properties: { sessionExpiryInterval: 600 } } as const;
    const away = await hubs.b.connect({ ...city, ...five, clientId: "away", clean: false });
    await away.subscribeAsync(`${root}/#`, { qos: 1 });
    await away.endAsync();
    const live = await hubs.b.connect({ ...city, protocolVersion: 5, clientId: "live" });
    const got: unknown[] = [];
    const keep = (client: MqttClient): void => {
      client.on("message", (_topic, payload, { properties }) => {
        got.push([payload.toString(), properties?.userProperties]);
      });
    };
    keep(live);
    await live.subscribeAsync(`${root}/#`, { qos: 1 });
    const publisher = await hubs.a.connect({ ...admin, protocolVersion: 5 });
    const properties = { userProperties: { unit: "W" } };
    await publisher.publishAsync(topic, "7", { qos: 1, retain: true, properties });
    const wanted = ["7", { unit: "W" }];
    await vi.waitFor(() => expect(got).toEqual([wanted]), patience);
    const back = connect(hubs.a.url, { ...city, ...five, clientId: "away", clean: false });
    keep(back);
    await vi.waitFor(() => expect(got).toEqual([wanted, wanted]), patience);
    const late = await hubs.b.connect({ ...city, protocolVersion: 5, clientId: "late" });
    keep(late);
    await late.subscribeAsync(topic);
    await vi.waitFor(() => expect(got).toEqual([wanted, wanted, wanted]), patience);
    await back.endAsync(false, { properties: { sessionExpiryInterval: 0 } });
    await publisher.publishAsync(topic, "8", { qos: 1 });
    await vi.waitFor(() => expect(got).toHaveLength(5), patience);
    const anew = connect(hubs.b.url, { ...city, ...five, clientId: "away", clean: false });
    keep(anew);
    await new Promise((resolve) => anew.once("connect", resolve));
    await anew.subscribeAsync(topic, { qos: 1 });
    await publisher.publishAsync(topic, "9", { qos: 1 });
    await vi.waitFor(() => expect(got.at(-1)).toEqual(["9", undefined]), patience);
    // Its session ended with its last word: 8 was for the two that are here alone.
    expect(got.filter((one) => Array.isArray(one) && one[0] === "8")).toHaveLength(2);
    await anew.endAsync();
  });

  it("retained messages are the same on both, set, replaced and cleared", async () => {
    await using hubs = await pair({ limits: { retained: 2 } });
    const retain = (at: Running, payload: string) =>
      at.hub.publish(topic, payload, { retain: true, qos: 1 });
    const both = (): string[] => retainedAtBoth(hubs);
    await retain(hubs.a, "one");
    await vi.waitFor(() => expect(both()).toEqual(["one", "one"]), patience);
    await retain(hubs.b, "two");
    await vi.waitFor(() => expect(both()).toEqual(["two", "two"]), patience);
    const late = await hubs.a.connect(city);
    const heard = inbox(late);
    await late.subscribeAsync(`${root}/#`);
    await vi.waitFor(() => expect(heard).toEqual([`${topic} two`]), patience);
    await retain(hubs.a, "");
    await vi.waitFor(() => expect(both()).toEqual(["", ""]), patience);
  });

  it("a hub that starts later knows what is retained", async () => {
    await using hubs = await pair();
    for (let n = 0; n < 1000; n += 1) {
      await hubs.a.hub.publish(`${root}/power/pdu-${n}/meta`, `${n}`, { retain: true, qos: 1 });
    }
    const options = { users, redis: { url: hubs.redis.url, password: "redis-secret" } };
    await using later = await running(options);
    const found = [...(later.hub.retained?.(`${root}/power/+/meta`) ?? [])];
    expect(found).toHaveLength(1000);
    expect(String(found.find(({ topic: at }) => at.includes("pdu-77/"))?.payload)).toBe("77");
  });

  it("another user gets neither a session nor a connection by its client identifier", async () => {
    await using hubs = await pair();
    await subscribeAndLeave(hubs.a);
    await say(hubs.a, "1");
    const stranger = { ...other, clientId: "app" };
    expect(await knock(hubs.b, { ...stranger, clean: false })).toBe(2);
    expect(await knock(hubs.b, { ...stranger, clean: true })).toBe(2);
    expect(hubs.b.hub.counters.rejected).toMatchObject({ client_id_taken: 2 });
    await comeBack(hubs.b, ["1"]);
    // Nor by that of one who is connected without a session.
    const here = await hubs.a.connect({ ...city, clientId: "visitor" });
    expect(await knock(hubs.b, { ...other, clientId: "visitor" })).toBe(2);
    await here.endAsync();
    await vi.waitFor(async () => {
      expect(await knock(hubs.b, { ...other, clientId: "visitor" })).toBe(0);
    }, patience);
  });

  it("[MQTT-3.1.4-2] [MQTT-3.1.2-8] the older connection ends, with its will, first", async () => {
    await using hubs = await pair();
    const state = `${root}/agent/edge-1/state`;
    const watch = await hubs.b.connect(city);
    const heard = inbox(watch);
    await watch.subscribeAsync(state, { qos: 1 });
    const edge = { clientId: "edge", username: "edge-1", password: "edge-secret" };
    const will = { topic: state, payload: Buffer.from("offline"), qos: 1 as const, retain: true };
    const older = await hubs.a.connect({ ...edge, will });
    const ended = new Promise<void>((resolve) => older.once("close", () => resolve()));
    const newer = await hubs.b.connect({ ...edge, will });
    await newer.publishAsync(state, "online", { qos: 1, retain: true });
    await ended;
    await vi.waitFor(() => expect(heard).toHaveLength(2), patience);
    expect(heard).toEqual([`${state} offline`, `${state} online`]);
    expect(newer.connected).toBe(true);
    for (const { hub } of [hubs.a, hubs.b]) {
      await vi.waitFor(() => {
        expect([...(hub.retained?.(state) ?? [])].map(({ payload }) => String(payload))).toEqual([
          "online",
        ]);
      }, patience);
    }
  });

  it("nobody ends another's connection by what he publishes", async () => {
    await using hubs = await pair();
    const here = await hubs.a.connect({ ...city, clientId: "app" });
    const rogue = await hubs.b.connect(admin);
    await rogue.publishAsync("$SYS/elsewhere/new/clients", "app", { qos: 1 });
    await rogue.publishAsync("$SYS/sub/add", JSON.stringify({ clientId: "app", subs: [] }), {
      qos: 1,
    });
    const heard = inbox(here);
    await here.subscribeAsync(`${root}/#`);
    await say(hubs.b, "after");
    await vi.waitFor(() => expect(heard).toContain(`${topic} after`), patience);
    expect(here.connected).toBe(true);
  });

  it("what waits is bounded, and the oldest goes first", async () => {
    await using hubs = await pair({ sessions: { messages: 5 } });
    await subscribeAndLeave(hubs.a);
    await say(hubs.b, ...Array.from({ length: 20 }, (_, n) => `${n}`));
    await comeBack(hubs.a, ["15", "16", "17", "18", "19"]);
    expect(await hubs.redis.ask("KEYS", "*queue*")).not.toContain("queue:app");
  });

  it("what waits is bounded in bytes", async () => {
    await using hubs = await pair({ sessions: { bytes: "10KiB" } });
    await subscribeAndLeave(hubs.a);
    const payloads = Array.from({ length: 20 }, (_, n) => `${n} ${"x".repeat(2000)}`);
    await say(hubs.a, ...payloads);
    await comeBack(hubs.b, payloads.slice(-4));
  });
});
