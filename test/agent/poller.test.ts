/** The poller under virtual time: rates, buses, back-off. */
import { describe, expect, test } from "vitest";
import type { PolledDevice } from "../../agent/poller.ts";
import { Poller } from "../../agent/poller.ts";
import type { Session } from "../../drivers/index.ts";
import type { Code } from "../../telemetry/index.ts";
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
  /** What it fails with. */
  readonly code?: Code;
  /** How long a probe of it takes; left out: it cannot be probed. @unit ms */
  readonly probe?: number;
  readonly width?: number;
  readonly groups?: Session["groups"];
}

function rig(devices: Readonly<Record<string, Behaviour>>) {
  const clock = new VirtualClock();
  const started: Polled[] = [];
  const read: string[] = [];
  const failed: string[] = [];
  const probed: number[] = [];
  let most = 0;
  const busy = new Map<string, number>();
  let overlaps = 0;
  const open = ([id, behaviour]: [string, Behaviour]): PolledDevice => {
    const busKey = behaviour.bus ?? id;
    const failure = () => new GatewayError(behaviour.code ?? "E_MODBUS_TIMEOUT", "silent");
    const probe = async (signal: AbortSignal): Promise<void> => {
      probed.push(clock.monotonic());
      await sleep(clock, behaviour.probe ?? 0, signal);
      if (behaviour.dead?.() === true) throw failure();
    };
    const session: Session = {
      groups: behaviour.groups ?? [{ name: "default", every: undefined }],
      async read(groups, signal) {
        started.push({ id, at: clock.monotonic(), groups });
        if ((busy.get(busKey) ?? 0) > 0) overlaps += 1;
        busy.set(busKey, (busy.get(busKey) ?? 0) + 1);
        most = Math.max(most, busy.get(busKey) ?? 0);
        await sleep(clock, behaviour.takes ?? 0, signal);
        busy.set(busKey, (busy.get(busKey) ?? 0) - 1);
        if (behaviour.dead?.() === true) throw failure();
        return { points: [], faults: [] };
      },
      ...(behaviour.probe === undefined ? {} : { probe }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const { width, interval = 1000 } = behaviour;
    return { id, session, busKey, width, interval };
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
  const seen = { started, read, failed, probed, times };
  return { clock, poller, ...seen, overlaps: () => overlaps, most: () => most };
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

const many = (count: number, behaviour: Behaviour): Record<string, Behaviour> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, behaviour]));

describe("deadlines", () => {
  test("of unlike rates are all kept on a bus that has time for them", async () => {
    const fast = { bus: "rs485", takes: 100, interval: 1000 };
    const slow = { bus: "rs485", takes: 300, interval: 10_000 };
    const { clock, poller, times, overlaps } = rig({ fast, ...many(20, slow) });
    poller.start();
    await clock.advance(100_000);
    // Between two fast readings there is room for two slow ones, never for a third.
    const gaps = times("fast").map((at, i, all) => at - (all[i - 1] ?? at));
    expect(Math.max(...gaps)).toBeLessThan(2000);
    expect(times("m7").length).toBeGreaterThanOrEqual(10);
    expect(poller.overruns).toBe(0);
    expect(overlaps()).toBe(0);
    await poller.stop();
  });

  test("that cannot be kept are missed by all alike: the overdue starve nobody", async () => {
    const fast = { bus: "rs485", takes: 100, interval: 1000 };
    const slow = { bus: "rs485", takes: 100, interval: 20_000 };
    const { clock, poller, times } = rig({ ...many(30, fast), slow });
    poller.start();
    await clock.advance(200_000);
    // The fast ones get a third of their beats, the slow one half.
    expect(times("slow").length).toBeGreaterThanOrEqual(5);
    const counts = Array.from({ length: 30 }, (_, i) => times(`m${i}`).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    await poller.stop();
  });
});

describe("phases", () => {
  test("first readings come at once, later ones spread over the interval", async () => {
    const devices = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`m${i}`, { bus: `b${i % 20}`, interval: 10_000 }]),
    );
    const { clock, poller, started } = rig(devices);
    poller.start();
    await clock.advance(0);
    expect(started).toHaveLength(100);
    await clock.advance(25_000);
    const seconds = Map.groupBy(
      started.filter(({ at }) => at >= 15_000),
      ({ at }) => Math.floor(at / 1000),
    );
    for (const [, reads] of seconds) expect(reads.length).toBeLessThanOrEqual(16);
    for (const id of Object.keys(devices)) {
      const beats = started.filter((one) => one.id === id).map(({ at }) => at);
      expect((beats[1] ?? 0) / 10_000).toBeGreaterThanOrEqual(0.5);
      expect((beats[1] ?? 0) / 10_000).toBeLessThanOrEqual(1.5);
      expect((beats[2] ?? 0) - (beats[1] ?? 0)).toBeCloseTo(10_000, 6);
      expect(beats.length).toBeLessThanOrEqual(4);
    }
    await poller.stop();
  });
});

describe("a bus of several readers", () => {
  test("reads as many devices at once as all of them bear, no device twice", async () => {
    const wide = { bus: "tcp", takes: 100, width: 4 };
    const devices = { ...many(9, wide), narrow: { ...wide, width: 3 } };
    const { clock, poller, started, times, most } = rig(devices);
    poller.start();
    await clock.advance(300);
    expect(started).toHaveLength(10);
    await clock.advance(9700);
    expect(most()).toBe(3);
    for (const id of Object.keys(devices)) {
      const gaps = times(id).map((at, i, all) => at - (all[i - 1] ?? at - 1000));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
      expect(times(id).length).toBeGreaterThanOrEqual(10);
    }
    await poller.stop();
    expect(clock.timers).toBe(0);
  });
});

describe("a device that fell silent", () => {
  test("costs one full wait, then short questions; it is read once it answers", async () => {
    let dead = true;
    const meter = { bus: "rs485", takes: 1000, probe: 100, dead: () => dead };
    const { clock, poller, times, probed, read } = rig({ meter });
    poller.start();
    await clock.advance(300_000);
    expect(times("meter")).toEqual([0]);
    const gaps = probed.map((at, i) => at - (probed[i - 1] ?? at));
    expect(probed.length).toBeLessThan(25);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(32_000);
    dead = false;
    await clock.advance(32_000);
    expect(read.length).toBeGreaterThan(0);
    expect(times("meter")[1]).toBe((probed.at(-1) ?? 0) + 100);
    await poller.stop();
  });

  test("its slow groups come with the next reading, not with their own beat", async () => {
    let reads = 0;
    const dead = (): boolean => {
      reads += 1;
      return reads === 1;
    };
    const groups = [
      { name: "default", every: undefined },
      { name: "slow", every: 3_600_000 },
    ];
    const { clock, poller, started } = rig({ a: { groups, dead } });
    poller.start();
    await clock.advance(2500);
    expect(started.map((one) => one.groups.join("+"))).toEqual([
      "default+slow",
      "default+slow",
      "default",
    ]);
    await poller.stop();
  });

  test("and is read but seldom is tried again within a minute, and keeps its beat", async () => {
    let reads = 0;
    const dead = (): boolean => {
      reads += 1;
      return reads === 2;
    };
    const { clock, poller, times } = rig({ a: { interval: 3_600_000, dead } });
    poller.start();
    await clock.advance(10_000_000);
    expect(times("a")).toEqual([0, 3_600_000, 3_660_000, 7_200_000]);
    await poller.stop();
  });

  test("a way that broke is tried often, and once it is there all come back", async () => {
    let gone = true;
    const behaviour = {
      bus: "usb",
      interval: 5000,
      probe: 100,
      code: "E_SERIAL_MISSING" as const,
      dead: () => gone,
    };
    const { clock, poller, probed, read } = rig({ ...many(20, behaviour), far: {} });
    poller.start();
    await clock.advance(3_600_000);
    const before = read.length;
    gone = false;
    await clock.advance(10_000);
    const back = new Set(read.slice(before));
    expect(back.size).toBe(21);
    expect(probed).toEqual([]);
    await poller.stop();
  });
});
