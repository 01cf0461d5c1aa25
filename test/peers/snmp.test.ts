/**
 * The driver against net-snmp's own agent and senders of traps, in all three versions: what it
 * reads, wrong secrets, an agent that was killed, and informs that are answered.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import type { Heard, Session } from "../../drivers/contract.ts";
import { snmp } from "../../drivers/snmp/index.ts";
import { explainError, GatewayError } from "../../telemetry/index.ts";
import { rackstreet } from "../cli/run.ts";
import { contextWith, never } from "../drivers/modbus/world.ts";
import { needs } from "../peers.ts";
import type { Snmpd } from "./snmpd.ts";
import { freeUdpPort, startSnmpd } from "./snmpd.ts";

const run = promisify(execFile);
const ready = needs("snmpd", "snmpd") && needs("snmpinform", "snmp");
const walk = join(import.meta.dirname, "../golden/drivers/snmp/ups_mib_one_line/walk.snmprec");
const upsMib = "1.3.6.1.2.1.33";
const patience = { timeout: 20_000, interval: 50 };

const logins = {
  v1: { version: "v1" },
  v2c: { version: "v2c", community: "public" },
  "v3 noAuthNoPriv": { version: "v3", user: "plain" },
  "v3 authNoPriv": { version: "v3", user: "signed", authPassword: "authpassword" },
  "v3 authPriv": {
    version: "v3",
    user: "sealed",
    authProtocol: "sha",
    authPassword: "authpassword",
    privProtocol: "aes",
    privPassword: "privpassword",
  },
  "v3 SHA-512": {
    version: "v3",
    user: "sealed512",
    authProtocol: "sha512",
    authPassword: "authpassword",
    privPassword: "privpassword",
  },
  "v3 MD5 and DES": {
    version: "v3",
    user: "old",
    authProtocol: "md5",
    authPassword: "authpassword",
    privProtocol: "des",
    privPassword: "privpassword",
  },
} as const;

async function open(options: Readonly<Record<string, unknown>>) {
  const driver = snmp.create(contextWith());
  const all = { timeout: "2s", ...options };
  const session = await driver.open({ id: "ups", options: all, profile: profiles["ups-mib"] });
  return {
    session,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

function reading(session: Session) {
  return session.read(["default"], never);
}

async function failure(session: Session): Promise<GatewayError> {
  const error: unknown = await reading(session).catch((reason: unknown) => reason);
  if (error instanceof GatewayError) return error;
  throw new Error("it was read");
}

describe.skipIf(!ready)("snmp against net-snmp", { timeout: 120_000 }, () => {
  let snmpd: Snmpd;
  beforeAll(async () => {
    snmpd = await startSnmpd(walk, upsMib);
  });
  afterAll(async () => {
    await snmpd[Symbol.asyncDispose]();
  });

  test.each(Object.entries(logins))("reads a UPS over %s", async (_name, login) => {
    await using device = await open({ address: snmpd.address, ...login });
    const { points, faults } = await reading(device.session);
    expect(faults).toEqual([]);
    expect(points[0]?.fields).toMatchObject({
      battery_charge_pct: 97,
      battery_runtime_s: 2520,
      on_battery_state: 0,
      output_power_w: 612,
    });
    expect(points.map(({ tags }) => tags?.["phase"])).toEqual([undefined, "in-L1", "out-L1"]);
  });

  test.each([
    ["passphrase", { ...logins["v3 authNoPriv"], authPassword: "not-the-one" }],
    ["user", { ...logins["v3 authNoPriv"], user: "nobody" }],
    ["level", { version: "v3", user: "signed" }],
  ])("a wrong %s is E_LOGIN, and no secret is told", async (_what, login) => {
    await using device = await open({ address: snmpd.address, timeout: "500ms", ...login });
    const error = await failure(device.session);
    expect(error.code).toBe("E_LOGIN");
    expect(explainError(error)).not.toMatch(/not-the-one|authpassword|privpassword/);
    expect(error.cause).toBeUndefined();
  });

  test.each([
    ["community", { version: "v2c", community: "not-the-one" }],
    ["encryption passphrase", { ...logins["v3 authPriv"], privPassword: "not-the-one" }],
  ])("a wrong %s is not answered, and the message says so", async (what, login) => {
    const quick = { timeout: "200ms", retries: 0 };
    await using device = await open({ address: snmpd.address, ...login, ...quick });
    const error = await failure(device.session);
    expect(error.code).toBe("E_DEVICE_TIMEOUT");
    expect(error.message).toContain(`a wrong ${what} is not answered either`);
    expect(explainError(error)).not.toMatch(/not-the-one|authpassword|privpassword/);
  });

  // [RFC 3414 3.2]
  test.each([false, true])("goes on after a kill (boots forgotten: %s)", async (fresh) => {
    const own = await startSnmpd(walk, upsMib);
    await using _own = own;
    await using device = await open({
      address: own.address,
      ...logins["v3 authPriv"],
      timeout: "300ms",
      retries: 0,
    });
    expect((await reading(device.session)).points.length).toBeGreaterThan(0);
    await own.kill9();
    expect((await failure(device.session)).code).toBe("E_DEVICE_TIMEOUT");
    await own.restart(fresh);
    await vi.waitFor(async () => {
      expect((await reading(device.session)).points.length).toBeGreaterThan(0);
    }, patience);
    // Restarted between two readings, so that the session still believes in the engine before.
    await own.restart(fresh);
    await vi.waitFor(async () => {
      expect((await reading(device.session)).points.length).toBeGreaterThan(0);
    }, patience);
  });

  test("rackstreet read shows it", async () => {
    const read = ["read", "--profile", "ups-mib", "--address", snmpd.address];
    const { code, out } = await rackstreet(read);
    expect(code).toBe(0);
    expect(out).toMatch(/ups +battery_charge_pct +97 % +1\.3\.6\.1\.2\.1\.33\.1\.2\.4\.0 +97/);
    const set = ["--set", "version=v3", "--set", "user=signed", "--set", "authPassword=wrong-one"];
    const refused = await rackstreet([...read, ...set]);
    expect(refused.code).toBe(78);
    expect(refused.err).toContain("E_LOGIN");
    expect(refused.err).not.toContain("wrong-one");
  });
});

const battery = ["1.3.6.1.2.1.33.1.2.4.0", "i", "42"];
const onBattery = "1.3.6.1.2.1.33.2.1";
const trapKinds = {
  // [RFC 1157 4.1.6]
  "a trap of v1": [
    "snmptrap",
    "v1",
    ["-v1", "-c", "public"],
    ["1.3.6.1.2.1.33.2", "127.0.0.1", "6", "1", "55"],
  ],
  "a trap of v2c": ["snmptrap", "v2c", ["-v2c", "-c", "public"], ["", onBattery]],
  "an inform of v2c": ["snmpinform", "v2c", ["-v2c", "-c", "public"], ["", onBattery]],
  // [RFC 3411 5]
  "an inform of v3": [
    "snmpinform",
    "v3 authPriv",
    "-v3 -u sealed -l authPriv -a SHA -A authpassword -x AES -X privpassword".split(" "),
    ["", onBattery],
  ],
  "a trap of v3": [
    "snmptrap",
    "v3 authNoPriv",
    "-v3 -e 0x8000000001020304 -u signed -l authNoPriv -a SHA-256 -A authpassword".split(" "),
    ["", onBattery],
  ],
} as const;

describe.skipIf(!ready)("traps of net-snmp", { timeout: 120_000 }, () => {
  test.each(Object.entries(trapKinds))("%s is heard", async (name, [program, login, who, what]) => {
    const port = await freeUdpPort();
    const traps = `udp://127.0.0.1:${port}`;
    await using device = await open({ address: "udp://127.0.0.1:9", traps, ...logins[login] });
    const heard: Heard[] = [];
    const stop = new AbortController();
    const listening = device.session.listen?.((one) => heard.push(one), stop.signal);
    const env = { ...process.env, MIBS: "" };
    const once = ["-t", "1", "-r", "0", `127.0.0.1:${port}`];
    const args = [...who, ...(program === "snmpinform" ? once : once.slice(4)), ...what];
    await vi.waitFor(async () => {
      // An inform that nobody answers makes the program fail.
      await run(program, [...args, ...battery], { env });
      expect(heard.length).toBeGreaterThan(0);
    }, patience);
    const { points } = heard[0]?.reading ?? { points: [] };
    const expected = name === "a trap of v1" ? onBattery.replace("33.2.1", "33.2.0.1") : undefined;
    expect(points[0]).toMatchObject({
      measurement: "device_event",
      fields: { message: expected ?? "on battery" },
    });
    expect(points[1]).toMatchObject({ measurement: "ups", fields: { battery_charge_pct: 42 } });
    stop.abort();
    await listening;
  });

  test("one with another secret or from elsewhere is counted, not heard", async () => {
    const port = await freeUdpPort();
    const warnings: unknown[] = [];
    const context = contextWith();
    const log = { ...context.log, warn: (_: string, fields?: unknown) => warnings.push(fields) };
    await using driver = snmp.create({ ...context, log });
    const options = { address: "udp://127.0.0.1:9", traps: `udp://127.0.0.1:${port}` };
    const profile = profiles["ups-mib"];
    await using session = await driver.open({ id: "ups", options, profile });
    const heard: Heard[] = [];
    const stop = new AbortController();
    const listening = session.listen?.((one) => heard.push(one), stop.signal);
    const args = ["-v2c", "-c", "other", `127.0.0.1:${port}`, "", onBattery];
    await vi.waitFor(async () => {
      await run("snmptrap", args, { env: { ...process.env, MIBS: "" } });
      expect(warnings).toContainEqual({ from: "127.0.0.1", why: "not its secret", count: 1 });
    }, patience);
    expect(heard).toEqual([]);
    stop.abort();
    await listening;
  });
});
