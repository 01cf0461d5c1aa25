/** Two hours without a link, and one with a spool that is too small for it. */
import { expect, test } from "vitest";
import { inChunk, sailOutage } from "./outage.ts";
import { reportOf } from "./report.ts";

const hour = 3_600_000;
const MiB = 1024 ** 2;

test("two hours drain at five times the live rate, and live hardly notices", async () => {
  const result = await sailOutage({ outage: 2 * hour, meters: 40, seed: 1 });
  const report = reportOf(result, 1024 * MiB);
  expect(report.failing).toEqual([]);
  expect(report).toMatchObject({ fits: true, missing: 0, doubled: 0 });
  expect(report.queued).toBeGreaterThan(57_000);
}, 300_000);

test("a spool that is too small sheds the oldest telemetry, no event, and counts it", async () => {
  const result = await sailOutage({ outage: hour, meters: 40, seed: 2, spool: 24 * MiB });
  const report = reportOf(result, 24 * MiB);
  expect(report.failing).toEqual([]);
  expect(report.shed).toMatchObject({ disk: 0, damaged: 0, large: 0 });
  expect(report.shed.full).toBeGreaterThan(10_000);
  // Forty at the start, and some during the outage.
  expect(report.events).toBeGreaterThan(44);
  // With the readings go the agent's own reports, one in ten seconds.
  expect(report.missing).toBeLessThanOrEqual(report.shed.full);
  expect(report.missing).toBeGreaterThan(report.shed.full - inChunk - 400);
}, 300_000);
