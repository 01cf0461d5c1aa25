/** The machine as the agent sees it, beyond what the golden machines show. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problemOf } from "../../../telemetry/index.ts";
import type { Session, Trace } from "../../../drivers/contract.ts";
import { hostDriver } from "../../../drivers/host/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const never = new AbortController().signal;

async function openHost(options: unknown, clock = new VirtualClock()): Promise<Session> {
  const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
  return hostDriver.create(context).open({ id: "host", options, profile: undefined });
}

const meminfo = "MemTotal: 1000 kB\nMemAvailable: 250 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";

describe("host", () => {
  test("reads the machine this test runs on", async () => {
    await using session = await openHost({});
    const { points } = await session.read(["load", "thermal", "power"], never);
    expect(points[0]).toMatchObject({ measurement: "host" });
    expect(points[0]?.fields["mem_used_pct"]).toBeGreaterThan(0);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
  });

  test("asks node:os where there is no /proc, as on macOS and Windows", async () => {
    await using root = await RecordedRoot.create();
    await using session = await openHost({ root: root.path });
    const { points, faults } = await session.read(["load", "thermal", "power"], never);
    expect(points).toHaveLength(1);
    expect(points[0]?.fields["mem_total_bytes"]).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  });

  test("a /proc without one good file is an error, not an empty reading", async () => {
    await using root = await RecordedRoot.create();
    await mkdir(join(root.path, "proc"));
    await writeFile(join(root.path, "proc/meminfo"), "nothing of the kind\n");
    await using session = await openHost({ root: root.path });
    const reading = session.read(["load"], never);
    await expect(reading).rejects.toMatchObject({ code: "E_HOST_SENSOR" });
  });

  test("reads the parts and groups that are asked for, and no other", async () => {
    await using root = await RecordedRoot.create();
    await root.apply("==> /sys/class/thermal/thermal_zone0/type <==\nsoc\n");
    await root.apply("==> /sys/class/thermal/thermal_zone0/temp <==\n42000\n");
    await using session = await openHost({ root: root.path, parts: ["load", "thermal"] });
    expect(session.groups.map(({ name }) => name)).toEqual(["load", "thermal"]);
    const { points } = await session.read(["thermal"], never);
    expect(points).toEqual([
      { measurement: "thermal", tags: { sensor: "zone_soc" }, fields: { temp_c: 42, q: 0 } },
    ]);
  });

  test("[PROC 5] guest time is within user time, and time that fell gives no share", async () => {
    await using root = await RecordedRoot.create();
    await using session = await openHost({ root: root.path, parts: ["load"] });
    const shareAfter = async (ticks: string): Promise<unknown> => {
      await root.apply(`==> /proc/stat <==\ncpu  ${ticks}\ncpu0 ${ticks}\n`);
      await root.apply("==> /proc/uptime <==\n1.00 1.00\n");
      return (await session.read(["load"], never)).points[0]?.fields["cpu_pct"];
    };
    expect(await shareAfter("100 0 0 100 50 0 0 0 100 0")).toBeUndefined();
    expect(await shareAfter("150 0 0 150 50 0 0 0 150 0")).toBe(50);
    expect(await shareAfter("150 0 0 150 40 0 0 0 150 0")).toBeUndefined();
    expect(await shareAfter("160 0 0 160 60 0 0 0 160 0")).toBe(25);
  });

  test("[PROC 5] a kB of meminfo is 1024 bytes", async () => {
    await using root = await RecordedRoot.create();
    await root.apply(`==> /proc/meminfo <==\n${meminfo}`);
    await using session = await openHost({ root: root.path });
    const { points } = await session.read(["load"], never);
    expect(points[0]?.fields).toEqual({ mem_total_bytes: 1_024_000, mem_used_pct: 75, q: 0 });
  });

  test("shows the file and the text behind each value", async () => {
    await using root = await RecordedRoot.create();
    await root.apply(`==> /proc/meminfo <==\n${meminfo}`);
    await using session = await openHost({ root: root.path });
    const traces: Trace[] = [];
    await session.read(["load"], never, (trace) => traces.push(trace));
    expect(traces).toContainEqual({
      measurement: "host",
      channel: "",
      field: "mem_used_pct",
      at: "/proc/meminfo",
      raw: "MemTotal 1024000 MemAvailable 256000",
    });
  });

  test("finds a sensor that was plugged in later, and lets go of one that was pulled", async () => {
    await using root = await RecordedRoot.create();
    const clock = new VirtualClock();
    await using session = await openHost({ root: root.path, parts: ["thermal"] }, clock);
    expect(await session.read(["thermal"], never)).toEqual({ points: [], faults: [] });
    const chip = "/sys/class/hwmon/hwmon0";
    await root.apply(`==> ${chip}/name <==\nnvme\n\n==> ${chip}/temp1_input <==\n40000\n`);
    expect((await session.read(["thermal"], never)).points).toEqual([]);
    await clock.advance(600_000);
    expect((await session.read(["thermal"], never)).points).toHaveLength(1);
    await rm(join(root.path, chip), { recursive: true });
    expect(await session.read(["thermal"], never)).toEqual({ points: [], faults: [] });
  });

  test("a signal that has come already stops the reading", async () => {
    await using session = await openHost({});
    const reading = session.read(["load"], AbortSignal.abort());
    await expect(reading).rejects.toMatchObject({ code: "E_DISCONNECTED" });
  });

  test.each([[{ parts: [] }], [{ parts: ["disk"] }], [{ smartEvery: "1s" }], [{ path: "/" }]])(
    "refuses %j",
    async (options) => {
      await expect(async () => openHost(options)).rejects.toThrow();
    },
  );
});
