/**
 * Bench: what 5 dead devices of 40 cost those that live on the same line, at 9600 and 19200 baud,
 * with a timeout of 1 s and an interval of 5 s. Real poller, sessions and line; the wire is
 * simulated to the character, under virtual time. The cycle is the time from one reading of a
 * device to the next, on a line with more to read than fits its interval; its mean over the ten
 * minutes after five devices fell silent at once, the first wait for them included, or of five
 * that never answered. Where it all fits, no reading of the others may be lost.
 */
import { profiles } from "../config/profiles.gen.ts";
import type { DeadLineSetup } from "./dead-line.ts";
import { DeadLine } from "./dead-line.ts";
import { rounded } from "./processes.ts";

const devices = 40;
const deadUnits = [3, 11, 19, 27, 35];
/** @unit ms */
const common = { devices, interval: 5000, timeout: 1000, think: 20 };
const settling = 60_000;
const watched = 600_000;

/** What a three-phase meter shows on its display, in one block of 30 registers: 40 fit into 5 s. */
const light = {
  id: "light",
  vendor: "Bench",
  model: "Light",
  class: "power",
  driver: "modbus",
  sources: ["written for this bench"],
  confidence: "high",
  header: { table: "input", type: "float32", even: true },
  points: ["L1", "L2", "L3"].map((phase, at) => ({
    measurement: "meter_phase",
    tags: { phase },
    fields: {
      voltage_v: { at: 2 * at },
      current_a: { at: 6 + 2 * at },
      active_power_w: { at: 12 + 2 * at },
      reactive_power_var: { at: 18 + 2 * at },
      power_factor_ratio: { at: 24 + 2 * at },
    },
  })),
};

/** By what 40 of them take: less than 5 s, and more. */
const loads = { fits: light, overfull: profiles["eastron-sdm630"] } as const;

export async function run(): Promise<unknown> {
  const cases: Record<string, Awaited<ReturnType<typeof measure>>> = {};
  for (const baud of [9600, 19_200] as const) {
    for (const [load, profile] of Object.entries(loads)) {
      cases[`${baud} ${load}`] = await measure({ ...common, baud, profile });
    }
  }
  const found = Object.values(cases);
  const ratio = Math.max(...found.map((one) => one.cycle_ratio));
  return {
    bench: "dead-devices",
    ours: ratio,
    peer: 1,
    ratio,
    unit: "cycle with 5 of 40 dead ÷ cycle of a healthy line",
    goal: 1.15,
    time: "virtual",
    readings_lost: found.reduce((sum, one) => sum + one.lost, 0),
    ...common,
    cases,
  };
}

async function measure(setup: DeadLineSetup) {
  const healthy = await poll(setup, []);
  const dying = await poll(setup, deadUnits);
  const born = await poll(setup, deadUnits, 0);
  return {
    cycle_ms: rounded(healthy.cycle),
    cycle_ratio: rounded(Math.max(dying.cycle, born.cycle) / healthy.cycle),
    /** Of devices that never answered. */
    never_answered_ratio: rounded(born.cycle / healthy.cycle),
    longest_ratio: rounded(dying.longest / healthy.cycle),
    line_busy: rounded(healthy.busy),
    line_busy_with_dead: rounded(dying.busy),
    /** Beats of the others left out that a healthy line keeps. */
    lost: Math.max(0, dying.lost - healthy.lost, born.lost - healthy.lost),
    first_back_ms: rounded(dying.back),
  };
}

/** Lets all live for a while, then some die, then come back. */
async function poll(setup: DeadLineSetup, dying: readonly number[], after = settling) {
  const line = new DeadLine(setup);
  const { clock } = line;
  line.poller.start();
  await clock.advance(after);
  for (const unit of dying) line.dead.add(unit);
  await clock.advance(settling - after);
  const busyBefore = line.busy;
  await clock.advance(watched);
  const busy = (line.busy - busyBefore) / watched;
  const lost = line.poller.overruns;
  const gaps: number[] = [];
  for (const [unit, times] of line.read) {
    if (deadUnits.includes(unit)) continue;
    const seen = times.filter((time) => time >= Math.min(after, settling - setup.interval));
    for (const [index, time] of seen.entries()) gaps.push(time - (seen[index - 1] ?? time));
  }
  const between = gaps.filter((gap) => gap > 0);
  const revived = clock.monotonic();
  line.dead.clear();
  await clock.advance(2 * settling);
  await line.poller.stop();
  const back = dying.map((unit) => line.read.get(unit)?.find((time) => time > revived) ?? Infinity);
  return {
    cycle: between.reduce((sum, gap) => sum + gap, 0) / between.length,
    longest: Math.max(...between),
    lost,
    busy,
    back: Math.max(0, ...back.map((time) => time - revived)),
  };
}
