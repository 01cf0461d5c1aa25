/** `rackstreet probe` at a simulated meter: finds what the profile says, and writes one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import type { Simulator } from "../../drivers/index.ts";
import { simulate } from "../../drivers/index.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
let meter: Simulator;

beforeAll(async () => {
  meter = await simulate({
    profile: profiles["eastron-sdm120"],
    unit: 3,
    listen: {},
    holes: "illegal",
    clock: { now: () => 0 },
  });
  const volts = 230.2;
  const amperes = 10.1;
  const factor = 0.91;
  meter.set("energy_meter", "", {
    voltage_v: volts,
    current_a: amperes,
    active_power_w: volts * amperes * factor,
    power_factor_ratio: factor,
    frequency_hz: 50.01,
    import_wh_total: 1_234_500,
  });
});

afterAll(async () => {
  await meter[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const probe = (...args: string[]) =>
  rackstreet(["probe", "--address", meter.address, "--unit", "3", ...args], { cwd: folder.path });

describe("probe", () => {
  test("finds one register from the manual's number", async () => {
    const { code, out } = await probe("--at", "30001", "--expect", "230V", "--json");
    expect(code).toBe(0);
    const [answer] = JSON.parse(out).answers;
    const [best] = answer.candidates;
    expect(best).toMatchObject({ table: "input", at: 0, type: "float32", order: "ABCD", scale: 1 });
  });

  test("finds several in a range, and writes a profile that read accepts at once", async () => {
    const expected = ["--expect", "230.2V", "--expect", "2.12kW", "--expect", "energy=1234.5kWh"];
    const { code, out } = await probe("--range", "0-120", ...expected, "--yaml");
    expect(code).toBe(0);
    expect(out).toMatch(/voltage_v: \{ at: 0x0000, table: input, type: float32 \}/);
    expect(out).toMatch(/active_power_w: \{ at: 0x000c, table: input, type: float32 \}/);
    expect(out).toMatch(/import_wh_total: \{ at: 0x0048, .*type: float32, scale: 1000 \}/);
    const file = folder.write("mine.yaml", out);
    const where = ["--address", meter.address, "--unit", "3"];
    const read = await rackstreet(["read", "--profile", file, ...where, "--json"], {
      cwd: folder.path,
    });
    expect(read.code, read.err).toBe(0);
    expect(JSON.parse(read.out).points).toMatchObject([
      { measurement: "energy_meter", fields: { voltage_v: 230.2, import_wh_total: 1_234_500 } },
    ]);
  });

  test("by physics alone finds voltage, current, power and power factor", async () => {
    const { code, out } = await probe("--range", "0-80", "--json", "--watch", "10ms");
    expect(code).toBe(0);
    const found = JSON.parse(out).plausible.map(
      ({ quantity, at }: { quantity: string; at: number }) => `${quantity} ${at}`,
    );
    expect(found).toEqual(expect.arrayContaining(["voltage 0", "current 6", "power 12", "pf 30"]));
  });

  test("that finds nothing says so and exits 69", async () => {
    const { code, err } = await probe("--at", "12", "--expect", "frequency=17Hz");
    expect(code).toBe(69);
    expect(err).toMatch(/nothing there fits/);
  });

  test.each([
    [["--at", "12", "--range", "0-9"], "either --at or --range"],
    [["--range", "9-0"], "--range 9-0"],
    [["--at", "99999"], "no such register"],
    [["--at", "1", "--expect", "much"], "--expect much"],
    [["--at", "1", "--block", "500"], "--block 500"],
  ])("%j is a mistake of usage", async (args, text) => {
    const { code, err } = await probe(...args);
    expect(code).toBe(64);
    expect(err).toContain(text);
  });
});
