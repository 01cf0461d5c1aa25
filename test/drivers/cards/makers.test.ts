/** AMD and Ascend: which tool is used, what becomes of cards and counters, and one row for all. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { amd } from "../../../drivers/amd/index.ts";
import { ascend } from "../../../drivers/ascend/index.ts";
import type { DriverKind, Memory, Session } from "../../../drivers/contract.ts";
import type { Point } from "../../../telemetry/index.ts";
import { contextWith } from "../modbus/world.ts";
import { RecordedTool } from "./tool.ts";

const golden = join(import.meta.dirname, "../../golden/drivers");
const never = new AbortController().signal;

interface Seat extends AsyncDisposable {
  readonly tool: RecordedTool;
  readonly session: Session;
}

async function sit(kind: DriverKind, tool: RecordedTool, memory?: Memory): Promise<Seat> {
  const driver = kind.create(contextWith());
  const session = await driver.open({
    id: "node",
    options: { program: tool.program },
    profile: undefined,
    ...(memory === undefined ? {} : { memory }),
  });
  return {
    tool,
    session,
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      await tool[Symbol.asyncDispose]();
    },
  };
}

function field(points: readonly Point[], gpu: string, name: string): unknown {
  return points.find(({ tags }) => tags?.["gpu"] === gpu)?.fields[name];
}

function metric(energies: readonly number[]): string {
  const cards = energies.map((value, gpu) => {
    const energy = { total_energy_consumption: { value, unit: "J" } };
    return { gpu, power: { socket_power: { value: 100, unit: "W" } }, energy };
  });
  return JSON.stringify({ gpu_data: cards });
}

describe("amd", () => {
  test("where there is no amd-smi, rocm-smi is asked, and goes on to be", async () => {
    const recordings = join(golden, "amd/rocm_smi_6/device");
    await using tool = await RecordedTool.create("rocm-smi", recordings);
    vi.stubEnv("PATH", dirname(tool.program));
    await using driver = amd.create(contextWith());
    await using session = await driver.open({ id: "node", options: {}, profile: undefined });
    const groups = session.groups.map(({ name }) => name);
    const { points, faults } = await session.read(groups, never);
    await session.read(groups, never);
    vi.unstubAllEnvs();
    expect(faults).toEqual([]);
    expect(field(points, "0", "power_w")).toBe(142);
    expect(tool.asked.map((line) => line.replace(/^\d+ /, ""))).toEqual(["-a --json", "-a --json"]);
  });

  test("where there is neither, the missing one is named", async () => {
    vi.stubEnv("PATH", "/nowhere");
    await using driver = amd.create(contextWith());
    await using session = await driver.open({ id: "node", options: {}, profile: undefined });
    const read = session.read(["cards"], never);
    await expect(read).rejects.toMatchObject({ code: "E_PROGRAM_MISSING" });
    vi.unstubAllEnvs();
  });

  test("a missing card is a fault and a row; its counter goes on when it is back", async () => {
    await using seat = await sit(amd, await RecordedTool.create("amd-smi"));
    const { session, tool } = seat;
    tool.record("metric-json.json", metric([3600, 7200]));
    await session.read(["cards"], never);
    tool.record("metric-json.json", metric([36_000]));
    const { points, faults } = await session.read(["cards"], never);
    expect(faults).toEqual([{ code: "E_DEVICE_REFUSED", at: "gpu 1: is no longer listed" }]);
    expect(field(points, "0", "energy_wh_total")).toBe(10);
    expect(field(points, "1", "health_state")).toBe(3);
    // The driver was loaded again, and its counters begin anew.
    tool.record("metric-json.json", metric([3600, 3600]));
    const again = await session.read(["cards"], never);
    expect(again.faults).toEqual([]);
    expect(field(again.points, "0", "energy_wh_total")).toBe(11);
    expect(field(again.points, "1", "energy_wh_total")).toBe(3);
  });

  test("energy is remembered over a restart of the agent", async () => {
    let kept: unknown;
    const memory = (): Memory => ({ kept, keep: (value) => (kept = structuredClone(value)) });
    for (const [joules, hours] of [
      [36_000, 10],
      [3600, 11],
      [7200, 12],
    ] as const) {
      const tool = await RecordedTool.create("amd-smi");
      tool.record("metric-json.json", metric([joules]));
      await using seat = await sit(amd, tool, memory());
      const { points } = await seat.session.read(["cards"], never);
      expect(field(points, "0", "energy_wh_total")).toBe(hours);
    }
  });

  test.each([
    ["AMDSMI_STATUS_DRIVER_NOT_LOADED", "E_PROGRAM", "1"],
    ["no card here", "E_DEVICE_FRAME", "0"],
    ["[]", "E_PROGRAM", "0"],
    ['[{"gpu": 0, ', "E_DEVICE_FRAME", "0"],
  ])("%s is %s", async (output, code, exit) => {
    await using seat = await sit(amd, await RecordedTool.create("amd-smi"));
    seat.tool.record("metric-json.txt", output);
    seat.tool.record("metric-json.exit", exit);
    await expect(seat.session.read(["cards"], never)).rejects.toMatchObject({ code });
  });
});

describe("ascend", () => {
  const recordings = join(golden, "ascend/npu_910b/device");

  test("what a chip cannot tell is asked once", async () => {
    const tool = await RecordedTool.create("npu-smi", recordings);
    await using seat = await sit(ascend, tool);
    tool.record("info-t-ecc-i-0.txt", "This device does not support querying ecc.\n");
    tool.record("info-t-ecc-i-0.exit", "1");
    const all = ["cards", "details"];
    expect((await seat.session.read(all, never)).faults).toEqual([]);
    expect((await seat.session.read(all, never)).faults).toEqual([]);
    const asked = (what: string): number => tool.asked.filter((line) => line.endsWith(what)).length;
    expect([asked("info -t ecc -i 0"), asked("info -t ecc -i 1")]).toEqual([1, 2]);
  });

  test("an NPU that is missing is a fault and a row; one that cannot be read is not", async () => {
    const tool = await RecordedTool.create("npu-smi", recordings);
    await using seat = await sit(ascend, tool);
    const table = await tool.recorded("info.txt");
    await seat.session.read(["cards"], never);
    const lines = table.split("\n").filter((line) => !/910B3 {13}\| Warn|0000:01:00/.test(line));
    tool.record("info.txt", lines.join("\n"));
    const { points, faults } = await seat.session.read(["cards"], never);
    expect(faults).toEqual([{ code: "E_DEVICE_REFUSED", at: "gpu 1: is no longer listed" }]);
    expect(field(points, "1", "health_state")).toBe(3);
    tool.record("info.txt", table.replace("91.0 ", "91.0 1 "));
    const strange = await seat.session.read(["cards"], never);
    expect(strange.faults).toMatchObject([{ code: "E_DEVICE_FRAME" }]);
    expect(field(strange.points, "1", "health_state")).toBeUndefined();
  });

  test.each([
    ["dcmi model initialized failed, because the device is used. ret is -8020", "1", "E_PROGRAM"],
    ["| nothing | of | it |", "0", "E_DEVICE_FRAME"],
  ])("%s", async (output, exit, code) => {
    await using seat = await sit(ascend, await RecordedTool.create("npu-smi"));
    seat.tool.record("info.txt", output);
    seat.tool.record("info.exit", exit);
    await expect(seat.session.read(["cards"], never)).rejects.toMatchObject({ code });
  });
});

test("one query compares the cards of three makers", async () => {
  const fieldsOf = async (machine: string): Promise<string[]> => {
    const lines = await readFile(join(golden, machine, "expected.lp"), "utf8");
    const [, fields = ""] = lines.split("\n", 1)[0]?.split(" ") ?? [];
    return fields.split(",").map((part) => part.split("=")[0] ?? "");
  };
  const same = ["power_w", "temp_c", "mem_temp_c", "util_pct", "mem_util_pct", "mem_used_bytes"];
  const more = ["mem_total_bytes", "sm_clock_hz", "mem_clock_hz", "ecc_ce_total", "ecc_ue_total"];
  for (const machine of ["nvidia/hopper_v13", "amd/instinct_rocm_7", "ascend/npu_910b"]) {
    expect(await fieldsOf(machine)).toEqual(expect.arrayContaining([...same, ...more]));
  }
});
