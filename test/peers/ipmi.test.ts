/**
 * Management controllers nobody here wrote, asked by the real ipmitool and freeipmi over RMCP+:
 * ipmi_sim has sensors and no DCMI, pyghmi's controller measures power and has no sensors.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Point } from "../../telemetry/index.ts";
import { problemOf } from "../../telemetry/index.ts";
import { rackstreet } from "../cli/run.ts";
import { openServer } from "../drivers/ipmi/world.ts";
import { codeOf, never } from "../drivers/modbus/world.ts";
import { needs, needsPython } from "../peers.ts";
import { freeUdpPort, simPassword, simUser, simViewer, startIpmiSim } from "./ipmi-sim.ts";
import { startPython } from "./python.ts";

const missing = [
  needs("ipmitool", "ipmitool"),
  needs("/usr/sbin/ipmi-sensors", "freeipmi-tools"),
  needs("ipmi_sim", "openipmi"),
  needsPython("pyghmi", "python3-pyghmi"),
].includes(false);

const tools = {
  ipmitool: {},
  // The simulator answers a request for a session in a way that freeipmi takes only so.
  freeipmi: { workaround: "opensesspriv" },
} as const;

function optionsOf(tool: keyof typeof tools, port: number, more: object = {}) {
  const reach = { host: "127.0.0.1", port, cipher: 3, retries: 1 };
  return { ...reach, user: simUser, password: simPassword, tool, ...tools[tool], ...more };
}

/** `thermal cpu1-temp temp_c=96,health_state=1`. */
function rowsOf(points: readonly Point[]): string[] {
  expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
  return points.map(({ measurement, tags = {}, fields }) => {
    const { q, ...values } = fields;
    expect(q).toBe(0);
    const texts = Object.entries(values).map(([field, value]) => `${field}=${value}`);
    return [measurement, ...Object.values(tags), texts.join(",")].join(" ");
  });
}

const expected = (tags: readonly [string, string]): string[] => [
  "server on_state=0,health_state=0,inlet_c=23",
  "thermal cpu1-temp temp_c=96,health_state=1",
  `thermal ${tags[0]} temp_c=40,health_state=0`,
  `thermal ${tags[1]} temp_c=40,health_state=0`,
  "fan fan1 speed_rpm=400,health_state=2",
  "fan fan1-duty speed_pct=33,health_state=0",
  "electrical_sensor 12v voltage_v=12.06,health_state=0",
  "power_supply psu1 input_voltage_v=230,input_power_w=180,health_state=0",
  "electrical_sensor ps1-current current_a=1.2,health_state=0",
  "power_supply psu2 health_state=2",
];

const tags = {
  ipmitool: ["temp_3-1", "temp_3-2"],
  freeipmi: ["temp_3", "temp_4"],
} as const;

describe.skipIf(missing).each(["ipmitool", "freeipmi"] as const)("ipmi_sim by %s", (tool) => {
  it("gives its sensors, and says once that it has no DCMI", async () => {
    await using sim = await startIpmiSim();
    await using server = await openServer(
      optionsOf(tool, sim.port, { privilege: "administrator" }),
    );
    const first = await server.session.read(server.groups, never);
    expect(rowsOf(first.points)).toEqual(expected(tags[tool]));
    expect(first.faults).toEqual([{ code: "E_DEVICE_REFUSED", at: "power" }]);
    const second = await server.session.read(server.groups, never);
    expect(second.points).toEqual(first.points);
    expect(second.faults).toEqual([]);
  });

  it("gives them to a user of the lowest privilege", async () => {
    await using sim = await startIpmiSim();
    const more = { user: simViewer, parts: ["chassis", "sensors"] };
    await using server = await openServer(optionsOf(tool, sim.port, more));
    const { points, faults } = await server.session.read(server.groups, never);
    expect(rowsOf(points)).toEqual(expected(tags[tool]));
    expect(faults).toEqual([]);
  });

  it("refuses a wrong password and an unknown user", async () => {
    await using sim = await startIpmiSim();
    for (const more of [{ password: "wrong" }, { user: "nobody" }]) {
      await using server = await openServer(optionsOf(tool, sim.port, more));
      expect(await codeOf(server.session.read(server.groups, never))).toBe("E_LOGIN");
    }
  });

  it("that is killed does not answer, and answers when it is back", async () => {
    await using sim = await startIpmiSim();
    const parts = ["chassis", "sensors"];
    await using server = await openServer(optionsOf(tool, sim.port, { parts }));
    const before = await server.session.read(server.groups, never);
    await sim.kill9();
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_TIMEOUT");
    await sim.restart();
    expect(await server.session.read(server.groups, never)).toEqual(before);
  });

  it("that comes back with other sensors gives no value of one as another's", async () => {
    await using sim = await startIpmiSim();
    await using server = await openServer(optionsOf(tool, sim.port, { parts: ["sensors"] }));
    const before = await server.session.read(server.groups, never);
    await sim.kill9();
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_TIMEOUT");
    await sim.restart("Inlet Temp");
    const after = await server.session.read(server.groups, never);
    const named = ({ points }: typeof before): string[] =>
      rowsOf(points.filter(({ tags = {} }) => !/temp_/.test(tags["sensor"] ?? "")));
    expect(named(after)).toEqual(named(before).filter((row) => !row.startsWith("server ")));
  });

  it("that hangs does not answer, and a reading given up leaves no program", async () => {
    await using sim = await startIpmiSim();
    const parts = ["chassis"];
    await using server = await openServer(optionsOf(tool, sim.port, { parts }));
    sim.stop();
    expect(await codeOf(server.session.read(server.groups, never))).toBe("E_DEVICE_TIMEOUT");
    const abort = new AbortController();
    const read = codeOf(server.session.read(server.groups, abort.signal));
    await expect.poll(() => programsAsking(sim.port), { timeout: 10_000 }).toHaveLength(1);
    const [commandLine = ""] = await programsAsking(sim.port);
    expect(commandLine).not.toContain(simPassword);
    abort.abort();
    expect(await read).toBe("E_DISCONNECTED");
    await expect.poll(() => programsAsking(sim.port), { timeout: 10_000 }).toEqual([]);
    sim.goOn();
    expect((await server.session.read(server.groups, never)).points).toHaveLength(1);
  });

  it("of pyghmi measures power", async () => {
    const port = await freeUdpPort();
    const args = [String(port), simUser, simPassword];
    await using _controller = await startPython("dcmi_bmc.py", args);
    const options = optionsOf(tool, port, { parts: ["chassis", "power"] });
    await using server = await openServer({ ...options, workaround: undefined });
    const { points, faults } = await server.session.read(server.groups, never);
    expect(faults).toEqual([]);
    const power = "power_w=220,power_min_w=18,power_max_w=401,power_mean_w=190";
    expect(rowsOf(points)).toEqual([`server on_state=1,health_state=0,${power}`]);
  });

  it("of pyghmi with a key of its own opens by that key alone", async () => {
    const port = await freeUdpPort();
    const key = "0123456789abcdefghij";
    const args = [String(port), simUser, simPassword, key];
    await using _controller = await startPython("dcmi_bmc.py", args);
    const hex = `0x${Buffer.from(key).toString("hex")}`;
    // pyghmi does not announce that it has a key, which freeipmi believes unless it is told not to.
    const workaround = tool === "freeipmi" ? "authcap" : undefined;
    const options = optionsOf(tool, port, { parts: ["chassis"], workaround });
    for (const kg of [key, hex]) {
      await using server = await openServer({ ...options, kg });
      expect((await server.session.read(server.groups, never)).points).toHaveLength(1);
    }
    for (const kg of [undefined, "another"]) {
      await using server = await openServer({ ...options, kg });
      expect(await codeOf(server.session.read(server.groups, never))).toBe("E_LOGIN");
    }
  });

  it("is read by `rackstreet read`", async () => {
    await using sim = await startIpmiSim();
    const folder = await mkdtemp(join(tmpdir(), "ipmi-cli-"));
    const config = join(folder, "site.yaml");
    const { password: _password, ...options } = optionsOf(tool, sim.port);
    const device = { driver: "ipmi", class: "server", ...options, password: `file:${folder}/pw` };
    await writeFile(join(folder, "pw"), `${simPassword}\n`);
    await writeFile(config, JSON.stringify({ devices: { node: device } }));
    const { code, out } = await rackstreet(["read", "node", "-c", config]);
    const json = await rackstreet(["read", "node", "-c", config, "--json"]);
    await rm(folder, { recursive: true });
    expect(code).toBe(0);
    expect(out).toMatch(/server +inlet_c +23 °C +sensor 0?1 Inlet Temp/);
    expect(out).toMatch(/fan +fan1 +health_state +critical/);
    expect(JSON.parse(json.out)).toBeTypeOf("object");
    expect(out + json.out).not.toContain(simPassword);
  });
});

/** Command lines of the programs that ask this port now. */
async function programsAsking(port: number): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines
    .map((line) => line.replaceAll("\0", " "))
    .filter((line) => /^\S*ipmi(tool|-\w+) /.test(line) && line.includes(String(port)));
}
