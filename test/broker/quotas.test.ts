/** Quotas of organisations and users over the wire: sessions, retained topics, series. */
import { describe, expect, it, vi } from "vitest";
import { RetainedQuotas } from "../../broker/retained.ts";
import { SeriesQuotas } from "../../broker/series.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import { inbox, running } from "./running.ts";

const users = {
  one: { password: "pw", role: "admin", org: "local/main" },
  two: { password: "pw", role: "admin", org: "local/main" },
  other: { password: "pw", role: "admin", org: "local/else" },
};
const login = (username: string) => ({ username, password: "pw" });

describe("sessions of an organisation", () => {
  it("end with their connection where there are too many; who has none is told", async () => {
    await using at = await running({ users, tenants: { "local/main": { sessions: 1 } } });
    const topic = "rackstreet/v1/local/main/hall/power/pdu/state";
    for (const [name, clientId] of [
      ["one", "first"],
      ["two", "second"],
      ["other", "third"],
    ] as const) {
      const client = await at.connect({ ...login(name), clientId, clean: false });
      const denied = `rackstreet/v1/local/main/hall/client/${clientId}/denied`;
      const heard = inbox(client);
      await client.subscribeAsync([topic, denied], { qos: 1 });
      if (clientId === "second") {
        await vi.waitFor(() => expect(heard.join()).toContain("1 sessions, as many as there may"));
      }
      await client.endAsync();
    }
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    await at.hub.publish(topic, "news", { qos: 1 });
    const kept: string[] = [];
    for (const [name, clientId] of [
      ["one", "first"],
      ["two", "second"],
      ["other", "third"],
    ] as const) {
      const back = await at.connect({ ...login(name), clientId, clean: false });
      const { promise, resolve } = Promise.withResolvers<void>();
      back.on("message", (_topic, payload) => {
        kept.push(`${clientId} ${payload.toString()}`);
        resolve();
      });
      if (clientId === "second") continue;
      await promise;
    }
    expect(kept).toEqual(["first news", "third news"]);
    expect(at.hub.counters.rejected).toEqual({ session: 2 });
  });
});

describe("retained topics", () => {
  const power = "rackstreet/v1/local/main/hall/power";

  it("of an organisation: one too many is delivered, not kept; its sender is told", async () => {
    await using at = await running({ users, tenants: { "local/main": { retained: 2 } } });
    const client = await at.connect({ ...login("one"), clientId: "one" });
    const heard = inbox(client);
    const denied = "rackstreet/v1/local/main/hall/client/one/denied";
    await client.subscribeAsync([`${power}/#`, denied], { qos: 1 });
    const send = (device: string, payload: string) =>
      client.publishAsync(`${power}/${device}/meta`, payload, { qos: 1, retain: true });
    for (const device of ["a", "b", "c"]) await send(device, "x");
    await vi.waitFor(() => expect(heard).toContain(`${power}/c/meta x`));
    await vi.waitFor(() => expect(heard.join()).toMatch(/denied .*2 topics with a retained/));
    expect(client.connected).toBe(true);
    expect(at.hub.counters.unretained).toBe(1);
    // Room again, by removing one.
    await send("a", "");
    await send("c", "y");
    const late = await at.connect(login("two"));
    const kept = inbox(late);
    await late.subscribeAsync(`${power}/#`);
    await vi.waitFor(() => expect(kept).toHaveLength(2));
    expect(kept.toSorted()).toEqual([`${power}/b/meta x`, `${power}/c/meta y`]);
    const elsewhere = await at.connect(login("other"));
    await elsewhere.publishAsync("rackstreet/v1/local/else/hall/power/a/meta", "x", {
      qos: 1,
      retain: true,
    });
    expect(at.hub.counters.unretained).toBe(1);
  });

  it("of a user: counted by who retained last", () => {
    const options = v.parse(brokerOptions, { limits: { retainedByUser: 2 } });
    const topics = new Set<string>();
    const quotas = new RetainedQuotas(options, {
      get retainedTopics() {
        return topics.size;
      },
      isRetained: (topic) => topics.has(topic),
      retainedOf: () => topics.size,
    });
    const retain = (user: string, topic: string): boolean => {
      const may = quotas.refuse(topic, 1, user) === undefined;
      if (may) topics.add(topic);
      return may;
    };
    expect(["a", "b", "c"].map((topic) => retain("one", topic))).toEqual([true, true, false]);
    expect(retain("one", "a")).toBe(true);
    expect(retain("two", "a")).toBe(true);
    expect(retain("one", "c")).toBe(true);
    expect(retain("one", "d")).toBe(false);
    quotas.refuse("c", 0);
    topics.delete("c");
    expect(retain("one", "d")).toBe(true);
  });
});

describe("series", () => {
  const address = { region: "local", org: "main", site: "hall", class: "power", device: "d" };
  const options = v.parse(brokerOptions, {
    tenants: { "local/main": { series: 3 } },
    limits: { seriesByAgent: 2 },
  });
  const point = (phase: string) => ({
    measurement: "meter_phase",
    tags: { phase },
    fields: { voltage_v: 1 },
  });

  it("of an agent and of an organisation are counted once each; told once a minute", () => {
    let now = 0;
    const quotas = new SeriesQuotas(options, () => now);
    const refuse = (agent: string, phase: string) => quotas.refuse(address, agent, point(phase));
    expect(refuse("a", "L1")).toBeUndefined();
    expect(refuse("a", "L2")).toBeUndefined();
    expect(refuse("a", "L1")).toBeUndefined();
    expect(refuse("a", "L3")).toMatchObject({ tell: true, rule: expect.stringMatching(/agent a/) });
    expect(refuse("a", "L3")).toMatchObject({ tell: false });
    now += 60_000;
    expect(refuse("a", "L3")).toMatchObject({ tell: true });
    expect(refuse("b", "L3")).toBeUndefined();
    expect(refuse("b", "N")).toMatchObject({ rule: expect.stringMatching(/^local\/main has 3/) });
    const elsewhere = { ...address, org: "else" };
    expect(quotas.refuse(elsewhere, "a", point("N"))).toBeUndefined();
  });
});
