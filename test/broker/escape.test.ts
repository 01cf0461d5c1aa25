/** The audit of borders between users: finds what leaks, and calls no right a leak. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as access from "../../broker/access.ts";
import type { EscapeReport } from "../../broker/escape/index.ts";
import { mayCause, mayHear, tryEscapes, whoIs } from "../../broker/escape/index.ts";
import type { Retained } from "../../broker/asking/retained.ts";
import { deskOfAudit } from "../../broker/escape/own-hub.ts";
import { matches } from "../../broker/escape/rights.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import { realPlatform } from "./platform.ts";
import { running, site } from "./running.ts";

/** What the hub goes by, and what a test makes of it. */
const broken = vi.hoisted(() => ({
  subscribe: false,
  publish: false,
  covers: false,
  asked: false,
}));

vi.mock("../../broker/access.ts", async (original) => {
  const real = await original<typeof access>();
  return {
    ...real,
    refuseSubscribe: (...given: Parameters<typeof access.refuseSubscribe>) => {
      const [grant, filter] = given;
      // Matching in the place of containment, the classic mistake.
      if (broken.covers && grant.role === "reader" && filter.startsWith("rackstreet/+")) return;
      return broken.subscribe ? undefined : real.refuseSubscribe(...given);
    },
    refusePublish: (...given: Parameters<typeof access.refusePublish>) =>
      broken.publish ? undefined : real.refusePublish(...given),
    readableBy: (...given: Parameters<typeof access.readableBy>) =>
      broken.asked ? ["rackstreet/v1/#"] : real.readableBy(...given),
  };
});

afterEach(() =>
  Object.assign(broken, { subscribe: false, publish: false, covers: false, asked: false }),
);

const users = {
  "edge-1": { password: "pw-1", role: "agent", site: "r/power/one" },
  "edge-2": { password: "pw-2", role: "agent", site: "r/water/two" },
  city: { password: "pw-c", role: "reader", read: ["rackstreet/v1/r/power/#"] },
  roads: { password: "pw-r", role: "reader", read: ["rackstreet/v1/+/water/+/power/#"] },
  south: { password: "pw-s", role: "peer" },
  north: { password: "pw-n", role: "peer", region: "n" },
};

async function audited(
  given: Record<string, object> = users,
  options: Record<string, unknown> = {},
): Promise<EscapeReport> {
  const admin = { user: "root", password: "pw-root" };
  const root = { password: admin.password, role: "admin" };
  const hub = { ...site, class: "hub", device: "hub" };
  let retained: Retained = () => [];
  const desk = deskOfAudit((filter) => retained(filter), hub, realPlatform);
  await using at = await running({ users: { ...given, root }, ...options }, { desk });
  retained = (filter) => at.hub.retained?.(filter) ?? [];
  const parsed = v.parse(brokerOptions, { users: given });
  const accounts = Object.entries(parsed.users).map(([name, user]) => ({
    who: whoIs(name, user, site),
    password: user.password?.reveal() ?? "",
  }));
  const { clock, entropy } = realPlatform;
  const report = await tryEscapes({
    accounts,
    admin,
    doors: {
      clock,
      async dial(number) {
        const localAddress = `127.0.0.${number + 2}`;
        const socket = connect({ host: "127.0.0.1", port: at.port, localAddress });
        await once(socket, "connect");
        return socket;
      },
    },
    hub,
    clock,
    entropy,
    live: false,
    within: 60_000,
  });
  if (report === undefined) throw new Error("the admin was not let in");
  return report;
}

function leaksOf({ leaks }: EscapeReport): string[] {
  return leaks.map(({ user, kind, tried, got }) => `${user} ${kind} ${tried} → ${got}`);
}

describe("an audit of borders", () => {
  it("finds nothing where nothing leaks, and everyone hears what is theirs", async () => {
    const report = await audited();
    expect(leaksOf(report)).toEqual([]);
    expect(report).toMatchObject({ leaked: 0, alive: 6, silent: [], left: [] });
    expect(report.tries).toBeGreaterThan(400);
    const tried = new Set(report.rows.map(({ kind }) => kind));
    expect([...tried].toSorted()).toMatchObject({ length: 14 });
  });

  it("calls it no leak that a user reads much: it may", async () => {
    const wide = { password: "pw-w", role: "reader", read: ["rackstreet/v1/#"] };
    const all = { password: "pw-a", role: "reader", read: ["#"] };
    const report = await audited({ ...users, wide, all });
    expect(leaksOf(report)).toEqual([]);
    expect(report.alive).toBe(8);
  });

  it("finds subscriptions that are not refused", async () => {
    broken.subscribe = true;
    const report = await audited();
    const kinds = new Set(report.leaks.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(["subscribe", "wildcard"]));
    expect(new Set(report.leaks.map(({ user }) => user)).size).toBe(6);
  });

  it("finds a filter that matches the grant but is wider", async () => {
    broken.covers = true;
    const report = await audited();
    expect(report.leaks.some(({ kind, user }) => kind === "wildcard" && user === "city")).toBe(
      true,
    );
    expect(report.leaks.some(({ user }) => user.startsWith("edge"))).toBe(false);
  });

  it("finds answers about what its asker may not hear", async () => {
    broken.asked = true;
    const report = await audited();
    const kinds = new Set(report.leaks.map(({ kind }) => kind));
    expect([...kinds]).toEqual(["ask"]);
    expect(new Set(report.leaks.map(({ user }) => user)).size).toBeGreaterThan(1);
  });

  it("finds publishes and wills that are not refused, and what was kept and is gone", async () => {
    broken.publish = true;
    const report = await audited();
    const kinds = new Set(report.leaks.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(["publish", "retained", "will", "sys"]));
  });

  it("says who could not be tried", async () => {
    const report = await audited(users, { limits: { connections: 3 } });
    expect(report.silent.length).toBeGreaterThan(0);
  });
});

describe("rights, said a second time", () => {
  it.each([
    ["#", "a/b", true],
    ["#", "$SYS/a", false],
    ["+/a", "$SYS/a", false],
    ["$SYS/#", "$SYS/a", true],
    ["a/#", "a", true],
    ["a/+", "a", false],
    ["a/+", "a/", true],
    ["a/+/c", "a/b/c", true],
    ["a/b", "a/b/c", false],
  ])("%s matches %s: %s [MQTT-4.7.1-2]", (filter, topic, yes) => {
    expect(matches(filter, topic)).toBe(yes);
  });

  it("name the rule", () => {
    const { users: parsed } = v.parse(brokerOptions, { users });
    const [edge, , city] = Object.entries(parsed).map(([name, user]) => whoIs(name, user, site));
    if (edge === undefined || city === undefined) throw new Error("no users");
    expect(mayHear(city, "rackstreet/v1/r/power/x")).toBe("rackstreet/v1/r/power/#");
    expect(mayHear(city, "rackstreet/v1/r/water/x")).toBeUndefined();
    const own = "rackstreet/v1/r/power/one/thermal/t-1";
    expect(mayCause(edge, `${own}/telemetry`)).toBe("rackstreet/v1/r/power/one/+/+/telemetry");
    expect(mayCause(edge, `${own}/alert`)).toBeUndefined();
  });
});
