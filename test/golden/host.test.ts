/**
 * Golden machines: `device/poll-N.txt` are recordings ten seconds apart, `expected.lp` what the
 * polls give as line protocol, `expected.err` their faults; `options.json` and `smartctl/` (see
 * recording.ts) where a case has them. `npx vitest -u` rewrites.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fieldFacts, isRecord, problemOf } from "../../telemetry/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { hostDriver } from "../../drivers/host/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";
import { asOrdinaryUser, RecordedRoot } from "../drivers/host/recording.ts";

const folder = join(import.meta.dirname, "drivers/host");
const start = 1_763_892_000_000;
const never = new AbortController().signal;

/** A row of line protocol; tags and fields as the point has them. */
function lineOf({ measurement, tags = {}, fields }: Point, time: number): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    const integer = fieldFacts(measurement, field)?.type === "integer";
    return `${field}=${value}${integer ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")} ${time}`;
}

async function replay(subject: string): Promise<{ lines: string; faults: string }> {
  await using root = await RecordedRoot.create();
  const clock = new VirtualClock(start);
  const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
  await using driver = hostDriver.create(context);
  const options = { ...(await optionsOf(subject, root)), root: root.path };
  const target = { id: "host", options, profile: undefined };
  await using session = await driver.open(target);
  const lines: string[] = [];
  const faults: string[] = [];
  const device = join(folder, subject, "device");
  for (const file of (await readdir(device)).toSorted()) {
    await root.apply(await readFile(join(device, file), "utf8"));
    const groups = session.groups.map(({ name }) => name);
    const reading = await asOrdinaryUser(() => session.read(groups, never));
    expect(reading.points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    lines.push(...reading.points.map((point) => `${lineOf(point, clock.now())}\n`));
    faults.push(...reading.faults.map(({ code, at }) => `${file} ${code} ${at}\n`));
    await clock.advance(10_000);
  }
  return { lines: lines.join(""), faults: faults.join("") };
}

async function optionsOf(subject: string, root: RecordedRoot): Promise<object> {
  const text = await readFile(join(folder, subject, "options.json"), "utf8").catch(() => "{}");
  const options: unknown = JSON.parse(text);
  const recordings = join(folder, subject, "smartctl");
  const has = (await readdir(join(folder, subject))).includes("smartctl");
  return {
    ...(isRecord(options) ? options : {}),
    ...(has && { smartctl: await root.smartctl(recordings) }),
  };
}

describe("golden machines", async () => {
  test.each(await readdir(folder))("%s", async (subject) => {
    const { lines, faults } = await replay(subject);
    await expect(lines).toMatchFileSnapshot(join(folder, subject, "expected.lp"));
    await expect(faults).toMatchFileSnapshot(join(folder, subject, "expected.err"));
  });
});
