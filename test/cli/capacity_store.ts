/** A store with made days of the room in docs/capacity.md, by the embedded engine. */
import { join } from "node:path";
import { openStore, storeOptions } from "../../store/index.ts";
import { v } from "../../config/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { realPlatform } from "../store/rig.ts";

const minute = 60_000;
const day = 86_400_000;

/** The first of March 2025, a Saturday; 28 days. */
const begin = Date.UTC(2025, 2, 1);
const days = 28;

/** Watts of each PDU: a day's cycle, weekends, and what grows. */
const loads: Readonly<Record<string, (time: number) => number>> = {
  "meter-1a": (time) => 0.8 * growing(time),
  "meter-1b": (time) => 1.2 * growing(time),
  "meter-2a": (time) => 2000 + cycle(time) + daily(time),
  "meter-2b": (time) => 2100 + cycle(time) + daily(time),
  "meter-3a": (time) => 900 + noise(time),
};

function cycle(time: number): number {
  const hour = (time % day) / 3_600_000;
  const weekend = [0, 6].includes(new Date(time).getUTCDay()) ? 200 : 0;
  return 300 * Math.sin((2 * Math.PI * (hour - 9)) / 24) - weekend;
}

function growing(time: number): number {
  return 900 + (15 * (time - begin)) / day + cycle(time) / 3 + daily(time);
}

/** No machine draws the same twice: up to 40 W, the same in every run. */
function noise(time: number): number {
  return 40 * Math.sin((time / 300_000) * 12.9898) * Math.cos((time / 300_000) * 78.233);
}

/** Some days are busier than others. */
function daily(time: number): number {
  return 2 * noise(Math.floor(time / day) * 300_000);
}

/** `meter-3b` has spoken on the last day alone. */
function* linesOf(): Generator<Line> {
  for (let time = begin; time < begin + days * day; time += 5 * minute) {
    for (const [device, watts] of Object.entries(loads)) yield lineOf(device, time, watts(time));
    if (time >= begin + (days - 1) * day) yield lineOf("meter-3b", time, 950);
  }
}

function lineOf(device: string, time: number, watts: number): Line {
  const tags = { region: "local", org: "main", site: "lab", device, feed: "inlet1" };
  const apparent = watts / 0.95;
  const fields = { active_power_w: watts, apparent_power_va: apparent, q: 0 };
  return { measurement: "rack_power", tags, fields, time };
}

export async function fillStore(folder: string): Promise<void> {
  const path = join(folder, "store.sqlite");
  const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
  await using store = await openStore(options, realPlatform());
  const signal = new AbortController().signal;
  let batch: Line[] = [];
  for (const line of linesOf()) {
    batch.push(line);
    if (batch.length < 5000) continue;
    await store.write(batch, signal);
    batch = [];
  }
  await store.write(batch, signal);
}
