/**
 * The way there and back on real sockets: a simulated meter, `up`, then `query --explain`. The raw
 * words must be those that clients nobody here wrote read from the same registers.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import modbusSerial from "modbus-serial";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import { simulate } from "../../drivers/index.ts";
import type { Simulator } from "../../drivers/index.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";
import { openFolder, rackstreet } from "./run.ts";

const hasMbpoll = needs("mbpoll", "mbpoll");
const folder = openFolder();
const at = { cwd: folder.path };
const clock = { now: () => Date.UTC(2026, 10, 24) };

let sdm630: Simulator;
let pzem: Simulator;
let site: Rackstreet;

beforeAll(async () => {
  sdm630 = await simulate({ profile: profiles["eastron-sdm630"], unit: 3, listen: {}, clock });
  sdm630.set("meter_phase", "L2", { voltage_v: 231.2 });
  sdm630.set("energy_meter", "", { import_wh_total: 20_123_456_000 });
  pzem = await simulate({ profile: profiles["peacefair-pzem016"], unit: 7, listen: {}, clock });
  pzem.set("energy_meter", "", { active_power_w: 70_130.1 });
  const broker = `broker: { listen: ["mqtt://127.0.0.1:${await freePort()}"] }`;
  const store = `store: { engine: sqlite, path: ${folder.path}/store.sqlite }`;
  folder.write(
    "site.yaml",
    `site: lab
agent: { data: ${folder.path}/agent, interval: 200ms }
hub: { data: ${folder.path}/hub }
${broker}
${store}
devices:
  sdm: { profile: eastron-sdm630, address: "${sdm630.address}", unit: 3, rack: r12 }
  pzem: { profile: peacefair-pzem016, address: "${pzem.address}", unit: 7 }
`,
  );
  // An analyst's: where the store and the broker are, and nothing of the agent.
  folder.write("analyst.yaml", `site: city\n${broker}\n${store}\n`);
  site = startRackstreet(["up", `${folder.path}/site.yaml`, "--json"]);
  await site.logged("uplink connected");
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await sdm630[Symbol.asyncDispose]();
  await pzem[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Wanted {
  readonly device: string;
  readonly measurement: string;
  readonly field: string;
  readonly channel?: string;
}

/** What --explain says of one value; asked again until it is stored. */
async function explained(config: string, wanted: Wanted, ...more: string[]) {
  const { device, measurement, field, channel } = wanted;
  const where = [`device=${device}`, ...(channel === undefined ? [] : [channel])];
  const asked = ["query", measurement, "--field", field, "-c", config, "--explain", "--json"];
  for (let tries = 0; tries < 20; tries += 1) {
    const { code, out, err } = await rackstreet([...asked, "--where", ...where, ...more], at);
    expect([code, err]).toEqual([0, ""]);
    const [one] = JSON.parse(out);
    if (one?.source !== undefined) return one;
  }
  throw new Error(`${device} was never stored`);
}

async function inputRegisters(simulator: Simulator, unit: number, address: number) {
  const client = new modbusSerial.default();
  await client.connectTCP("127.0.0.1", { port: Number(new URL(simulator.address).port) });
  client.setID(unit);
  const { data } = await client.readInputRegisters(address, 2);
  await new Promise<void>((resolve) => client.close(() => resolve()));
  return data.map((word) => word.toString(16).padStart(4, "0")).join(" ");
}

const cases = [
  [
    "a single",
    { device: "sdm", measurement: "meter_phase", field: "voltage_v", channel: "phase=L2" },
  ],
  [
    "a large counter, by a thousand",
    { device: "sdm", measurement: "energy_meter", field: "import_wh_total" },
  ],
  [
    "32 bits, low word first, by a tenth",
    { device: "pzem", measurement: "energy_meter", field: "active_power_w" },
  ],
] as const satisfies readonly (readonly [string, Wanted])[];

describe("--explain", () => {
  test.each(cases)("of %s has the words that modbus-serial reads there", async (_what, wanted) => {
    const one = await explained("site.yaml", wanted, "--live");
    const [simulator, unit] =
      wanted.device === "sdm" ? ([sdm630, 3] as const) : ([pzem, 7] as const);
    const words = await inputRegisters(simulator, unit, one.source.address);
    expect(one).toMatchObject({
      told: "configuration",
      endpoint: { address: simulator.address, unit },
      raw: { how: "derived", words, unique: true },
      live: { words, value: one.value, faults: [] },
    });
  });

  test.each(cases)("of %s needs no configuration of the agent", async (_what, wanted) => {
    const from = await explained("site.yaml", wanted);
    const { told, ...known } = await explained("analyst.yaml", wanted);
    expect(told).toBe("meta");
    for (const key of ["agent", "topic", "driver", "endpoint", "profile", "source", "raw"]) {
      expect(known[key], key).toEqual(from[key]);
    }
  });

  test.skipIf(!hasMbpoll)("has the value that mbpoll reads", async () => {
    const one = await explained("site.yaml", cases[0][1]);
    const port = new URL(sdm630.address).port;
    const asked = `-m tcp -p ${port} -a 3 -0 -1 -t 3:float -B -r ${one.source.address} 127.0.0.1`;
    const { stdout } = await promisify(execFile)("mbpoll", asked.split(" "));
    expect(/^\[\d+\]:\s+(\S+)/m.exec(stdout)?.[1]).toBe(String(one.value));
  });

  test("for people is a block, and reads no stranger", async () => {
    const asked = ["query", "energy_meter", "--field", "active_power_w", "--explain"];
    const text = await rackstreet([...asked, "-c", "site.yaml", "--where", "device=pzem"], at);
    expect(text.out).toMatch(
      /^70\.13 kW \(70130\.1\) {2}last of energy_meter active_power_w of pzem$/m,
    );
    expect(text.out).toMatch(/^ {2}raw +b375 000a \(derived, and nothing else gives the value\)$/m);
    const live = await rackstreet([...asked, "-c", "analyst.yaml", "--live"], at);
    expect([live.code, live.out]).toEqual([64, ""]);
    expect(live.err).toContain(
      "--live reads devices of the configuration, and pzem of lab is none",
    );
  });
});

describe("coverage from meta", () => {
  test("stands beside values where the configuration knows no device", async () => {
    await explained("analyst.yaml", cases[2][1]);
    const asked = ["query", "energy_meter", "-c", "analyst.yaml", "--by", "site", "--json"];
    const more = ["--field", "active_power_w", "--since", "2s"];
    const { out } = await rackstreet([...asked, ...more], at);
    const [{ rows }] = JSON.parse(out);
    // Two devices, five times a second each.
    expect(rows[0].expected).toEqual({ active_power_w: 20 });
  });

  test("below the share asked for leaves all out and says so", async () => {
    await explained("site.yaml", cases[2][1]);
    const asked = ["query", "energy_meter", "-c", "site.yaml", "--field", "active_power_w"];
    const { code, out, err } = await rackstreet(
      [...asked, "--since", "1d", "--coverage", "0.9"],
      at,
    );
    expect([code, out]).toEqual([0, "nothing in energy_meter in this time\n"]);
    expect(err).toContain("2 values on less than 0.9 of their rows were left out");
  });
});
