/**
 * The machine that the tests run on, by our driver and by Debian's own tools: free, lscpu, df, ip
 * and smartctl, this before disks made of bytes. A virtual machine has no sensors and no RAPL:
 * those are in the golden machines alone. What moves is asked before and after ours, which must
 * lie between.
 */
import { execFileSync } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import type { Session } from "../../drivers/contract.ts";
import { hostDriver } from "../../drivers/host/index.ts";
import type { Reading } from "../../telemetry/index.ts";
import { RecordedRoot } from "../drivers/host/recording.ts";
import { needs } from "../peers.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const hasFree = needs("free", "procps");
const hasLscpu = needs("lscpu", "util-linux");
const hasIp = needs("ip", "iproute2");
const hasSmartctl = needs("smartctl", "smartmontools");
const hasCompiler = needs("gcc", "gcc libc6-dev");

const never = new AbortController().signal;

function openHost(parts: readonly string[], options: object = {}): Promise<Session> {
  const clock = new VirtualClock();
  const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
  const target = { id: "host", options: { parts, ...options }, profile: undefined };
  return hostDriver.create(context).open(target);
}

async function readHost(parts: readonly string[], options: object = {}): Promise<Reading> {
  await using session = await openHost(parts, options);
  return await session.read(parts, never);
}

function ran(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
}

function fieldsOf({ points }: Reading, channel?: string): Readonly<Record<string, unknown>> {
  const point = points.find(({ tags = {} }) => Object.values(tags)[0] === channel);
  return point?.fields ?? {};
}

test.skipIf(!hasFree)("memory and swap as free has them", async () => {
  const ours = fieldsOf(await readHost(["load"]));
  const [, total = 0, , , , , available = 0] =
    /^Mem:(.*)$/m.exec(ran("free", "-b"))?.[0].split(/ +/).map(Number) ?? [];
  expect(ours["mem_total_bytes"]).toBe(total);
  const used = Number(ours["mem_used_pct"]);
  // Others allocate meanwhile.
  expect(Math.abs(used - (100 * (total - available)) / total)).toBeLessThan(10);
});

test.skipIf(!hasLscpu)("the cores that lscpu says are online, once time has passed", async () => {
  const online = ran("lscpu", "--online", "--parse=CPU").match(/^\d+$/gm) ?? [];
  await using session = await openHost(["cores"]);
  await session.read(["cores"], never);
  // A core that no tick fell on between two polls has no share.
  await vi.waitFor(async () => {
    const { points } = await session.read(["cores"], never);
    const cores = points.map(({ tags }) => tags?.["core"]);
    expect(cores).toEqual(online.map((cpu) => `cpu${cpu}`));
  }, 20_000);
});

test.skipIf(process.platform !== "linux")("file systems as df has them", async () => {
  const { points } = await readHost(["filesystems"]);
  expect(points.length).toBeGreaterThan(0);
  for (const { tags, fields } of points) {
    const columns = "--output=size,used,pcent,ipcent";
    const [, line = ""] = ran("df", "-B1", columns, tags?.["mount"] ?? "")
      .trim()
      .split("\n");
    const [size, used = 0, share = 0, files] = line.trim().split(/[ %]+/).map(Number);
    expect(fields["size_bytes"]).toBe(size);
    // Other tests write meanwhile.
    expect(Math.abs(Number(fields["used_bytes"]) - used)).toBeLessThan(2e9);
    // df rounds up.
    expect(Math.abs(Number(fields["used_pct"]) - share)).toBeLessThan(2);
    if (files !== undefined && Number.isFinite(files)) {
      expect(Math.abs(Number(fields["inodes_used_pct"]) - files)).toBeLessThan(2);
    }
  }
});

const counts = v.object({
  bytes: v.number(),
  packets: v.number(),
  errors: v.number(),
});
const links = v.array(
  v.object({
    ifname: v.string(),
    operstate: v.string(),
    stats64: v.object({ rx: counts, tx: counts }),
  }),
);

test.skipIf(!hasIp)("interfaces as `ip -s link` has them", async () => {
  const linksNow = (): v.InferOutput<typeof links> =>
    v.parse(v.pipe(v.string(), v.parseJson(), links), ran("ip", "-s", "-j", "link"));
  const before = linksNow();
  const reading = await readHost(["network"], { interfaces: "all" });
  const after = linksNow();
  const told = reading.points.map(({ tags }) => tags?.["interface"]);
  for (const { ifname, operstate, stats64 } of before) {
    expect(told).toContain(ifname);
    const ours = fieldsOf(reading, ifname);
    const later = after.find((one) => one.ifname === ifname)?.stats64;
    for (const way of ["rx", "tx"] as const) {
      for (const what of ["bytes", "packets", "errors"] as const) {
        const value = Number(ours[`${way}_${what}_total`]);
        expect(value).toBeGreaterThanOrEqual(stats64[way][what]);
        expect(value).toBeLessThanOrEqual(later?.[way][what] ?? 0);
      }
    }
    if (operstate === "UP") expect(ours["link_state"]).toBe(1);
    if (operstate === "DOWN") expect(ours["link_state"]).toBe(0);
  }
});

test.skipIf(!hasSmartctl)("smartctl understands us and says that a disk is not there", async () => {
  await using root = await RecordedRoot.create();
  await root.apply("l 1 r r 0 D /sys/block/sdzz/device -> ../../../0:0:0:0\n");
  const smartctl = join(root.path, "smartctl");
  const exits = join(root.path, "exits");
  await writeFile(
    smartctl,
    `#!/bin/sh\nsmartctl "$@"\ncode=$?\necho $code >>${exits}\nexit $code\n`,
  );
  await chmod(smartctl, 0o755);
  const { points, faults } = await readHost(["smart"], { root: root.path, smartctl });
  expect(points).toEqual([]);
  expect(faults).toEqual([{ code: "E_HOST_SENSOR", at: "smartctl /dev/sdzz" }]);
  // 1 would be: what we ask for is not understood.
  expect(await readFile(exits, "utf8")).toBe("2\n");
});

/** A machine with two disks, and the real smartctl before which the disks are made of bytes. */
async function machineWithDisks(state: string): Promise<RecordedRoot & { smartctl: string }> {
  const root = await RecordedRoot.create();
  const links = ["sda", "nvme0n1"].map(
    (disk) => `l 1 r r 0 D /sys/block/${disk}/device -> ../../../0:0:0:0\n`,
  );
  await root.apply(links.join(""));
  const disks = join(root.path, "disks.so");
  const source = join(import.meta.dirname, "made_up_disks.c");
  execFileSync("gcc", ["-shared", "-fPIC", "-o", disks, source]);
  const smartctl = join(root.path, "smartctl");
  const script = `#!/bin/sh\nexec env ${state} LD_PRELOAD=${disks} smartctl "$@"\n`;
  await writeFile(smartctl, script, { mode: 0o755 });
  return Object.assign(root, { smartctl });
}

describe.skipIf(!hasSmartctl || !hasCompiler)("smartctl before disks made of bytes", () => {
  const sata = {
    temp_c: 34,
    used_pct: 13,
    power_on_s_total: 43_210 * 3600,
    reallocated_count: 8,
    media_errors_total: 2,
    pending_count: 16,
    q: 0,
  };
  const nvme = { power_on_s_total: 17_520 * 3600, q: 0 };
  const good = {
    ...nvme,
    temp_c: 38,
    used_pct: 7,
    spare_pct: 100,
    unsafe_shutdowns_total: 9,
    media_errors_total: 0,
    health_state: 0,
    warning_code: 0,
  };
  const failing = {
    ...nvme,
    temp_c: 78,
    used_pct: 103,
    spare_pct: 4,
    unsafe_shutdowns_total: 41,
    media_errors_total: 27,
    health_state: 2,
    warning_code: 5,
  };

  test.each([
    ["HEALTH=good", { sda: { ...sata, health_state: 0 }, nvme0n1: good }],
    ["HEALTH=foretold", { sda: { ...sata, health_state: 1 }, nvme0n1: good }],
    ["HEALTH=failing", { sda: { ...sata, health_state: 2 }, nvme0n1: failing }],
    ["POWER=standby", { nvme0n1: good }],
  ])("%s", async (state, expected) => {
    await using machine = await machineWithDisks(state);
    const { path: root, smartctl } = machine;
    const { points, faults } = await readHost(["smart"], { root, smartctl });
    expect(faults).toEqual([]);
    const told = points.map(({ tags, fields }) => [tags?.["disk"], fields]);
    expect(Object.fromEntries(told)).toEqual(expected);
  });

  test("may not be asked: one fault for both", async () => {
    await using machine = await machineWithDisks("OPEN=denied");
    const { path: root, smartctl } = machine;
    const { points, faults } = await readHost(["smart"], { root, smartctl });
    expect(points).toEqual([]);
    const at = "smartctl (needs root, or CAP_SYS_RAWIO and CAP_SYS_ADMIN)";
    expect(faults).toEqual([{ code: "E_HOST_SENSOR", at }]);
  });
});
