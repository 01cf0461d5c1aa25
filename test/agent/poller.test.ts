/** The poller under virtual time: rates, buses, back-off. */
import { describe, expect, test } from "vitest";
import type { PolledDevice } from "../../agent/poller.ts";
import { Poller } from "../../agent/poller.ts";
import type { Session } from "../../drivers/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

interface Polled {
  readonly id: string;
  readonly at: number;
  readonly groups: readonly string[];
}

interface Behaviour {
  readonly bus?: string;
  readonly interval?: number;
  /** How long a read takes. @unit ms */
  readonly takes?: number;
  readonly dead?: () => boolean;
  readonly groups?: Session["groups"];
}

function rig(devices: Readonly<Record<string, Behaviour>>) {
  const clock = new VirtualClock();
  const started: Polled[] = [];
  const read: string[] = [];
  const failed: string[] = [];
  const busy = new Map<string, number>();
  let overlaps = 0;
  const open = ([id, behaviour]: [string, Behaviour]): PolledDevice => {
    const busKey = behaviour.bus ?? id;
    const session: Session = {
      groups: behaviour.groups ?? [{ name: "default", every: undefined }],
      async read(groups, signal) {
        started.push({ id, at: clock.monotonic(), groups });
        if ((busy.get(busKey) ?? 0) > 0) overlaps += 1;
        busy.set(busKey, (busy.get(busKey) ?? 0) + 1);
        await sleep(clock, behaviour.takes ?? 0, signal);
        busy.set(busKey, (busy.get(busKey) ?? 0) - 1);
        if (behaviour.dead?.() === true) throw new GatewayError("E_MODBUS_TIMEOUT", "silent");
        return { points: [], faults: [] };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    return { id, session, busKey, interval: behaviour.interval ?? 1000 };
  };
  const platform = { clock, entropy: new SeededEntropy(1), log: silentLog };
  const poller = new Poller(
    Object.entries(devices).map(open),
    {
      read: ({ id }) => void read.push(id),
      heard: () => {},
      failed: ({ id }) => void failed.push(id),
    },
    platform,
  );
  const times = (id: string): number[] =>
    started.filter((one) => one.id === id).map(({ at }) => at);
  return { clock, poller, started, read, failed, times, overlaps: () => overlaps };
}

describe("the poller", () => {
  test("keeps each device's beat", async () => {
    const { clock, poller, times } = rig({ a: { takes: 100 }, b: { interval: 2500 } });
    poller.start();
    await clock.advance(5000);
    expect(times("a")).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
    expect(times("b")).toEqual([0, 2500, 5000]);
    await poller.stop();
  });

  test("reads groups at their own rates, those due together in one read", async () => {
    const groups = [
      { name: "default", every: undefined },
      { name: "slow", every: 3000 },
    ];
    const { clock, poller, started } = rig({ a: { groups } });
    poller.start();
    await clock.advance(3500);
    expect(started.map((one) => one.groups.join("+"))).toEqual([
      "default+slow",
      "default",
      "default",
      "default+slow",
    ]);
    await poller.stop();
  });

  test("a group's own pace never makes a device be read more often than asked", async () => {
    const groups = [{ name: "slow", every: 3000 }];
    const { clock, poller, times } = rig({ a: { groups, interval: 10_000 } });
    poller.start();
    await clock.advance(25_000);
    expect(times("a")).toEqual([0, 10_000, 20_000]);
    await poller.stop();
  });

  test("never has two requests on one bus, and serves all devices on it", async () => {
    const devices = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`m${i}`, { bus: "rs485", takes: 100 }]),
    );
    const { clock, poller, times, overlaps } = rig(devices);
    poller.start();
    await clock.advance(10_000);
    expect(overlaps()).toBe(0);
    for (const id of Object.keys(devices)) expect(times(id).length).toBeGreaterThanOrEqual(10);
    await poller.stop();
  });

  test("an overbooked bus stays fair, and the beats left out are counted", async () => {
    const devices = Object.fromEntries(
      Array.from({ length: 4 }, (_, i) => [`m${i}`, { bus: "rs485", takes: 500 }]),
    );
    const { clock, poller, times } = rig(devices);
    poller.start();
    await clock.advance(20_000);
    const counts = Object.keys(devices).map((id) => times(id).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(poller.overruns).toBeGreaterThan(35);
    await poller.stop();
  });

  test("a dead device never delays another bus", async () => {
    const dead = { takes: 30_000, dead: () => true, bus: "broken" };
    const { clock, poller, times } = rig({ dead, good: {} });
    poller.start();
    await clock.advance(10_000);
    expect(times("good")).toHaveLength(11);
    await poller.stop();
  });

  test("a dead device backs off on its own bus, up to a minute, and returns at once", async () => {
    let dead = true;
    const behaviour = { bus: "rs485", takes: 1000, dead: () => dead };
    const { clock, poller, times, failed } = rig({ meter: behaviour, good: { bus: "rs485" } });
    poller.start();
    await clock.advance(600_000);
    // 600 beats, but ever more seldom: 1, 2, 4 … 60 s apart.
    expect(times("meter").length).toBeLessThan(30);
    expect(times("good").length).toBeGreaterThan(550);
    const gaps = times("meter").map((at, i, all) => at - (all[i - 1] ?? at));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(62_000);
    dead = false;
    const before = failed.length;
    await clock.advance(70_000);
    const after = times("meter").length;
    await clock.advance(10_000);
    expect(times("meter").length - after).toBeGreaterThanOrEqual(4);
    expect(failed.length).toBe(before);
    await poller.stop();
  });

  test("one lost answer costs no back-off", async () => {
    let reads = 0;
    const { clock, poller, times } = rig({
      a: {
        dead: () => {
          reads += 1;
          return reads === 2;
        },
      },
    });
    poller.start();
    await clock.advance(5000);
    expect(times("a")).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
    await poller.stop();
  });

  test("a read that never ends is given up after a minute", async () => {
    const { clock, poller, failed, times } = rig({ a: { takes: 10_000_000, dead: () => true } });
    poller.start();
    await clock.advance(61_500);
    expect(failed).toEqual(["a"]);
    expect(times("a")).toEqual([0, 61_000]);
    await poller.stop();
  });

  test("stopping ends the reads under way and leaves no timer", async () => {
    const { clock, poller, failed } = rig({ a: { takes: 5000, dead: () => true }, b: {} });
    poller.start();
    await clock.advance(1500);
    await poller.stop();
    expect(failed).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
