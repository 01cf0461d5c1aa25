/** `rackstreet scan` against slaves that libmodbus serves behind a pseudo terminal. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { startLine } from "../line.ts";
import { needs, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startPython } from "./python.ts";
import { startRackstreet } from "../rackstreet.ts";
import { until } from "../until.ts";
import type { SlaveTables } from "./libmodbus.ts";
import { hasLibmodbus, startSlaves } from "./libmodbus.ts";

const present = hasLibmodbus();
const hasPymodbus = needsPython("pymodbus, serial", "python3-pymodbus") && needs("socat", "socat");
const hasMbpoll = needs("mbpoll", "mbpoll");

/** An Eastron meter at 230.2 V and 50 Hz with this code. */
const eastron = (code: number): SlaveTables => ({
  holding: { 0xfc02: code },
  input: { 0: 0x4366, 1: 0x3333, 70: 0x4248, 71: 0 },
});

/** A meter that tells itself in letters. */
const schneider: SlaveTables = { holding: texts({ 49: "PM5110", 69: "Schneider Electric" }) };

function texts(at: Readonly<Record<number, string>>): Record<number, number> {
  const words: Record<number, number> = { 88: 0 };
  for (const [start, text] of Object.entries(at)) {
    const bytes = Buffer.from(text.padEnd(text.length + (text.length % 2), "\0"));
    for (let index = 0; index < bytes.length / 2; index += 1) {
      words[Number(start) + index] = bytes.readUInt16BE(2 * index);
    }
  }
  return words;
}

const slaves: Readonly<Record<number, SlaveTables>> = {
  2: eastron(0x70),
  3: { input: { 0: 7 } },
  11: eastron(0x20),
  12: schneider,
  24: {},
  30: eastron(0x2b),
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rackstreet-scan-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function rackstreet(...args: string[]): Promise<Run> {
  await using program = startRackstreet(args);
  const code = await program.ended();
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

function devicesIn(stdout: string): Record<string, unknown>[] {
  const result: unknown = JSON.parse(stdout);
  const devices = isRecord(result) ? result["devices"] : undefined;
  return Array.isArray(devices) ? devices.filter(isRecord) : [];
}

describe.skipIf(!present)("a scan of a line with libmodbus slaves", () => {
  it("finds all, names what it knows, and writes a configuration that reads", async () => {
    await using line = await startSlaves(slaves);
    const out = join(folder, "site.yaml");
    const search = ["scan", "--port", line.port, "--baud", "9600", "--parity", "none"];
    const range = ["--units", "1-31", "--timeout", "100ms", "--out", out];
    const scan = await rackstreet(...search, ...range, "--json");
    expect(scan.stderr).not.toMatch(/E_/);
    const devices = devicesIn(scan.stdout);
    expect(devices.map(({ unit, name, profile }) => [unit, name, profile])).toEqual([
      [2, "sdm630-2", "eastron-sdm630"],
      [3, "unknown-3", undefined],
      [11, "sdm120-11", "eastron-sdm120"],
      [12, "pm5xxx-12", "schneider-pm5xxx"],
      [24, "unknown-24", undefined],
      [30, "sdm230-30", "eastron-sdm230"],
    ]);
    expect(await rackstreet("check", out)).toMatchObject({
      code: 0,
      stdout: `${out}: good (4 devices, 0 rules)\n`,
    });
    const read = await rackstreet("read", "sdm630-2", "-c", out);
    expect(read.stdout).toMatch(/voltage_v +230.2 V/);
    // What is there is not overwritten, and the line is not even opened.
    const again = await rackstreet(...search, ...range);
    expect(again.code).toBe(64);
    expect(again.stderr).toMatch(/--force/);
  }, 60_000);

  it("goes on after a kill -9, and finds the same", async () => {
    await using line = await startSlaves(slaves);
    const resume = join(folder, "state.json");
    const search = ["scan", "--port", line.port, "--baud", "9600", "--parity", "none"];
    const args = [...search, "--units", "1-40", "--timeout", "100ms", "--resume", resume, "--json"];
    {
      await using program = startRackstreet(args);
      const kept = async (): Promise<boolean> =>
        existsSync(resume) && (await readFile(resume, "utf8")).includes('"unit":11');
      expect(await until(kept, { timeout: 30_000, interval: 20 })).toBe(true);
      await program.end("SIGKILL");
    }
    const { stdout } = await rackstreet(...args);
    expect(devicesIn(stdout).map(({ unit }) => unit)).toEqual([2, 3, 11, 12, 24, 30]);
    const asked = Number(/(\d+) addresses asked/.exec(stdout)?.[1]);
    expect(asked).toBeLessThan(35);
    expect(existsSync(resume)).toBe(false);
  }, 60_000);

  it("that a person stops says what it knows, and that it can go on", async () => {
    await using line = await startSlaves(slaves);
    const resume = join(folder, "state.json");
    const args = ["scan", "--port", line.port, "--baud", "9600", "--parity", "none"];
    await using program = startRackstreet([...args, "--units", "1-247", "--resume", resume]);
    await until(() => existsSync(resume), { timeout: 30_000, interval: 20 });
    await program.end("SIGINT");
    expect(program.stdout()).toMatch(/Stopped; the same command goes on/);
    expect(await program.ended()).toBe(75);
    const other = await rackstreet(...args, "--units", "1-9", "--resume", resume);
    expect(other.code).toBe(64);
    expect(other.stderr).toMatch(/not of this search/);
  }, 60_000);

  it.skipIf(!hasMbpoll)(
    "leaves the slaves in step for the next master",
    async () => {
      await using line = await startSlaves({ 2: eastron(0x70), 5: eastron(0x20) });
      const args = ["scan", "--port", line.port, "--baud", "9600", "--parity", "none"];
      const scan = await rackstreet(...args, "--units", "1-12", "--timeout", "100ms", "--json");
      expect(devicesIn(scan.stdout).map(({ unit }) => unit)).toEqual([2, 5]);
      const wire = ["-m", "rtu", "-b", "9600", "-P", "none", "-a", "5", "-0", "-r", "64514"];
      await using poll = startRackstreet([...wire, "-t", "4:hex", "-1", line.port], ["mbpoll"]);
      await poll.ended();
      expect(poll.stdout()).toMatch(/\[64514\]:\s+0x0020/);
    },
    60_000,
  );
});

/** A product that says in texts what it is. */
const acme = `
id: acme-x1
vendor: Acme
model: X1
class: power
driver: modbus
sources: [written for a test]
confidence: high
header:
  identify:
    - { object: vendor, equals: Acme }
    - { object: product, starts: [X0, X1] }
points:
  - { measurement: thermal, fields: { temp_c: { at: 0, scale: 0.01 } } }
`;

/** pymodbus with one device, unit 7; it keeps silent for others. */
function startPymodbus(kind: "tcp" | "rtu", where: string): Promise<AsyncDisposable> {
  return startPython("modbus_server.py", [kind, where]);
}

describe.skipIf(!hasPymodbus)("a scan that meets pymodbus", () => {
  const expected = { unit: 7, profile: "acme-x1", identity: { objects: { 0: "Acme", 1: "X1" } } };

  async function scan(...args: string[]): Promise<Record<string, unknown>[]> {
    await writeFile(join(folder, "acme-x1.yaml"), acme);
    const { stdout } = await rackstreet("scan", ...args, "--profiles", folder, "--json");
    return stdout === "" ? [] : devicesIn(stdout);
  }

  it("on a network finds its unit, though it keeps silent for all others", async () => {
    const port = await freePort();
    await using _server = await startPymodbus("tcp", String(port));
    let devices: Record<string, unknown>[] = [];
    // It says "ready" a little before it listens.
    const found = async (): Promise<boolean> => {
      devices = await scan("--address", `tcp://127.0.0.1:${port}`, "--timeout", "30ms");
      return devices.length > 0;
    };
    expect(await until(found, { timeout: 20_000, interval: 100 })).toBe(true);
    expect(devices).toMatchObject([{ ...expected, address: `tcp://127.0.0.1:${port}` }]);
  }, 60_000);

  it("on a line finds it by its texts", async () => {
    await using line = await startLine();
    await using _server = await startPymodbus("rtu", line.theirs);
    const args = ["--port", line.ours, "--baud", "115200", "--parity", "none", "--units", "5-9"];
    let devices: Record<string, unknown>[] = [];
    const found = async (): Promise<boolean> => {
      devices = await scan(...args);
      return devices.length > 0;
    };
    expect(await until(found, { timeout: 20_000, interval: 100 })).toBe(true);
    expect(devices).toMatchObject([expected]);
  }, 60_000);
});
