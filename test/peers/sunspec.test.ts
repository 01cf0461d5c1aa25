/**
 * SunSpec devices nobody here wrote: pysunspec2 builds the register map from the SunSpec
 * Alliance's own models, pymodbus serves it. [SUNSPEC 4.2] [SUNSPEC 6.1] [SUNSPEC 6.2]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import type { Reading } from "../../telemetry/index.ts";
import { never, openDevice } from "../drivers/modbus/world.ts";
import { needsPip, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";

const ready =
  needsPython("pymodbus", "python3-pymodbus") && needsPip("sunspec2", "1.3.7", "pysunspec2");

const patience = { timeout: 10_000, interval: 50 };

async function readFrom(
  profile: string,
  start: number,
  models: readonly number[],
): Promise<Reading> {
  const port = await freePort();
  const script = fileURLToPath(new URL("sunspec_server.py", import.meta.url));
  const args = [script, port, start, ...models].map(String);
  const server = spawn("/usr/bin/python3", args);
  try {
    await once(server.stdout, "data");
    const address = `tcp://127.0.0.1:${port}`;
    await using device = await openDevice({ address, timeout: "5s" }, profiles[profile]);
    // "ready" is said just before it listens.
    const reading = vi.waitFor(() => device.session.read(["default"], never), patience);
    return await reading;
  } finally {
    server.kill("SIGKILL");
  }
}

function row({ points }: Reading, measurement: string, channel?: string): unknown {
  return points.find((point) => {
    const [value] = Object.values(point.tags ?? {});
    return point.measurement === measurement && value === channel;
  })?.fields;
}

const meter = {
  whole: { active_power_w: 2810, current_a: 12.3, frequency_hz: 50.02, import_wh_total: 1_234_500 },
  phase: { voltage_v: 231.2, current_a: 4.2, active_power_w: 960 },
};

describe.skipIf(!ready)("a SunSpec device", () => {
  test.each([
    ["meter in whole numbers, at 40000", 40_000, [203]],
    ["single phase", 0, [201]],
    ["split phase, behind an inverter", 50_000, [101, 202]],
    ["meter in floats", 40_000, [213]],
    ["both: whole numbers first", 40_000, [213, 203]],
  ])("%s", async (_name, start, models) => {
    const reading = await readFrom("sunspec-meter", start, models);
    expect(reading.faults).toEqual([]);
    expect(row(reading, "energy_meter")).toMatchObject(meter.whole);
    expect(row(reading, "energy_meter")).not.toHaveProperty("apparent_power_va");
    expect(row(reading, "meter_phase", "L2")).toMatchObject(meter.phase);
  });

  test("weather beside a meter", async () => {
    const reading = await readFrom("sunspec-meter", 40_000, [203, 307]);
    expect(row(reading, "environment", "met")).toMatchObject({
      temp_c: 21.5,
      rh_pct: 48,
      pressure_pa: 101_300,
      wind_deg: 270,
    });
  });

  test.each([[103], [113]])("inverter with model %d", async (model) => {
    const reading = await readFrom("sunspec-inverter", 40_000, [model]);
    const given = { active_power_w: 2200, frequency_hz: 49.98, export_wh_total: 987_654 };
    expect(row(reading, "energy_meter")).toMatchObject(given);
    expect(row(reading, "meter_phase", "L1")).toMatchObject({ voltage_v: 231 });
  });

  test("models that the profile does not read are named", async () => {
    await expect(readFrom("sunspec-inverter", 40_000, [203])).rejects.toThrow("the models 1, 203");
  }, 20_000);
});
