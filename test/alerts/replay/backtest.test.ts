/**
 * A backtest gives the transitions that the live engine gave: a simulated day in the embedded
 * store, judged once as a hub does and once afterwards. And its sums: episodes, load, flapping.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ExpectedDevice, Transition } from "../../../alerts/index.ts";
import { backtest, openAlerts } from "../../../alerts/index.ts";
import { v } from "../../../config/index.ts";
import type { Store } from "../../../store/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { Clock, UnnumberedBatch } from "../../../telemetry/index.ts";
import { linesOf } from "../../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, settle, silentLog, VirtualClock } from "../../virtual.ts";
import { deviceNamed, hub, parseRules } from "../rig.ts";

/** The engine's thread lives in real time. */
const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

const start = Date.UTC(2026, 10, 1);
const day = 86_400_000;
const minute = 60_000;
const { signal } = new AbortController();

const rules = parseRules(`
hot: { about: x, measurement: thermal, field: temp_c, above: 27, clear: 26, for: 3m, keep: 2m }
rack-hot: { about: x, measurement: thermal, field: temp_c, above: 28, by: [rack] }
cold: { about: x, measurement: thermal, field: temp_c, below: 21, where: { sensor: inlet } }
silent: { about: x, measurement: thermal, absent: 5m, keep: 90s }
ups-silent: { about: x, measurement: ups, absent: 10m }
overload: { about: x, measurement: ups, field: load_pct, above: 70, for: 5m }
mean-hot:
  { about: x, on: stored, measurement: thermal, field: temp_c, above: 26.5, window: 15m, every: 2m }
few-rows:
  about: x
  on: stored
  measurement: ups
  field: load_pct
  aggregate: count
  below: 8
  window: 10m
  every: 5m
`);

const devices = ["a", "b", "c"].map((name, i) => ({
  address: deviceNamed(name),
  place: { rack: i === 0 ? "r1" : "r2" },
}));
const ups = { address: deviceNamed("ups-1", "power"), place: {} };
const expected: readonly ExpectedDevice[] = [
  ...devices.map((device) => ({ ...device, measurements: ["thermal"] })),
  { ...ups, measurements: ["ups"] },
  { address: deviceNamed("never"), place: {}, measurements: ["thermal"] },
];

/** A day of three racks and a UPS, in order of time: walks, gaps of minutes, doubtful values. */
function simulatedDay(): UnnumberedBatch[] {
  const entropy = new SeededEntropy(7);
  const sources = [...devices, ups].map((origin) => ({ origin, value: 25, quiet: 0 }));
  const batches: UnnumberedBatch[] = [];
  for (let time = start; time < start + day; time += minute) {
    for (const [i, source] of sources.entries()) {
      source.value += (25 - source.value) * 0.02 + (entropy.random() - 0.5) * 1.5;
      source.quiet = entropy.random() < 0.005 ? 15 : source.quiet - 1;
      if (source.quiet > 0) continue;
      const q = entropy.random() < 0.05 ? 2 : 0;
      const isUps = source.origin === ups;
      const point = isUps
        ? { measurement: "ups", tags: {}, fields: { load_pct: source.value * 2.5, q } }
        : {
            measurement: "thermal",
            tags: { sensor: "inlet" },
            fields: { temp_c: source.value, q },
          };
      const at = time + i * 7003 + 1;
      batches.push({ ...source.origin, kind: "telemetry", time: at, points: [point], faults: [] });
    }
  }
  return batches;
}

async function openEmbedded(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "backtest-"));
  const entropy = new SeededEntropy();
  const options = v.parse(storeOptions, {
    engine: "sqlite",
    path: join(folder, "points.sqlite"),
    retention: "20000d",
  });
  const store = await openStore(options, { clock: realClock, entropy, log: silentLog });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  return store;
}

/** What a hub tells of batches that come in as they are read. */
async function liveTransitions(store: Store, batches: readonly UnnumberedBatch[]) {
  const told: Transition[] = [];
  const open = new Set<unknown>();
  const settling = async (): Promise<void> => {
    do await settle();
    while (open.size > 0);
  };
  const clock = new VirtualClock(start, settling);
  const asking: Pick<Store, "query" | "write"> = {
    write: (lines) => Promise.resolve({ accepted: lines.length, rejected: [] }),
    query: (query, given) => {
      open.add(query);
      return store.query(query, given).finally(() => open.delete(query));
    },
  };
  const parts = { rules, expected, hub, store: asking, disk: new MemoryDisk() };
  const alerts = await openAlerts(
    {
      ...parts,
      publish: () => Promise.resolve(),
      notify: (transition) => void told.push(transition),
    },
    { clock, entropy: new SeededEntropy(), log: silentLog },
  );
  for (const batch of batches) {
    await clock.advance(batch.time - clock.now());
    alerts.observe(batch);
  }
  await clock.advance(start + day - clock.now());
  await clock.advance(1000);
  await alerts[Symbol.asyncDispose]();
  return told.filter(({ time }) => time <= start + day);
}

describe("a backtest of a simulated day", () => {
  it("gives the transitions that the live engine gave", { timeout: 120_000 }, async () => {
    const store = await openEmbedded();
    const batches = simulatedDay();
    await store.write(batches.flatMap(linesOf), signal);
    const live = await liveTransitions(store, batches);
    const again: Transition[] = [];
    const stretch = { from: start, to: start + day };
    const result = await backtest(
      { rules, expected, hub, store, stretch, log: silentLog, told: (one) => void again.push(one) },
      signal,
    );
    expect(new Set(live.map(({ rule }) => rule))).toEqual(new Set(Object.keys(rules)));
    expect(live.length).toBeGreaterThan(200);
    expect(again.map(textOf).toSorted()).toEqual(live.map(textOf).toSorted());
    expect(result.rows).toBe(batches.length);
    const fired = live.filter(({ to, from }) => to === "firing" && from !== "unknown");
    expect(result.episodes).toHaveLength(fired.length);
    expect(result.load.alerts).toBe(fired.length);
    for (const { rule, peak, threshold, since, until } of result.episodes) {
      const below = rule === "cold" || rule === "few-rows";
      expect([rule, below ? (peak ?? 99) < threshold : (peak ?? 0) >= threshold]).toEqual([
        rule,
        true,
      ]);
      expect(until ?? Infinity).toBeGreaterThanOrEqual(since);
    }
  });
});

function textOf({ time, rule, from, to, tags, value }: Transition): string {
  return `${time} ${rule} ${from}->${to} ${JSON.stringify(tags)} ${value}`;
}
