/**
 * The main job on parts nobody here wrote: pymodbus is the meter, InfluxDB the store,
 * mosquitto_sub the city's subscriber, mbpoll says what the registers hold.
 */
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { decodeMessage } from "../../telemetry/index.ts";
import { needs, needsPython } from "../peers.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

const run = promisify(execFile);
const ready =
  needs("influxd", "influxdb") &&
  needs("mosquitto_sub", "mosquitto-clients") &&
  needs("mbpoll", "mbpoll") &&
  needsPython("pymodbus", "python3-pymodbus");
const patience = { timeout: 30_000, interval: 100 };

interface Parts {
  readonly folder: string;
  readonly file: string;
  readonly meter: ChildProcess;
  readonly meterPort: number;
  readonly brokerPort: number;
  readonly influxd: Influxd;
  readonly site: Rackstreet;
}

async function startMeter(port: number): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("meter_server.py", import.meta.url));
  const meter = spawn("/usr/bin/python3", [script, String(port)]);
  await once(meter.stdout, "data");
  return meter;
}

async function startAll(): Promise<Parts> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-main-"));
  const file = join(folder, "site.yaml");
  const [meterPort, brokerPort] = [await freePort(), await freePort()];
  const influxd = await startInfluxd();
  const meter = await startMeter(meterPort);
  await writeFile(
    file,
    `site: { region: zhejiang, org: power, name: hall }
agent: { data: ${folder}/agent, interval: 500ms }
hub: { data: ${folder}/hub }
broker: { listen: ["mqtt://127.0.0.1:${brokerPort}"] }
store: { engine: influxdb1, url: "${influxd.url}", database: dc }
devices:
  meter-1: { profile: eastron-sdm630, address: "tcp://127.0.0.1:${meterPort}", rack: r12 }
rules:
  load:
    about: The rack draws more than 4 kW.
    severity: warning
    measurement: energy_meter
    field: active_power_w
    above: 4000
    for: 1s
`,
  );
  const site = startRackstreet(["up", file, "--json"]);
  return { folder, file, meter, meterPort, brokerPort, influxd, site };
}

function subscribe(parts: Parts, count: number, topic: string): Promise<{ stdout: string }> {
  const port = String(parts.brokerPort);
  return run("mosquitto_sub", [
    "-p",
    port,
    "-C",
    String(count),
    "-W",
    "20",
    "-F",
    "%t %r %p",
    "-t",
    topic,
  ]);
}

describe.skipIf(!ready)("the main job on real parts", () => {
  let parts: Parts;

  beforeAll(async () => {
    parts = await startAll();
    await parts.site.logged("uplink connected");
  }, 60_000);

  afterAll(async () => {
    await parts.site.end("SIGKILL");
    parts.meter.kill("SIGKILL");
    await parts.influxd[Symbol.asyncDispose]();
    await rm(parts.folder, { recursive: true, force: true });
  });

  test("the city's subscriber gets what mbpoll reads from the meter", async () => {
    const { stdout } = await run("mbpoll", [
      "-m",
      "tcp",
      "-p",
      String(parts.meterPort),
      "-a",
      "1",
      "-0",
      "-r",
      "0",
      "-c",
      "6",
      "-t",
      "3:float",
      "-B",
      "-1",
      "-q",
      "127.0.0.1",
    ]);
    const registers = [...stdout.matchAll(/\[\d+\]:\s+([\d.]+)/g)].map(([, value]) =>
      Number(value),
    );
    expect(registers).toHaveLength(6);
    const topic = "rackstreet/v1/zhejiang/power/hall/power/meter-1/telemetry";
    const message = (await subscribe(parts, 1, topic)).stdout.trimEnd();
    const payload = message.split(" ").slice(2).join(" ");
    const decoded = decodeMessage(Buffer.from(payload), "telemetry");
    if (!("ok" in decoded)) throw new Error(decoded.problem);
    const points = decoded.ok.batches[0]?.points ?? [];
    const phases = points.filter(({ measurement }) => measurement === "meter_phase");
    const read = ["voltage_v", "current_a"].flatMap((field) =>
      ["L1", "L2", "L3"].map((phase) =>
        Number(phases.find(({ tags }) => tags?.["phase"] === phase)?.fields[field]),
      ),
    );
    read.forEach((value, i) => expect(value).toBeCloseTo(registers[i] ?? Number.NaN, 3));
  });

  test("meta and state are retained for whoever subscribes later", async () => {
    const device = "rackstreet/v1/zhejiang/power/hall/power/meter-1";
    const { stdout } = await subscribe(parts, 1, `${device}/meta`);
    expect(stdout).toContain('"unit":"V"');
    expect(stdout).toContain(`${device}/meta 1`);
    expect((await subscribe(parts, 1, `${device}/state`)).stdout).toContain('"state":"online"');
  });

  test("the alert fires and is retained", async () => {
    const { stdout } = await subscribe(parts, 1, "rackstreet/v1/+/+/+/power/meter-1/alert");
    expect(stdout).toContain('"rule":"load"');
    await vi.waitFor(async () => {
      const later = await subscribe(parts, 1, "rackstreet/v1/+/+/+/power/meter-1/alert");
      expect(later.stdout).toContain('"state":"firing"');
    }, patience);
  });

  test("InfluxDB holds it, with place, and `query` gives the same answer", async () => {
    const ask = async (q: string): Promise<string> => {
      const url = `${parts.influxd.url}/query?db=dc&q=${encodeURIComponent(q)}`;
      return (await fetch(url)).text();
    };
    await vi.waitFor(async () => {
      const answer = await ask(
        "SELECT last(import_wh_total) FROM energy_meter GROUP BY device, rack, region, site",
      );
      expect(answer).toContain('"device":"meter-1","rack":"r12","region":"zhejiang","site":"hall"');
      expect(answer).toMatch(/,123\d{4}\]/);
    }, patience);
    const query = startRackstreet([
      "query",
      "meter_phase",
      "-c",
      parts.file,
      "--field",
      "voltage_v",
      "--aggregate",
      "mean",
      "--by",
      "phase",
      "--since",
      "5m",
      "--json",
    ]);
    expect(await query.ended()).toBe(0);
    const means = JSON.parse(query.stdout()).map(
      ({ rows }: { rows: { values: { voltage_v: number } }[] }) => rows[0]?.values.voltage_v,
    );
    [230.1, 231.2, 229.3].forEach((volts, i) => expect(means[i]).toBeCloseTo(volts, 3));
  });

  test("`query --explain` goes back to the words that mbpoll reads", async () => {
    const asked = ["query", "meter_phase", "-c", parts.file, "--field", "voltage_v"];
    const where = ["--where", "phase=L1", "--explain", "--json"];
    const query = startRackstreet([...asked, ...where]);
    expect(await query.ended(), query.stderr()).toBe(0);
    const [one] = JSON.parse(query.stdout());
    const register = `-a 1 -0 -r ${one.source.address} -c ${one.source.count} -t 3:hex -1 -q`;
    const mbpoll = `-m tcp -p ${parts.meterPort} ${register} 127.0.0.1`;
    const { stdout } = await run("mbpoll", mbpoll.split(" "));
    const words = [...stdout.matchAll(/\[\d+\]:\s+0x([0-9A-F]{4})/g)].map(([, word = ""]) => word);
    expect(one.raw).toMatchObject({ words: words.join(" ").toLowerCase(), unique: true });
    expect(one).toMatchObject({ q: 0, value: 230.1, profile: { line: "eastron-sdm630.yaml:29" } });
  });

  test("`status` shows both sides, and they add up", async () => {
    await vi.waitFor(async () => {
      const status = startRackstreet(["status", "-c", parts.file]);
      expect(await status.ended(), status.stderr()).toBe(0);
      expect(status.stdout()).toMatch(/agent zhejiang\/power\/hall\/agent .* yes/);
      expect(status.stdout()).toMatch(/hub zhejiang\/power\/hall\/hub .* yes/);
    }, patience);
  });

  test("the end is one line of JSON with nothing left over", async () => {
    await parts.site.end("SIGTERM");
    const ledger = JSON.parse(parts.site.stdout().trim().split("\n").at(-1) ?? "");
    expect(ledger).toMatchObject({ queued: 0, devices: 1, firing: 1 });
    expect(ledger.offered).toBe(ledger.stored);
    expect(ledger.offered).toBeGreaterThan(5);
  });
});
