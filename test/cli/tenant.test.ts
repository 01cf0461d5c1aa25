/** `rackstreet tenant`: what is listed, why something is refused, and an audit of both kinds. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import { running } from "../broker/running.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };

const users = {
  "edge-1": { password: "pw-1", role: "agent", site: "r/power/one" },
  city: { password: "pw-c", role: "reader", read: ["rackstreet/v1/r/power/#"] },
  roads: { password: "pw-s", role: "reader", org: "r/roads", read: ["rackstreet/v1/r/roads/#"] },
  root: { password: "pw-r", role: "admin" },
};
const tenants = { "r/power": { rate: { messages: 100 }, connections: 5 } };

const report = v.object({
  tries: v.number(),
  leaked: v.number(),
  alive: v.number(),
  silent: v.array(v.string()),
});

function reported(out: string): v.InferOutput<typeof report> {
  return v.parse(report, JSON.parse(out));
}

beforeAll(() => {
  folder.write("hub.yaml", JSON.stringify({ broker: { users, tenants } }));
});

describe("tenant", () => {
  test("ls: rights and quota of each user", async () => {
    const { code, out } = await rackstreet(["tenant", "ls", "hub.yaml", "--json"], at);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      { user: "edge-1", org: "r/power", quota: { connections: 5 } },
      { user: "city", org: null, read: ["rackstreet/v1/r/power/#"], write: [], quota: null },
      { user: "roads", org: "r/roads", quota: null },
      { user: "root", role: "admin" },
    ]);
  });

  test("why: the rule, and what to do", async () => {
    const ask = async (...words: string[]): Promise<string> =>
      (await rackstreet(["tenant", "why", "hub.yaml", ...words], at)).out;
    expect(await ask("city", "rackstreet/v1/#")).toMatch(
      /^city may not subscribe to .*\n +rule +this user reads .*\n +remedy/,
    );
    const own = "rackstreet/v1/r/power/one/power/d/telemetry";
    expect(await ask("edge-1", own, "--publish")).toMatch(/may publish.*\n +rule +.*telemetry/);
    const { code, err } = await rackstreet(["tenant", "why", "hub.yaml", "citi", "x"], at);
    expect(code).toBe(64);
    expect(err).toContain("did you mean city?");
  });

  test("audit: at a hub of its own nothing leaks", async () => {
    const { code, out } = await rackstreet(["tenant", "audit", "hub.yaml", "--json"], at);
    expect(reported(out)).toMatchObject({ leaked: 0, alive: 4, silent: [] });
    expect(code).toBe(0);
  });

  test("audit: a running hub that goes by other rights than these is found out", async () => {
    const wide = { ...users.city, read: ["rackstreet/v1/#"] };
    await using hub = await running({ users: { ...users, city: wide } });
    const args = ["tenant", "audit", "hub.yaml", "--url", hub.url];
    const { code, out } = await rackstreet(args, at);
    expect(out).toMatch(/LEAK +city, /);
    expect(out).not.toMatch(/LEAK +(edge-1|roads|root), /);
    expect(code).toBe(65);
  });

  test("audit: where the admin is not let in, says so", async () => {
    await using hub = await running({ users: { other: { password: "x", role: "admin" } } });
    const args = ["tenant", "audit", "hub.yaml", "--url", hub.url];
    const { code, err } = await rackstreet(args, at);
    expect(err).toContain("root is not let in");
    expect(code).toBe(75);
  });
});
