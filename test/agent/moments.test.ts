/** Two readings of one device never have the same moment: in the store they would be one row. */
import { describe, expect, test } from "vitest";
import { Agent, agentOptions } from "../../agent/index.ts";
import { momentAfter } from "../../agent/moments.ts";
import { v } from "../../config/index.ts";
import type { Session } from "../../drivers/index.ts";
import { sleep } from "../../telemetry/index.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../virtual.ts";

test("readings of one ms are moved on; a clock that jumps back is believed", () => {
  const given = [1000, 1000, 1000, 1001, 1002, 1003, 1020, 500];
  const moments: number[] = [];
  for (const answered of given) moments.push(momentAfter(moments.at(-1), answered));
  expect(moments).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1020, 500]);
});

const address = { region: "local", org: "main", site: "s", class: "power", device: "m" };

/** Runs an agent with one device, whose reads take the times given, then none. */
async function momentsOf(takes: readonly number[], ms: number, interval: number) {
  const clock = new VirtualClock();
  const log = new KeptLog();
  const left = [...takes];
  const session: Session = {
    groups: [{ name: "all", every: undefined }],
    async read(_groups, signal) {
      await sleep(clock, left.shift() ?? 0, signal);
      return { points: [{ measurement: "ups", fields: { load_pct: 1, q: 0 } }], faults: [] };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const described = { address, place: {}, driver: "sim", interval, busKey: "m", session };
  const setup = {
    options: v.parse(agentOptions, { health: "1h" }),
    site: address,
    devices: [{ ...described, profile: undefined, vendor: undefined, model: undefined }],
    disk: new MemoryDisk(),
    connect: () => ({
      publish: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
    vitals: () => ({ rss: 0, loopDelay: 0 }),
  };
  // Beats of the poller and milliseconds of the wall clock seldom coincide.
  await clock.advance(0.5);
  const starting = Agent.start(setup, { clock, entropy: new SeededEntropy(1), log });
  await clock.advance(1);
  const agent = await starting;
  await clock.advance(ms);
  const ending = agent[Symbol.asyncDispose]();
  await clock.advance(1000);
  await ending;
  const spooled = log.entries.filter(({ event }) => event === "batch spooled");
  return spooled.flatMap(({ fields }) => {
    return fields?.["kind"] === "telemetry" ? [Number(fields["time"])] : [];
  });
}

describe("two readings in one millisecond", () => {
  test("of a starved machine are two rows", async () => {
    // The first read ends just before the next is due, and both in one millisecond.
    const times = await momentsOf([99.9], 400, 100);
    expect(times.length).toBeGreaterThan(3);
    expect(new Set(times).size).toBe(times.length);
  });

  test("and what comes after them stays in order", async () => {
    const times = await momentsOf([0.9, 0.9, 0.9, 0.1, 0.1], 30, 1);
    expect(new Set(times).size).toBe(times.length);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});
