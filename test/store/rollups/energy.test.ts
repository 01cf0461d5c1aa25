/**
 * Energy is exact: from a meter's registers, over rollovers, resets, swaps, gaps and restarts of
 * the agent, through rows that come late, twice and in any order, the rises of the windows add up
 * to the true energy at the readings' ends, wherever one cuts.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unwrapper } from "../../../drivers/unwrap.ts";
import { rise } from "../../../store/rollups/gather.ts";
import type { Line } from "../../../telemetry/index.ts";
import { rollupNames, rollupWindows } from "../../../telemetry/index.ts";
import { Chance } from "../../voyage/chance.ts";
import { World } from "./world.ts";

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 10);
const range = 65_536;
/** Counts a second of the first two readings: what the meter is known to manage. */
const pace = 20;

type Event = "count" | "reset" | "swap";
const kinds: fc.Arbitrary<Event> = fc.constantFrom("count", "count", "count", "reset", "swap");

interface Step {
  readonly kind: Event;
  /** How much of what is possible. */
  readonly part: number;
  /** Since the reading before. @unit s */
  readonly gap: number;
  readonly restart: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: kinds,
  part: fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000),
  gap: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 600, max: 20_000 })),
  restart: fc.boolean(),
});

interface Reading {
  readonly time: number;
  readonly raw: number;
  /** True energy since the first reading. */
  readonly energy: number;
}

/** What the meter shows, and what was truly used. */
function historyOf(first: number, steps: readonly Step[]): readonly Reading[] {
  const readings: Reading[] = [
    { time: start, raw: first, energy: 0 },
    { time: start + 1000, raw: first + pace, energy: pace },
  ];
  for (const { kind, part, gap } of steps) {
    const last = readings.at(-1) ?? { time: start, raw: 0, energy: 0 };
    const time = last.time + gap * 1000;
    const used = Math.floor(part * Math.min(pace * gap, range / 4));
    const fallen = shownAfterFall(kind, last.raw, { used, gap, part });
    if (fallen === undefined) {
      const raw = (last.raw + used) % range;
      readings.push({ time, raw, energy: last.energy + used });
    } else {
      readings.push({ time, raw: fallen, energy: last.energy + (kind === "reset" ? used : 0) });
    }
  }
  return readings;
}

/** A reset or swap that can be told for what it is; undefined: the meter goes on. */
function shownAfterFall(
  kind: Event,
  before: number,
  { used, gap, part }: { used: number; gap: number; part: number },
): number | undefined {
  // A fall from the last quarter of the range may look like a rollover.
  if (before >= (3 * range) / 4) return undefined;
  const highest = before - 1;
  if (kind === "reset" && used <= highest) return used;
  const lowest = 2 * pace * gap + 1;
  if (kind === "swap" && lowest <= highest) return lowest + Math.floor(part * (highest - lowest));
  return undefined;
}

/** The rows that the agent publishes; `restart` says where it forgets all but what it keeps. */
function rowsOf(readings: readonly Reading[], restarts: readonly boolean[]): Line[] {
  let unwrapper = new Unwrapper(16);
  return readings.map(({ time, raw }, index) => {
    if (restarts[index] === true) unwrapper = new Unwrapper(16, unwrapper.state);
    const count = Number(unwrapper.next(BigInt(raw), time));
    const fields = { import_wh_total: count, q: 0 };
    return { measurement: "energy_meter", tags: { device: "a" }, fields, time };
  });
}

function shuffled<T>(items: readonly T[], chance: Chance): T[] {
  return items
    .map((item) => ({ item, key: chance.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

async function sail(rows: readonly Line[], seed: number): Promise<World> {
  const chance = new Chance(seed);
  const now = (rows.at(-1)?.time ?? start) + hour;
  const world = new World(chance, now);
  world.rows.sumsRises = seed % 2 === 0;
  world.weather = { death: 0.005, trouble: 0.05 };
  const twice = rows.filter(() => chance.chance(0.2));
  const waiting = shuffled([...rows, ...twice], chance);
  while (waiting.length > 0) {
    await world.store(waiting.splice(0, chance.whole(1, 10)));
    await world.pass(chance.whole(0, 2000));
  }
  await world.rest();
  return world;
}

describe("energy", () => {
  it("adds up to the truth over any windows", async () => {
    const steps = fc.array(step, { minLength: 1, maxLength: 30 });
    const first = fc.constantFrom(0, 30_000, 50_000, 65_000);
    await fc.assert(
      fc.asyncProperty(first, steps, fc.nat(1_000_000), async (shown, given, seed) => {
        const readings = historyOf(shown, given);
        const restarts = [false, false, ...given.map(({ restart }) => restart)];
        const world = await sail(rowsOf(readings, restarts), seed);
        for (const name of rollupNames) {
          let sum = 0;
          // Each prefix being right, so is what lies between any two cuts.
          for (const { fields, time } of world.rows.of(`energy_meter_${name}`)) {
            sum += Number(fields["delta_import_wh_total"]);
            const end = time + rollupWindows[name];
            expect(sum).toBe(readings.findLast((reading) => reading.time < end)?.energy);
          }
          expect(sum).toBe(readings.at(-1)?.energy);
        }
      }),
      { numRuns: 50 },
    );
  }, 240_000);

  it("is never negative, and a fall counts only where a counter begins again at 0", () => {
    expect([rise(5, 9, false), rise(9, 5, false), rise(9, 5, true)]).toEqual([4, 0, 5]);
  });
});
