/** The simulated device as the agent sees it. */
import { describe, expect, test } from "vitest";
import { problemOf } from "../../../telemetry/index.ts";
import type { Reading } from "../../../telemetry/index.ts";
import type { DriverContext, Session, Trace } from "../../../drivers/contract.ts";
import { simDriver } from "../../../drivers/sim/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";

const never = new AbortController().signal;
const start = 1_763_892_000_000;

function contextOf(clock: VirtualClock): DriverContext {
  return { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
}

async function openSim(
  options: Record<string, unknown> = {},
  clock = new VirtualClock(start),
  id = "r1",
): Promise<Session> {
  const driver = simDriver.create(contextOf(clock));
  return driver.open({ id, options, profile: undefined });
}

async function readOnce(options: Record<string, unknown>, id = "r1"): Promise<Reading> {
  await using session = await openSim(options, new VirtualClock(start), id);
  return session.read(["all"], never);
}

/** Which of 400 polls fail, one a second. */
async function failures(): Promise<number[]> {
  const clock = new VirtualClock(start);
  await using session = await openSim({ fail: 0.25 }, clock);
  const failed: number[] = [];
  for (let poll = 0; poll < 400; poll += 1) {
    await session.read(["all"], never).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "E_CONNECT", verdict: "retry" });
      failed.push(poll);
    });
    await clock.advance(1000);
  }
  return failed;
}

describe("sim", () => {
  test("gives three phases when nothing is said", async () => {
    const { points, faults } = await readOnce({});
    expect(points.map(({ measurement, tags }) => [measurement, tags])).toEqual([
      ["rack_phase", { phase: "L1" }],
      ["rack_phase", { phase: "L2" }],
      ["rack_phase", { phase: "L3" }],
    ]);
    expect(points.map(problemOf)).toEqual([undefined, undefined, undefined]);
    expect(faults).toEqual([]);
  });

  test("gives as many channels and just the fields that were asked for", async () => {
    const options = { measurement: "pdu_outlet", points: 24, fields: ["current_a"] };
    const { points } = await readOnce(options);
    expect(points).toHaveLength(24);
    expect(points.at(-1)?.tags).toEqual({ outlet: "24" });
    expect(Object.keys(points[0]?.fields ?? {})).toEqual(["current_a", "q"]);
  });

  test("a measurement without a channel is one row without tags", async () => {
    const { points } = await readOnce({ measurement: "energy_meter", points: 5 });
    expect(points).toHaveLength(1);
    expect(points[0]?.tags).toBeUndefined();
  });

  test("the same seed, device and time give the same reading; another device another", async () => {
    expect(await readOnce({ seed: 4 })).toEqual(await readOnce({ seed: 4 }));
    expect(await readOnce({ seed: 4 })).not.toEqual(await readOnce({ seed: 5 }));
    expect(await readOnce({}, "r1")).not.toEqual(await readOnce({}, "r2"));
  });

  test("shows what stands behind each value", async () => {
    await using session = await openSim({ points: 1, fields: ["voltage_v"] });
    const traces: Trace[] = [];
    const { points } = await session.read(["all"], never, (trace) => traces.push(trace));
    expect(traces).toEqual([
      {
        measurement: "rack_phase",
        channel: "L1",
        field: "voltage_v",
        at: "waveform",
        raw: String(points[0]?.fields["voltage_v"]),
      },
    ]);
  });

  test("fails as often as asked, at the same times for the same seed", async () => {
    const once = await failures();
    expect(once.length).toBeGreaterThan(70);
    expect(once.length).toBeLessThan(130);
    expect(await failures()).toEqual(once);
  });

  test("answers after the delay, by the clock it was given", async () => {
    const clock = new VirtualClock(start);
    await using session = await openSim({ delay: "200ms", points: 1 }, clock);
    let answered = false;
    const reading = session.read(["all"], never).finally(() => (answered = true));
    await clock.advance(199);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect((await reading).points).toHaveLength(1);
  });

  test("stops waiting when it is told to", async () => {
    await using session = await openSim({ delay: "1h" });
    const controller = new AbortController();
    const reading = session.read(["all"], controller.signal);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: "E_DISCONNECTED" });
  });

  test.each([
    [{ measurement: "rack_pahse" }, "not in the register"],
    [{ fields: ["frequency_hz"] }, "rack_phase has no number frequency_hz"],
    [{ fields: [] }, "name at least one field"],
    [{ points: 0 }, "whole number"],
    [{ sede: 1 }, "sede"],
  ])("refuses %j", async (options, words) => {
    await expect(async () => openSim(options)).rejects.toThrow(words);
  });

  test("ends a read under way when the session is closed", async () => {
    const session = await openSim({ delay: "1h" });
    const reading = session.read(["all"], never);
    await session[Symbol.asyncDispose]();
    await expect(reading).rejects.toMatchObject({ code: "E_DISCONNECTED" });
  });

  test("each device is a wire of its own", () => {
    const driver = simDriver.create(contextOf(new VirtualClock(start)));
    const key = (id: string): string => driver.busKey({ id, options: {}, profile: undefined });
    expect(key("r1")).not.toBe(key("r2"));
  });
});
