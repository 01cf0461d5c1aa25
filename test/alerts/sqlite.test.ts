/** A stored rule against the embedded engine: the question and the row are understood there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { openAlerts } from "../../alerts/index.ts";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import { linesOf } from "../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";
import { deviceNamed, hub, parseRules } from "./rig.ts";

const rules = parseRules(`rack-hot:
  about: Rack inlet too hot for minutes
  on: stored
  measurement: thermal
  field: temp_c
  where: {sensor: inlet}
  above: 27
`);

/** The engine's thread lives in real time. */
const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

const patient = { timeout: 10_000 };

it("judges what the embedded engine answers, and keeps its rows there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "alerts-"));
  const entropy = new SeededEntropy();
  const options = v.parse(storeOptions, { engine: "sqlite", path: join(folder, "points.db") });
  onTestFinished(() => rm(folder, { recursive: true }));
  await using store = await openStore(options, { clock: realClock, entropy, log: silentLog });
  const clock = new VirtualClock(Date.now());
  const told: string[] = [];
  await using alerts = await openAlerts(
    {
      rules,
      expected: [{ address: deviceNamed("a"), place: { rack: "r1" }, measurements: ["thermal"] }],
      hub,
      store,
      disk: new MemoryDisk(),
      publish: () => Promise.resolve(),
      notify: ({ from, to, value, tags }) =>
        told.push(`${from}->${to} ${value} ${Object.values(tags).join()}`),
    },
    { clock, entropy, log: silentLog },
  );
  const { signal } = new AbortController();
  const points = [26, 30].map((temp_c, i) => ({
    measurement: "thermal",
    tags: { sensor: "inlet" },
    fields: { temp_c: temp_c + i, q: i },
  }));
  for (const [i, point] of points.entries()) {
    const batch = { kind: "telemetry", address: deviceNamed("a"), place: {}, faults: [] } as const;
    await store.write(linesOf({ ...batch, time: clock.now() + i, points: [point] }), signal);
  }
  await clock.advance(30_000);
  await vi.waitFor(async () => {
    await clock.advance(10);
    expect(told).toEqual(["inactive->firing 28.5 a,inlet"]);
  }, patient);
  expect(alerts.firing()).toMatchObject({ firing: 1, blind: [] });
  await vi.waitFor(async () => {
    const query = {
      measurement: "alert_event",
      fields: ["alert_state"],
      aggregate: "last",
    } as const;
    const span = { from: clock.now() - 3_600_000, to: clock.now() + 1 };
    const [series] = await store.query({ ...query, ...span, groupBy: ["device", "rule"] }, signal);
    expect(series?.tags).toEqual({ device: "a", rule: "rack-hot" });
    expect(series?.rows[0]?.values).toEqual({ alert_state: 2 });
  }, patient);
});
