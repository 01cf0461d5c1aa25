/** Two hubs of one region, and a real Redis that is away: killed, standing still, or forgetful. */
import type { IClientOptions } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import type { Running } from "../broker/running.ts";
import { inbox, running } from "../broker/running.ts";
import { needs } from "../peers.ts";
import type { Pair } from "./redis_hubs.ts";
import {
  admin,
  city,
  comeBack,
  knock,
  logged,
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

async function away(hubs: Pair): Promise<void> {
  await hubs.redis.kill9();
  await vi.waitFor(() => {
    expect([hubs.a.hub.redisUp, hubs.b.hub.redisUp]).toEqual([false, false]);
  }, patience);
}

async function back(hubs: Pair): Promise<void> {
  await hubs.redis.restart();
  await vi.waitFor(() => {
    expect([hubs.a.hub.redisUp, hubs.b.hub.redisUp]).toEqual([true, true]);
  }, patience);
}

const retain = (at: Running, where: string, payload: string): Promise<void> =>
  at.hub.publish(`${root}/${where}`, payload, { retain: true, qos: 1 });

describe.skipIf(!present)("a hub whose Redis is away", () => {
  it("serves its own clients, and says once why", async () => {
    await using hubs = await pair();
    const reader = await hubs.a.connect({ ...city, clean: false });
    const heard = inbox(reader);
    await reader.subscribeAsync(`${root}/#`, { qos: 1 });
    await away(hubs);
    expect(reader.connected).toBe(true);
    await say(hubs.a, "1", "2");
    await vi.waitFor(() => expect(heard).toEqual([`${topic} 1`, `${topic} 2`]), patience);
    expect(hubs.a.seen.map(({ payload }) => payload)).toEqual(["1", "2"]);
    await back(hubs);
    await vi.waitFor(() => expect(logged(hubs, "redis is back")).toHaveLength(2), patience);
    expect(logged(hubs, "redis is away")).toHaveLength(2);
    expect(hubs.log.join("\n")).not.toContain("redis-secret");
  });

  it("lets in who keeps no session, and sends others away with CONNACK 3", async () => {
    await using hubs = await pair();
    await subscribeAndLeave(hubs.a);
    await say(hubs.a, "before");
    // A PUBACK does not say that.
    await vi.waitFor(async () => {
      expect(await hubs.redis.ask("HLEN", "rackstreet:local:queue:app")).toContain(":2");
    }, patience);
    await away(hubs);
    expect(await knock(hubs.a, { ...city, clean: false })).toBe(3);
    expect(hubs.a.hub.counters.rejected).toMatchObject({ redis: 1 });
    expect(await knock(hubs.a, { ...city, clientId: "visitor", clean: true })).toBe(0);
    // Whose it is, is remembered.
    expect(await knock(hubs.b, { ...other, clientId: "app", clean: true })).toBe(2);
    await back(hubs);
    await comeBack(hubs.b, ["before"]);
  });

  it("ends on return who keeps a session, for what was missed, and nobody else", async () => {
    await using hubs = await pair();
    const session: IClientOptions = { ...city, clientId: "keeper", clean: false };
    const keeper = await hubs.a.connect(session);
    await keeper.subscribeAsync(`${root}/#`, { qos: 1 });
    const visitor = await hubs.a.connect({ ...city, clientId: "visitor" });
    const ended = new Promise<void>((resolve) => keeper.once("close", () => resolve()));
    await away(hubs);
    await back(hubs);
    await ended;
    expect(hubs.a.hub.counters.cut).toEqual({ redis: 1 });
    expect(visitor.connected).toBe(true);
    await say(hubs.b, "after");
    const again = await hubs.b.connect(session);
    const heard = inbox(again);
    await vi.waitFor(() => expect(heard).toEqual([`${topic} after`]), patience);
  });

  it("keeps what is retained meanwhile, and the newest counts on return", async () => {
    await using hubs = await pair();
    await retain(hubs.a, "power/pdu-1/meta", "old");
    await retain(hubs.a, "power/pdu-2/meta", "gone");
    await vi.waitFor(
      () => expect(retainedAtBoth(hubs)).toEqual(["gone old", "gone old"]),
      patience,
    );
    const reader = await hubs.b.connect(city);
    const heard = inbox(reader);
    await reader.subscribeAsync(`${root}/power/pdu-3/meta`, { qos: 1 });
    await away(hubs);
    await retain(hubs.a, "power/pdu-1/meta", "older");
    await retain(hubs.a, "power/pdu-2/meta", "");
    await retain(hubs.a, "power/pdu-3/meta", "new");
    const older = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(older), { interval: 1 });
    await retain(hubs.b, "power/pdu-1/meta", "newest");
    await back(hubs);
    await vi.waitFor(() => {
      expect(retainedAtBoth(hubs)).toEqual(["new newest", "new newest"]);
    }, patience);
    // Who reads at the other hub hears it late.
    await vi.waitFor(() => expect(heard).toEqual([`${root}/power/pdu-3/meta new`]), patience);
    const options = { users, redis: { url: hubs.redis.url, password: "redis-secret" } };
    await using later = await running(options);
    const found = [...(later.hub.retained?.(`${root}/#`) ?? [])].map(({ payload }) =>
      String(payload),
    );
    expect(found.toSorted()).toEqual(["new", "newest"]);
  });

  it("tells a Redis that has forgotten all that is retained, and who is here", async () => {
    await using hubs = await pair();
    await retain(hubs.a, "power/pdu-1/meta", "one");
    const here = await hubs.a.connect({ ...city, clientId: "visitor" });
    await away(hubs);
    await hubs.redis.forget();
    await back(hubs);
    await vi.waitFor(async () => {
      expect(await hubs.redis.ask("HKEYS", "rackstreet:local:retained")).toContain("pdu-1");
    }, patience);
    expect(retainedAtBoth(hubs)).toEqual(["one", "one"]);
    expect(await knock(hubs.b, { ...other, clientId: "visitor" })).toBe(2);
    expect(here.connected).toBe(true);
  });

  it("starts all the same, and joins when Redis comes", async () => {
    await using hubs = await pair();
    await retain(hubs.a, "power/pdu-1/meta", "one");
    await away(hubs);
    const options = { users, redis: { url: hubs.redis.url, password: "redis-secret" } };
    await using later = await running(options);
    expect(later.hub.redisUp).toBe(false);
    expect(await knock(later, { ...city, clean: true })).toBe(0);
    await back(hubs);
    await vi.waitFor(() => {
      const found = [...(later.hub.retained?.(`${root}/#`) ?? [])];
      expect(found.map(({ payload }) => String(payload))).toEqual(["one"]);
    }, patience);
  });

  it("says that a password is wrong, without the password", async () => {
    await using hubs = await pair();
    const log: string[] = [];
    const options = { users, redis: { url: hubs.redis.url, password: "wrong-secret" } };
    const line = (event: string, fields: unknown): void => {
      log.push(`${event} ${JSON.stringify(fields)}`);
    };
    const { realPlatform } = await import("../broker/platform.ts");
    const platform = { ...realPlatform, log: { debug: line, info: line, warn: line, error: line } };
    await using wrong = await running(options, {}, platform);
    expect(wrong.hub.redisUp).toBe(false);
    expect(log.join("\n")).toMatch(/redis is away .*(WRONGPASS|NOAUTH|invalid)/);
    expect(log.join("\n")).not.toContain("wrong-secret");
  });

  it("notices one that stands still", async () => {
    await using hubs = await pair();
    const reader = await hubs.a.connect(city);
    const heard = inbox(reader);
    await reader.subscribeAsync(`${root}/#`, { qos: 1 });
    hubs.redis.signal("SIGSTOP");
    try {
      await say(hubs.a, "1");
      await vi.waitFor(() => expect(heard).toEqual([`${topic} 1`]), patience);
      await vi.waitFor(() => expect(hubs.a.hub.redisUp).toBe(false), patience);
    } finally {
      hubs.redis.signal("SIGCONT");
    }
    await vi.waitFor(() => expect(hubs.a.hub.redisUp).toBe(true), patience);
    const other = await hubs.b.connect(admin);
    await other.publishAsync(topic, "2", { qos: 1 });
    await vi.waitFor(() => expect(heard).toContain(`${topic} 2`), patience);
  }, 60_000);
});
