/** `rackstreet tenant`: what is listed, why something is refused, and an audit of both kinds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identifier } from "../../broker/identity.ts";
import { loadConfig } from "../../cli/config.ts";
import { v } from "../../config/index.ts";
import { StillClock, stillPlatform } from "../broker/platform.ts";
import { running } from "../broker/running.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };
const read = (name: string): string => readFileSync(join(folder.path, name), "utf8");

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

describe("tenant add", () => {
  const commented = `# The hub of the province.
site: hall
broker: # its users
  users:
    # the operator
    root: { password: "pw-r", role: admin }
`;

  test("writes organisation, user, quotas; keeps comments; prints the password once", async () => {
    folder.write("add.yaml", commented);
    const quotas = ["--rate", "500", "--bytes", "1MiB", "--connections", "5", "--series", "9"];
    const more = ["--sessions", "2", "--retained", "3", "--json"];
    const { code, out } = await rackstreet(
      ["tenant", "add", "add.yaml", "cn/power", ...quotas, ...more],
      at,
    );
    expect(code).toBe(0);
    const { password } = v.parse(v.object({ password: v.string() }), JSON.parse(out));
    const written = read("add.yaml");
    for (const line of ["# The hub of the province.", "# its users", "# the operator"]) {
      expect(written).toContain(line);
    }
    expect(written).not.toContain(password);
    const listed = await rackstreet(["tenant", "ls", "add.yaml", "--json"], at);
    expect(JSON.parse(listed.out)).toMatchObject([
      { user: "root" },
      {
        user: "power",
        org: "cn/power",
        read: ["rackstreet/v1/cn/power/#"],
        quota: { rate: { messages: 500 }, connections: 5, sessions: 2, retained: 3, series: 9 },
      },
    ]);
    const file = await loadConfig(`${folder.path}/add.yaml`);
    const { users } = file.config.broker;
    const identify = identifier(users, "local/main/hall", stillPlatform(new StillClock()));
    const login = { user: "power", password: Buffer.from(password), remote: "::1" };
    expect(await identify(login)).toMatchObject({ user: "power", org: "cn/power" });
  });

  test("refuses what is there, and what would not do; the file stays as it is", async () => {
    folder.write("add.yaml", commented);
    const refused = async (...words: string[]): Promise<string> => {
      const { code, err } = await rackstreet(["tenant", "add", "add.yaml", ...words], at);
      expect([64, 78]).toContain(code);
      expect(read("add.yaml")).toBe(commented);
      return err;
    };
    expect(await refused("cn/power", "--user", "root")).toMatch(/add.yaml:6:\d+: .*there already/);
    expect(await refused("Power")).toMatch(/write region\/org/);
    expect(await refused("cn/power", "--read", "a/#/b")).toMatch(/not an MQTT topic filter/);
    expect(await refused("cn/power", "--bytes", "many")).toMatch(/not a size/);
    folder.write("flow.yaml", "broker: &b { users: {} }\nx: *b\n");
    const flow = await rackstreet(["tenant", "add", "flow.yaml", "cn/power"], at);
    expect(flow.code).toBe(78);
  });
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
