/** What stored rules make of a window: each measure by examples, over rows as stores give them. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answeredOf, queriesOf } from "../../alerts/answers.ts";
import { compile } from "../../alerts/groups.ts";
import { TestRows } from "../../alerts/replay/rows.ts";
import type { StoredRule } from "../../alerts/index.ts";
import type { Compiled } from "../../alerts/groups.ts";
import { parseRules } from "./rig.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = Date.UTC(2026, 2, 10, 12);
const device = { region: "local", org: "main", site: "hall1", device: "a" };

function storedRule(keys: string): Compiled<StoredRule> {
  const rules = parseRules(`r: {about: x, on: stored, ${keys}}`);
  const { r: rule } = rules;
  if (rule?.kind !== "stored") throw new Error("not a stored rule");
  return compile("r", rule);
}

interface Sample {
  /** Before now. @unit ms */
  readonly ago: number;
  readonly fields: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
}

async function judged(keys: string, samples: readonly Sample[]) {
  const compiled = storedRule(keys);
  const { measurement } = compiled.rule;
  const rows = new TestRows();
  for (const { ago, fields, tags = {} } of samples) {
    rows.add({ measurement, tags: { ...device, ...tags }, fields, time: now - ago });
  }
  const answers = await Promise.all(queriesOf(compiled, now).map((query) => rows.query(query)));
  return answeredOf(compiled, answers);
}

async function valueOf(keys: string, samples: readonly Sample[]): Promise<number | undefined> {
  const answers = await judged(keys, samples);
  return answers[0]?.value;
}

/** A value each minute, the last of them a minute ago. */
function eachMinute(values: readonly number[], q = 0): Sample[] {
  return values.map((temp_c, i) => ({
    ago: (values.length - i) * minute,
    fields: { temp_c, q },
  }));
}

const thermal = "measurement: thermal, field: temp_c, by: [device], above: 1";
const ramp = Array.from({ length: 15 }, (_, i) => 20 + i / 10);

describe("a stored rule", () => {
  it("judges how fast a value rises, whatever one row says", async () => {
    expect(await valueOf(`${thermal}, as: rate`, eachMinute(ramp))).toBeCloseTo(6);
    expect(await valueOf(`${thermal}, as: rate, per: 1m`, eachMinute(ramp))).toBeCloseTo(0.1);
    const wild = ramp.with(4, 900);
    expect(await valueOf(`${thermal}, as: rate`, eachMinute(wild))).toBeCloseTo(6, 0);
  });

  it("tells no rate of two values", async () => {
    expect(await judged(`${thermal}, as: rate`, eachMinute([20, 25]))).toEqual([]);
  });

  it("sees a sensor that is stuck, once there are three rows", async () => {
    const stuck = `${thermal}, as: spread`;
    expect(await valueOf(stuck, eachMinute([21, 21, 21]))).toBe(0);
    expect(await valueOf(stuck, eachMinute([21, 21.5, 20]))).toBe(1.5);
    expect(await judged(stuck, eachMinute([21, 21]))).toEqual([]);
  });

  it("counts how often a value changes", async () => {
    const flapping = `${thermal}, as: changes`;
    expect(await valueOf(flapping, eachMinute([1, 0, 1, 1, 0]))).toBe(3);
    expect(await valueOf(flapping, eachMinute([5, 5, 5]))).toBe(0);
  });

  it("counts rows of bad quality", async () => {
    const samples = [...eachMinute([1, 2, 3]), { ago: 30_000, fields: { temp_c: 9, q: 3 } }];
    expect(await valueOf(`${thermal}, as: bad`, samples)).toBe(25);
    expect(await valueOf(`${thermal}, as: bad`, eachMinute([1, 2], 4))).toBe(100);
  });

  it("holds an hour against the same hour of past days", async () => {
    const past = [30, 31, 32, 70].map((temp_c, i) => ({
      ago: (i + 1) * day + minute,
      fields: { temp_c },
    }));
    const today = { ago: 10 * minute, fields: { temp_c: 40 } };
    const unusual = `${thermal}, as: deviation`;
    expect(await valueOf(unusual, [...past, today])).toBe(8.5);
    expect(await judged(unusual, [...past.slice(0, 2), today])).toEqual([]);
  });

  it("forecasts when a limit is passed, in hours", async () => {
    const full = "measurement: thermal, field: temp_c, by: [device], as: forecast, within: 4h";
    const rising = Array.from({ length: 60 }, (_, i) => 80 + i / 30);
    expect(await valueOf(`${full}, above: 100`, eachMinute(rising))).toBeCloseTo(9, 0);
    expect(await valueOf(`${full}, above: 81`, eachMinute(rising))).toBe(0);
    expect(await valueOf(`${full}, below: 10`, eachMinute(rising))).toBe(8760);
    const falling = rising.toReversed();
    expect(await valueOf(`${full}, below: 70`, eachMinute(falling))).toBeCloseTo(5, 0);
  });

  it("joins series before it reckons, and tells groups apart", async () => {
    const rack = (device: string, phase: string, fields: Sample["fields"], name: string) => ({
      ago: minute,
      fields,
      tags: { device, phase, rack: name },
    });
    const samples = [
      rack("a", "L1", { active_power_w: 100, apparent_power_va: 100 }, "r1"),
      rack("a", "L2", { active_power_w: 0, apparent_power_va: 300 }, "r1"),
      rack("b", "L1", { active_power_w: 100, apparent_power_va: 100 }, "r1"),
      rack("c", "L1", { active_power_w: 50, apparent_power_va: 100 }, "r2"),
    ];
    const power = 'measurement: rack_phase, expr: "active_power_w / apparent_power_va"';
    expect(await judged(`${power}, below: 0.5, join: sum, by: [rack]`, samples)).toEqual([
      { tags: { rack: "r1" }, value: 0.4 },
      { tags: { rack: "r2" }, value: 0.5 },
    ]);
    expect(await judged(`${power}, below: 0.5, join: min, by: [device]`, samples)).toMatchObject([
      { tags: { device: "a" }, value: 0 },
      { tags: { device: "b" }, value: 1 },
      { tags: { device: "c" }, value: 0.5 },
    ]);
  });

  it("never asks for more than 61 pieces, however long its window is", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("rate", "changes", "forecast, within: 1h"),
        fc.integer({ min: 1, max: 31 * 86_400 }),
        fc.integer({ min: 0, max: day }),
        (measure, seconds, offset) => {
          const rule = storedRule(`${thermal}, as: ${measure}, window: ${seconds}s`);
          for (const { from, to, every = 1 } of queriesOf(rule, now + offset)) {
            expect((to - from) / every).toBeLessThanOrEqual(60);
          }
        },
      ),
    );
  });
});
