/** A running hub's alerts from the command line, over its real broker: who may do what to them. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { freePort } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
let config: string;
let hub: Rackstreet | undefined;

beforeAll(async () => {
  config = `${folder.path}/hub.yaml`;
  folder.write(
    "hub.yaml",
    `site: lab
agent: { data: ${folder.path}/agent, interval: 200ms }
hub: { data: ${folder.path}/hub }
broker:
  listen: ["mqtt://127.0.0.1:${await freePort()}"]
  users:
    edge: { role: agent, agent: agent, password: edge-pw }
    kim:
      role: reader
      password: kim-pw
      ask: [alerts-acknowledge, alerts-shelve, alerts-unshelve]
    lee: { role: reader, password: lee-pw }
    sam:
      role: reader
      password: sam-pw
      read: ["rackstreet/v1/local/main/other/#"]
      ask: [alerts-acknowledge, alerts-shelve]
store: { engine: sqlite, path: ${folder.path}/store.sqlite }
devices:
  one: { driver: sim, measurement: rack_power }
  two: { driver: sim, measurement: rack_power }
rules:
  draws:
    about: It draws power
    measurement: rack_power
    field: active_power_w
    above: 0
    by: [device]
`,
  );
  hub = startRackstreet(["up", config, "--json"]);
  await hub.logged("hub started");
  await vi.waitFor(async () => expect((await listed()).alerts).toHaveLength(2), 15_000);
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function as(user: string, ...args: string[]) {
  const login = ["--username", user, "--password-from", "${PASSWORD}"];
  const all = ["alerts", ...args, "-c", config, ...login];
  return rackstreet(all, { env: { PASSWORD: `${user}-pw` } });
}

interface Listed {
  readonly alerts: readonly { readonly acknowledged?: unknown; readonly shelved?: unknown }[];
  readonly shelves: readonly unknown[];
  readonly load?: unknown;
}

async function listed(user = "kim"): Promise<Listed> {
  const { out, err } = await as(user, "ls", "--json");
  if (err !== "") throw new Error(err);
  return JSON.parse(out);
}

describe("alerts", () => {
  test("ls shows what fires and the alarm load, to those that may read it", async () => {
    const { code, out } = await as("lee", "ls");
    expect(code).toBe(0);
    expect(out).toMatch(/warning +firing +draws +one/);
    expect(out).toContain("alarm load");
    expect(await listed("sam")).toEqual({ alerts: [], shelves: [] });
  });

  test("ack is for those whose user may, of alerts that they may read", async () => {
    const refused = await as("lee", "ack", "draws", "one");
    expect(refused).toMatchObject({ code: 69, out: "" });
    expect(refused.err).toContain("may not");
    expect(await as("sam", "ack", "draws")).toMatchObject({ code: 69, out: "" });
    const done = await as("kim", "ack", "draws", "one", "--comment", "on my way");
    expect(done).toMatchObject({ code: 0, out: "1 alert acknowledged\n", err: "" });
    const { out } = await as("lee", "ls");
    expect(out).toMatch(/one.*acknowledged by kim: on my way/);
    expect(out).not.toMatch(/two.*acknowledged/);
    const row = ["alert_event", "--field", "act_by", "--since", "1h", "-c", config, "--json"];
    const stored = await rackstreet(["query", ...row]);
    expect(stored.out).toContain("kim");
  });

  test("shelve and unshelve, with an end", async () => {
    const no = await as("sam", "shelve", "draws", "--for", "1h");
    expect(no.err).toContain("may not read");
    expect((await as("kim", "shelve", "draws", "two")).code).toBe(64);
    expect((await as("kim", "shelve", "draws", "two", "--for", "31d")).err).toContain("30 days");
    const done = await as("kim", "shelve", "draws", "two", "--for", "1h", "--comment", "repair");
    expect(done.out).toMatch(/^shelved until 20/);
    const { out } = await as("kim", "ls");
    expect(out).toMatch(/two.*shelved by kim, 60 min more: repair/);
    expect(out).toMatch(/draws +device=two +kim/);
    expect((await as("kim", "unshelve", "draws", "two")).out).toBe("unshelved\n");
    expect((await as("kim", "unshelve", "draws", "two")).err).toContain("nothing is shelved");
    expect(await listed()).toMatchObject({ shelves: [] });
  });

  test("a restart forgets nothing", async () => {
    await as("kim", "shelve", "draws", "--where", "device=two", "--for", "1h");
    await hub?.end("SIGKILL");
    hub = startRackstreet(["up", config, "--json"]);
    await hub.logged("hub started");
    await vi.waitFor(async () => {
      const { alerts, shelves } = await listed();
      expect(shelves).toHaveLength(1);
      expect(alerts.filter(({ acknowledged }) => acknowledged !== undefined)).toHaveLength(1);
      expect(alerts.filter(({ shelved }) => shelved !== undefined)).toHaveLength(1);
    }, 15_000);
  });

  test("mistakes of the command line are told", async () => {
    expect((await as("kim", "ack", "draws", "--where", "device")).err).toContain("name=value");
    expect((await as("kim", "ack", "draws", "three")).err).toContain("no alert of draws");
    expect((await as("kim", "lss")).code).toBe(64);
  });
});
