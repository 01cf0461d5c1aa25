/** Logins: grants by role, one answer for unknown and wrong, the throttle per address and user. */
import { describe, expect, it } from "vitest";
import { v } from "../../config/index.ts";
import type { Identify, Login } from "../../broker/identity.ts";
import { identifier } from "../../broker/identity.ts";
import { brokerOptions } from "../../broker/options.ts";
import { StillClock, stillPlatform } from "./platform.ts";

const { users } = v.parse(brokerOptions, {
  users: {
    "edge-1": { password: "agent-secret", role: "agent" },
    east: { password: "east-secret", role: "agent", site: "local/main/east", agent: "edge-9" },
    city: { password: "city-secret", role: "reader" },
    root: { password: "root-secret", role: "admin" },
  },
});

function ask(identify: Identify, user?: string, password?: string): Promise<Login> {
  return from("::1", identify, [user, password]);
}

function from(
  remote: string,
  identify: Identify,
  [user, password]: readonly (string | undefined)[],
): Promise<Login> {
  const bytes = password === undefined ? undefined : Buffer.from(password);
  return identify({ user, password: bytes, remote });
}

describe("identifier", () => {
  const clock = new StillClock();
  const identify = identifier(users, "local/main/hall", stillPlatform(clock));

  it("grants by role", async () => {
    expect(await ask(identify, "edge-1", "agent-secret")).toEqual({
      user: "edge-1",
      grant: { role: "agent", site: "local/main/hall", agent: "edge-1" },
      org: "local/main",
    });
    expect(await ask(identify, "east", "east-secret")).toEqual({
      user: "east",
      grant: { role: "agent", site: "local/main/east", agent: "edge-9" },
      org: "local/main",
    });
    expect(await ask(identify, "city", "city-secret")).toEqual({
      user: "city",
      grant: { role: "reader", read: ["rackstreet/v1/#"], set: [] },
    });
    expect(await ask(identify, "root", "root-secret")).toEqual({
      user: "root",
      grant: { role: "admin" },
    });
  });

  it("knows a peer by the region that it owns, which is not this hub's", () => {
    const peer = { password: "pw", role: "peer" };
    const { users: peers } = v.parse(brokerOptions, { users: { local: peer } });
    const identifies = (site: string): Identify => identifier(peers, site, stillPlatform(clock));
    expect(() => identifies("local/main/hall")).toThrow("broker.users.local");
    expect(() => identifies("local2/main/hall")).not.toThrow();
    const named = { peer: { ...peer, region: "local" } };
    const { users: other } = v.parse(brokerOptions, { users: named });
    expect(() => identifier(other, "local/a/b", stillPlatform(clock))).toThrow("own region");
  });

  it("answers the same to a wrong password, an unknown user and no user", async () => {
    const refused = { refused: "credentials" };
    expect(await ask(identify, "root", "wrong")).toEqual(refused);
    expect(await ask(identify, "root")).toEqual(refused);
    expect(await ask(identify, "nobody", "nobody")).toEqual(refused);
    expect(await ask(identify, "__proto__", "x")).toEqual(refused);
    expect(await ask(identify)).toEqual(refused);
    expect(await ask(identify, "", "")).toEqual(refused);
  });

  it("is open to anyone when there are no users", async () => {
    expect(await ask(identifier({}, "a/b/c", stillPlatform(clock)), "whoever", "x")).toEqual({
      user: "",
      grant: { role: "anonymous" },
    });
  });
});

describe("a user with a certificate", () => {
  const { users } = v.parse(brokerOptions, {
    users: {
      "edge-1": { certificate: "edge-1.example.org", role: "agent" },
      root: { password: "root-secret", role: "admin" },
    },
  });
  const identify = identifier(users, "local/main/hall", stillPlatform(new StillClock()));
  const by = (certificate: string | undefined, user?: string, password?: string) =>
    identify({
      user,
      password: password === undefined ? undefined : Buffer.from(password),
      remote: "::1",
      certificate,
    });

  it("needs no password, and is nobody else by it", async () => {
    expect(await by("edge-1.example.org")).toHaveProperty("user", "edge-1");
    expect(await by("edge-1.example.org", "edge-1", "whatever")).toHaveProperty("user", "edge-1");
    expect(await by("edge-1.example.org", "root", "wrong")).toEqual({ refused: "credentials" });
    expect(await by("edge-1.example.org", "root", "root-secret")).toHaveProperty("user", "root");
    expect(await by("other.example.org")).toEqual({ refused: "credentials" });
    expect(await by("__proto__")).toEqual({ refused: "credentials" });
  });

  it("has no password by which to come without", async () => {
    expect(await by(undefined, "edge-1", "")).toEqual({ refused: "credentials" });
    expect(await by(undefined, "edge-1", "edge-1.example.org")).toEqual({ refused: "credentials" });
  });
});

describe("throttle", () => {
  it("refuses an address after 30 failures, one more a second, and others not", async () => {
    const clock = new StillClock();
    const identify = identifier(users, "local/main/hall", stillPlatform(clock));
    const right = ["root", "root-secret"];
    const bad = (remote: string): Promise<Login> => from(remote, identify, ["root", "wrong"]);
    for (let i = 0; i < 30; i += 1)
      expect(await bad("192.0.2.1")).toEqual({ refused: "credentials" });
    expect(await bad("192.0.2.1")).toEqual({ refused: "throttled" });
    expect(await from("192.0.2.1", identify, right)).toEqual({ refused: "throttled" });
    expect(await bad("192.0.2.2")).toEqual({ refused: "credentials" });
    clock.advance(1000);
    expect(await from("192.0.2.1", identify, right)).toHaveProperty("grant");
  });

  it("slows guesses for one user from many addresses, but not its own addresses", async () => {
    const clock = new StillClock();
    const identify = identifier(users, "local/main/hall", stillPlatform(clock));
    const right = ["root", "root-secret"];
    expect(await from("192.0.2.9", identify, right)).toHaveProperty("grant");
    for (let i = 0; i < 100; i += 1) {
      const guess = await from(`198.51.100.${i}`, identify, ["root", "wrong"]);
      expect(guess).toEqual({ refused: "credentials" });
    }
    const refused = { refused: "throttled" };
    expect(await from("198.51.100.200", identify, ["root", "wrong"])).toEqual(refused);
    expect(await from("198.51.100.201", identify, right)).toEqual(refused);
    expect(await from("192.0.2.9", identify, right)).toHaveProperty("grant");
    expect(await from("198.51.100.202", identify, ["city", "city-secret"])).toHaveProperty("grant");
    // A name that nobody has is slowed down likewise, or it could be told apart.
    for (let i = 0; i < 100; i += 1) await from(`203.0.113.${i}`, identify, ["nobody", "x"]);
    expect(await from("203.0.113.200", identify, ["nobody", "x"])).toEqual(refused);
    clock.advance(60_000);
    expect(await from("198.51.100.203", identify, right)).toHaveProperty("grant");
  });

  it("takes a /64 of IPv6 for one address", async () => {
    const identify = identifier(users, "local/main/hall", stillPlatform(new StillClock()));
    const bad = (remote: string): Promise<Login> => from(remote, identify, ["root", "wrong"]);
    for (let i = 1; i <= 15; i += 1) {
      await bad(`2001:db8::${i}`);
      await bad(`2001:db8:0:0:5::${i}`);
    }
    expect(await bad("2001:db8::ffff")).toEqual({ refused: "throttled" });
    expect(await bad("2001:db8:0:1::1")).toEqual({ refused: "credentials" });
  });
});

describe("options", () => {
  it("have defaults for everything", async () => {
    expect(v.parse(brokerOptions, {})).toEqual({
      listen: [{ scheme: "mqtt", host: "127.0.0.1", port: 1883 }],
      mqtt5: true,
      proxies: [],
      users: {},
      limits: {
        packet: 262_144,
        connections: 10_000,
        egress: 4_194_304,
        inflight: 100,
        subscriptions: 100,
        retained: 200_000,
        rate: {},
      },
      tenants: {},
      sessions: { count: 1000, keep: 86_400_000, messages: 10_000, bytes: 16_777_216 },
    });
  });

  it("refuse what cannot be meant", async () => {
    for (const wrong of [
      { listen: [] },
      { listen: ["tcp://127.0.0.1:1"] },
      { users: { a: { password: "x", role: "king" } } },
      { users: { a: { password: "x", role: "agent", site: "only/two" } } },
      { users: { a: { password: "x", role: "reader", read: ["a#"] } } },
      { limits: { connections: 0 } },
      { surprise: 1 },
      { users: { a: { role: "reader" } } },
      { users: { a: { password: "x", passwordHash: "$scrypt$", role: "reader" } } },
      { listen: ["mqtts://127.0.0.1"] },
      { tls: { cert: "a", key: "b", requireClient: true } },
      { proxies: ["10.0.0.0/33"] },
    ]) {
      expect(v.safeParse(brokerOptions, wrong).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});
