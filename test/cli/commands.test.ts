/** Commands that meet the world: a port in use, nobody listening, an empty store, a lock. */
import { afterAll, describe, expect, test } from "vitest";
import { freePort, takePort } from "../ports.ts";
import { openFolder, rackstreet, start } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const at = { cwd: folder.path };
const stack = /\n\s+at /;
let count = 0;

/** A configuration in the folder, with data of its own. */
function config(lines: { port?: number; uplink?: string; agentData?: string } = {}): string {
  count += 1;
  const { port = 0, uplink = "", agentData = `agent-${count}` } = lines;
  return folder.write(
    `${count}.yaml`,
    `site: lab
agent: { data: ${agentData}, uplink: { ${uplink} } }
hub: { data: hub-${count} }
store: { engine: sqlite, path: store-${count}.sqlite }
broker: { listen: ["mqtt://127.0.0.1:${port}"] }
devices: { toy: { driver: sim, interval: 100ms } }
`,
  );
}

describe("up", () => {
  test("runs for the time given and ends with a ledger that adds up", async () => {
    const { code, out } = await rackstreet(["up", config(), "--for", "1s", "--json"], at);
    expect(code).toBe(0);
    const { offered, stored, queued, devices } = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(offered).toBeGreaterThan(0);
    expect([stored + queued, devices]).toEqual([offered, 1]);
  });

  test("with a port in use says so once, and exits 78 before its hour is over", async () => {
    await using taken = await takePort();
    const file = config({ port: taken.port });
    const { code, out, err } = await rackstreet(["up", file, "--for", "1h"], at);
    expect([code, out]).toEqual([78, ""]);
    expect(err.match(/E_ADDRESS_IN_USE: mqtt:\/\/127\.0\.0\.1:\d+/g)).toHaveLength(1);
    expect(err).not.toMatch(stack);
  });

  test("lives on when nobody reads its output any more", async () => {
    await using running = start(["up", config(), "--for", "1s"], at);
    running.closeOutput();
    const { code, err } = await running.ended;
    expect([code, err.includes("EPIPE")]).toEqual([0, false]);
  });

  test("shows a table, a ledger that adds up, and how to ask further", async () => {
    const { code, out } = await rackstreet(["up", config(), "--for", "1s"], at);
    expect(code).toBe(0);
    expect(out).toMatch(/^ device +state +newest values +age +queued +stored/m);
    expect(out).toMatch(/^MQTT {4}mqtt:\/\/127\.0\.0\.1:\d+$/m);
    expect(out).toMatch(/^query {3}npm run -s rackstreet -- query -c .*\.yaml --since 5m$/m);
    const ledger = /^stopped: offered (\d+) = stored (\d+) \+ queued (\d+) \+ shed (\d+)$/m;
    const [, offered = 0, ...parts] = (ledger.exec(out) ?? []).map(Number);
    expect(parts.reduce((a, b) => a + b, 0)).toBe(offered);
    expect(offered).toBeGreaterThan(0);
  });

  test("ends on SIGTERM with exit code 0", async () => {
    await using running = start(["up", config(), "--json"], at);
    await running.shown("agent started");
    running.stop("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0 });
  });
});

describe("agent", () => {
  test("without a hub to go to says which key is missing, and exits 78", async () => {
    const { code, err } = await rackstreet(["agent", config()], at);
    expect(code).toBe(78);
    expect(err).toMatch(/E_CONFIG: .*\.yaml: agent\.uplink\.url is missing/);
    expect(err).not.toMatch(stack);
  });

  test("whose password is not set names the variable, and exits 78 at once", async () => {
    const password = 'password: "${NOT_SET_HERE}"';
    const uplink = `url: "mqtt://127.0.0.1:${await freePort()}", username: a, ${password}`;
    const { code, err } = await rackstreet(["agent", config({ uplink })], at);
    expect(code).toBe(78);
    expect(err).toContain("E_SECRET_MISSING: environment variable NOT_SET_HERE is not set");
  });

  test("beside another agent on the same data folder exits 78 with E_SPOOL_LOCKED", async () => {
    const uplink = `url: "mqtt://127.0.0.1:${await freePort()}"`;
    const first = config({ uplink, agentData: "shared" });
    const second = config({ uplink, agentData: "./shared" });
    await using running = start(["agent", first], at);
    await running.shown("agent started");
    const { code, err } = await rackstreet(["agent", second], at);
    expect(code).toBe(78);
    expect(err).toContain("E_SPOOL_LOCKED: ./shared is in use already");
    expect(err).not.toMatch(stack);
  });

  test("whose spool cannot be made says where and why, without a stack", async () => {
    folder.write("a-file", "");
    const uplink = `url: "mqtt://127.0.0.1:${await freePort()}"`;
    const file = config({ uplink, agentData: "a-file/agent" });
    const { code, err } = await rackstreet(["agent", file], at);
    expect(code).toBe(75);
    expect(err).toContain("E_SPOOL_WRITE: a-file/agent/spool: is not a folder");
    expect(err).not.toMatch(stack);
  });
});

describe("read", () => {
  test("of a simulated device shows its values with their units", async () => {
    const { code, out } = await rackstreet(["read", "toy", "-c", config()], at);
    expect(code).toBe(0);
    expect(out).toMatch(/rack_phase +L1 +voltage_v +[\d.]+ V +waveform/);
  });

  test("of a device that nobody answers for exits 75", async () => {
    const address = `tcp://127.0.0.1:${await freePort()}`;
    const { code, err } = await rackstreet(["read", "--profile", "xy-md02", "--address", address]);
    expect(code).toBe(75);
    expect(err).toMatch(/E_CONNECT: 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    expect(err).not.toMatch(stack);
  });

  test("of a device that is not in the file lists those that are", async () => {
    const { code, err } = await rackstreet(["read", "toi", "-c", config()], at);
    expect(code).toBe(64);
    expect(err).toMatch(/no device toi; .*\.yaml has: toy/);
  });

  test("with an unknown profile gives the nearest one", async () => {
    const args = ["read", "--profile", "xy-md2", "--address", "tcp://127.0.0.1"];
    const { code, err } = await rackstreet(args);
    expect(code).toBe(78);
    expect(err).toContain('E_PROFILE_UNKNOWN: no profile xy-md2; did you mean "xy-md02"?');
  });
});

describe("query", () => {
  const file = config();

  test.each([
    ["what there is", [], "the store is empty\n"],
    ["the last values", ["ups"], "nothing in ups in this time\n"],
    ["the last values for machines", ["ups", "--json"], "[]\n"],
    ["the last values as CSV", ["ups", "--csv"], "time,device\n"],
  ])("of an empty store for %s says that there is nothing", async (_what, args, expected) => {
    const { code, out, err } = await rackstreet(["query", ...args, "-c", file], at);
    expect([code, out, err]).toEqual([0, expected, ""]);
  });

  test("gives what a hub stored, for people and for spreadsheets", async () => {
    const file = config();
    await rackstreet(["up", file, "--for", "1s", "--json"], at);
    const phase = ["query", "rack_phase", "-c", file, "--field", "voltage_v"];
    const [names, table, csv, nobody] = await Promise.all([
      rackstreet(["query", "-c", file], at),
      rackstreet(phase, at),
      rackstreet([...phase, "--csv"], at),
      rackstreet([...phase, "--where", "device=tox"], at),
    ]);
    expect(names.out.split("\n")).toContain("rack_phase");
    expect(table.out).toMatch(/time +device +phase +voltage_v/);
    expect(table.out).toMatch(/\d+ s ago +toy +L1 +[\d.]+ V/);
    expect(nobody.out).toBe(
      'nothing in rack_phase in this time with device=tox; did you mean "toy"?\n',
    );
    const wrong = [
      [["rack_phas"], 'no measurement rack_phas is stored; did you mean "rack_phase"?'],
      [["rack_phase", "--field", "volts"], "no field volts is stored; there are active_power_w"],
    ] as const;
    for (const [args, message] of wrong) {
      const { code, err } = await rackstreet(["query", ...args, "-c", file], at);
      expect(code).toBe(78);
      expect(err).toContain(`E_QUERY: ${message}`);
    }
    expect(csv.out).toMatch(
      /^time,device,phase,voltage_v,voltage_v_rows,voltage_v_expected\n.*Z,toy,L1,[\d.]+,\d+,36/,
    );
  });
});

describe("query, asked for what cannot be", () => {
  const file = config();

  test.each([
    [["--quality", "bad"], "--quality: must be a whole number from 0 to 4"],
    [["--coverage", "2"], "--coverage: must be a number from 0 to 1"],
    [["--limit", "0"], "--limit: must be a whole number from 1 to 100000"],
    [["--live"], "--live needs --explain"],
    [["--explain", "--coverage", "1"], "--explain leaves nothing out: give no --coverage"],
    [["--explain", "--csv"], "--explain prints text, or JSON with --json"],
    [["--json", "--format", "lp"], "give either --json or --format lp"],
    [["--where", "divice=a"], '--where divice: ups has no such tag; did you mean "device"?'],
    [["--by", "phase"], "--by phase: ups has no such tag; there are region, org, site"],
    [["--since", "2026-02-30"], '--since: "2026-02-30" is neither a duration'],
    [["--since", "1h", "--until", "2h"], "--since 1h must lie further back than --until 2h"],
    [["--where", "device"], "--where device: write TAG=VALUE"],
  ])("%j, exits 64 and says why", async (args, message) => {
    const { code, err } = await rackstreet(["query", "ups", "-c", file, ...args], at);
    expect(code).toBe(64);
    expect(err).toContain(`E_USAGE: ${message}`);
  });
});

describe("status", () => {
  test("with nobody listening says where it asked and why not, and exits 75", async () => {
    const port = await freePort();
    const { code, out, err } = await rackstreet(["status", "-c", config({ port })], at);
    expect([code, out]).toEqual([75, ""]);
    const [first] = err.split("\n");
    expect(first).toMatch(/^rackstreet: E_UPLINK: mqtt:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    expect(err).not.toMatch(stack);
  });

  test("with a secret that is not set names the variable, and exits 78", async () => {
    const args = [
      "status",
      "-c",
      config(),
      "--username",
      "a",
      "--password-from",
      "${NOT_SET_HERE}",
    ];
    const { code, err } = await rackstreet(args, at);
    expect(code).toBe(78);
    expect(err).toContain("E_SECRET_MISSING: environment variable NOT_SET_HERE is not set");
  });
});
