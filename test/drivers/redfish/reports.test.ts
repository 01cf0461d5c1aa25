/** Readings that metric reports renew, and counters that go on. */
import { describe, expect, test } from "vitest";
import type { Memory } from "../../../drivers/contract.ts";
import { Counters } from "../../../drivers/redfish/counters.ts";
import { VirtualClock } from "../../virtual.ts";
import { never } from "../modbus/world.ts";
import { goldenTree, startWorld } from "./world.ts";

const report = "/redfish/v1/TelemetryService/MetricReports/HGX_PlatformEnvironmentMetrics_0";

describe("metric reports", () => {
  test("[DSP0266 metric reports] renew readings in one request, states stay", async () => {
    await using world = await startWorld(goldenTree("gpu_board"));
    const { mockup, session } = world;
    await session.read(["all"], never);
    mockup.requests.length = 0;
    const { points } = await session.read(["all"], never);
    const gpu = points.find(({ tags }) => tags?.["gpu"] === "GPU_SXM_1")?.fields;
    expect(gpu).toMatchObject({ temp_c: 43.5, power_w: 660.1, util_pct: 95, mem_temp_c: 57 });
    expect(gpu).toMatchObject({ throttle_power_ms_total: 13_000, health_state: 0 });
    expect(gpu?.["energy_wh_total"]).toBe(2_000_001);
    expect(mockup.requests).toContain(`GET ${report}`);
    const metrics = mockup.requests.filter((one) => /ProcessorMetrics/.test(one));
    expect(metrics).toEqual([]);
  });

  test("that stand still are not believed", async () => {
    const clock = new VirtualClock();
    await using world = await startWorld(goldenTree("gpu_board"), { clock });
    const { mockup, session } = world;
    await session.read(["all"], never);
    await clock.advance(301_000);
    await session.read(["all"], never);
    mockup.requests.length = 0;
    const { points } = await session.read(["all"], never);
    expect(mockup.requests.filter((one) => /ProcessorMetrics/.test(one))).toHaveLength(2);
    const gpu = points.find(({ tags }) => tags?.["gpu"] === "GPU_SXM_1")?.fields;
    expect(gpu).toMatchObject({ temp_c: 41.5 });
  });

  test("are left alone where the configuration says so", async () => {
    const options = { reports: false };
    await using world = await startWorld(goldenTree("gpu_board"), { options });
    await world.session.read(["all"], never);
    expect(world.mockup.requests).not.toContain(`GET ${report}`);
  });
});

test("of energies of another controller nothing is counted at first", () => {
  const counters = new Counters(undefined);
  const hours = [1000, 1000.5, 300, 300.5].map((energy, hour) =>
    counters.next("energy", energy * 1000, hour * 3_600_000),
  );
  expect(hours).toEqual([1_000_000, 1_000_500, 1_000_500, 1_001_000]);
});

test("energies go on where a controller begins at 0 again", async () => {
  const tree = goldenTree("newer_server");
  const environment = tree.get("/redfish/v1/Chassis/1U/EnvironmentMetrics");
  const clock = new VirtualClock();
  let kept: unknown;
  const memory: Memory = {
    get kept() {
      return kept;
    },
    keep: (value) => {
      kept = JSON.parse(JSON.stringify(value));
    },
  };
  const energyAt = async (kilowattHours: number): Promise<unknown> => {
    if (environment !== undefined) environment["EnergykWh"] = { Reading: kilowattHours };
    await using world = await startWorld(tree, { clock, memory });
    const { points } = await world.session.read(["all"], never);
    await clock.advance(3_600_000);
    return points.find(({ measurement }) => measurement === "server")?.fields["energy_wh_total"];
  };
  expect(await energyAt(1000)).toBe(1_000_000);
  expect(await energyAt(1000.5)).toBe(1_000_500);
  // The noise of a value that is worked out.
  expect(await energyAt(1000.499)).toBe(1_000_500);
  expect(await energyAt(0.4)).toBe(1_000_900);
  expect(await energyAt(0.9)).toBe(1_001_400);
  expect(await energyAt(0.8)).toBe(1_001_400 + 800);
});
