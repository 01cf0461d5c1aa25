/** How disks are asked for their health; what they answer is in the golden machines. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Session } from "../../../drivers/contract.ts";
import { Blocks } from "../../../drivers/host/blocks.ts";
import { HostFiles } from "../../../drivers/host/files.ts";
import { hostDriver } from "../../../drivers/host/index.ts";
import { SmartPart } from "../../../drivers/host/smart.ts";
import type { ProgramCall, ProgramResult, RunProgram } from "../../../drivers/transport/program.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const never = new AbortController().signal;
const recordings = join(import.meta.dirname, "../../golden/drivers/host/disk_health/smartctl");

async function machineWith(disks: readonly string[]): Promise<RecordedRoot> {
  const root = await RecordedRoot.create();
  const links = disks.map((disk) => `l 1 r r 0 D /sys/block/${disk}/device -> ../../../0:0:0:0\n`);
  await root.apply(links.join(""));
  return root;
}

async function openHost(options: unknown): Promise<Session> {
  const clock = new VirtualClock();
  const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
  return hostDriver.create(context).open({ id: "host", options, profile: undefined });
}

/** The part over a machine whose smartctl is a function. */
async function partOf(
  root: RecordedRoot,
  run: RunProgram,
  clock: VirtualClock,
): Promise<SmartPart> {
  const files = new HostFiles(root.path);
  const blocks = new Blocks(files, "kernel");
  files.begin();
  await blocks.scan();
  return new SmartPart({ files, blocks, clock, run, smartctl: "smartctl" });
}

describe("smart", () => {
  test("is a group of its own pace, and not read unless asked for", async () => {
    await using usual = await openHost({});
    expect(usual.groups.map(({ name }) => name)).not.toContain("smart");
    await using session = await openHost({ parts: ["load", "smart"], smartEvery: "30m" });
    expect(session.groups).toEqual([
      { name: "load", every: undefined },
      { name: "smart", every: 1_800_000 },
    ]);
  });

  test("never wakes a disk, and asks no disk that has no health", async () => {
    await using root = await machineWith(["sda", "vda", "mmcblk0"]);
    const smartctl = await root.smartctl(recordings);
    await using session = await openHost({ root: root.path, parts: ["smart"], smartctl });
    expect((await session.read(["smart"], never)).points).toHaveLength(1);
    expect(await readFile(join(root.path, "smartctl.calls"), "utf8")).toBe(
      "--json=c -n standby,3 -a -l ssd /dev/sda\n",
    );
  });

  test("without the program is one fault, and the rest is read", async () => {
    await using root = await machineWith(["sda", "nvme0n1"]);
    await root.apply("==> /proc/uptime <==\n1.00 1.00\n");
    const smartctl = join(root.path, "smartctl");
    const options = { root: root.path, parts: ["load", "smart"], smartctl };
    await using session = await openHost(options);
    const { points, faults } = await session.read(["load", "smart"], never);
    expect(points).toHaveLength(1);
    expect(faults).toEqual([{ code: "E_PROGRAM_MISSING", at: "smartctl (package smartmontools)" }]);
    expect((await session.read(["load", "smart"], never)).faults).toEqual([]);
    await root.smartctl(recordings);
    expect((await session.read(["load", "smart"], never)).points).toHaveLength(3);
    await rm(smartctl);
  });

  test("traffic and health of a disk are one point", async () => {
    await using root = await machineWith(["sda"]);
    await root.apply("==> /proc/diskstats <==\n   8 0 sda 1 0 8 1 1 0 8 1 0 2 2\n");
    const smartctl = await root.smartctl(recordings);
    const options = { root: root.path, parts: ["disks", "smart"], smartctl };
    await using session = await openHost(options);
    const { points } = await session.read(["disks", "smart"], never);
    expect(points).toMatchObject([{ fields: { read_bytes_total: 4096, temp_c: 34 } }]);
  });

  test("a disk that keeps smartctl is left alone for an hour", async () => {
    await using root = await machineWith(["sda", "sdb"]);
    const clock = new VirtualClock();
    const asked: string[] = [];
    const run = async ({ args }: ProgramCall): Promise<ProgramResult> => {
      const disk = args.at(-1) ?? "";
      asked.push(disk);
      if (disk === "/dev/sdb") throw new GatewayError("E_PROGRAM", "did not end within 10 s");
      const output = await readFile(join(recordings, "sda.json"), "utf8");
      return { exit: 0, output, said: "" };
    };
    const part = await partOf(root, run, clock);
    for (let minutes = 0; minutes <= 60; minutes += 5) {
      expect(await part.read(never)).toHaveLength(1);
      await clock.advance(300_000);
    }
    expect(asked.filter((disk) => disk === "/dev/sdb")).toHaveLength(2);
  });

  test("disks for which a round has no time are the first of the next", async () => {
    const disks = Array.from({ length: 12 }, (_, index) => `sd${"abcdefghijkl"[index]}`);
    await using root = await machineWith(disks);
    const clock = new VirtualClock();
    const rounds: string[][] = [[]];
    const run = async ({ args }: ProgramCall): Promise<ProgramResult> => {
      rounds.at(-1)?.push(args.at(-1) ?? "");
      await clock.advance(8000);
      return { exit: 3, output: "", said: "" };
    };
    const part = await partOf(root, run, clock);
    await part.read(never);
    rounds.push([]);
    await part.read(never);
    const first = rounds[0] ?? [];
    expect(first.length).toBeLessThan(disks.length);
    expect(rounds[1]?.[0]).toBe(`/dev/${disks[first.length]}`);
  });

  test("a reading that is given up ends", async () => {
    await using root = await machineWith(["sda"]);
    const abort = new AbortController();
    const run: RunProgram = () => {
      abort.abort();
      return Promise.reject(new GatewayError("E_DISCONNECTED", "the run was given up"));
    };
    const part = await partOf(root, run, new VirtualClock());
    await expect(part.read(abort.signal)).rejects.toMatchObject({ code: "E_DISCONNECTED" });
  });
});
