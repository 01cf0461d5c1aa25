/** Files that vanish, fail, hang or lie: what is good is read, and nobody waits for the rest. */
import { execFileSync } from "node:child_process";
import { mkdir, open, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { HostFiles } from "../../../drivers/host/files.ts";
import type { Space } from "../../../drivers/host/files.ts";
import { FilesystemsPart } from "../../../drivers/host/filesystems.ts";
import { Lane } from "../../../drivers/host/lane.ts";
import type { Session } from "../../../drivers/contract.ts";
import { hostDriver } from "../../../drivers/host/index.ts";
import { settle, SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const never = new AbortController().signal;
const chip = "/sys/class/hwmon/hwmon0";

async function openHost(options: unknown, clock = new VirtualClock()): Promise<Session> {
  const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
  return hostDriver.create(context).open({ id: "host", options, profile: undefined });
}

async function chipWith(root: RecordedRoot, files: readonly string[]): Promise<void> {
  await root.apply(`==> ${chip}/name <==\nnct6775\n`);
  for (const file of files) await root.apply(`==> ${chip}/${file} <==\n42000\n`);
}

describe("a file", () => {
  test("that vanishes between looking and reading is absent, its neighbours are read", async () => {
    await using root = await RecordedRoot.create();
    await chipWith(root, ["temp1_input", "temp2_input", "fan1_input", "in0_input"]);
    await using session = await openHost({ root: root.path });
    const groups = ["thermal", "fans", "electrical"];
    expect((await session.read(groups, never)).points).toHaveLength(4);
    await rm(join(root.path, `${chip}/temp1_input`));
    await rm(join(root.path, `${chip}/fan1_input`));
    const { points, faults } = await session.read(groups, never);
    expect(points.map(({ measurement }) => measurement)).toEqual(["thermal", "electrical_sensor"]);
    expect(faults).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")(
    "that fails with EIO, or is none, is a fault of its own, told once",
    async () => {
      await using root = await RecordedRoot.create();
      await chipWith(root, ["temp1_input", "temp2_input", "temp3_input"]);
      const broken = join(root.path, `${chip}/temp2_input`);
      await rm(broken);
      // Address 0 is nobody's: the kernel says EIO.
      await symlink("/proc/self/mem", broken);
      await rm(join(root.path, `${chip}/temp3_input`));
      await mkdir(join(root.path, `${chip}/temp3_input`));
      await using session = await openHost({ root: root.path, parts: ["thermal"] });
      const { points, faults } = await session.read(["thermal"], never);
      expect(points).toHaveLength(1);
      expect(faults).toEqual([
        { code: "E_HOST_SENSOR", at: `${chip}/temp2_input` },
        { code: "E_HOST_SENSOR", at: `${chip}/temp3_input` },
      ]);
      expect((await session.read(["thermal"], never)).faults).toEqual([]);
      await rm(broken);
      await writeFile(broken, "43000\n");
      expect((await session.read(["thermal"], never)).points).toHaveLength(2);
    },
  );

  test.skipIf(process.platform !== "linux")(
    "that hangs holds up one reading, which can be given up, and none after it",
    async () => {
      await using root = await RecordedRoot.create();
      await chipWith(root, ["temp1_input", "temp2_input"]);
      // Nobody writes into it: who opens it waits.
      const pipe = join(root.path, `${chip}/temp1_input`);
      await rm(pipe);
      execFileSync("mkfifo", [pipe]);
      await using session = await openHost({ root: root.path, parts: ["thermal"] });
      const reading = session.read(["thermal"], AbortSignal.timeout(50));
      await expect(reading).rejects.toMatchObject({ code: "E_DISCONNECTED" });
      // The first may have been given up before it came to the pipe.
      const { points, faults } = await vi.waitFor(
        () => session.read(["thermal"], AbortSignal.timeout(500)),
        { timeout: 20_000 },
      );
      expect(points).toMatchObject([{ tags: { sensor: "nct6775_temp2" } }]);
      expect(faults.map(({ at }) => at)).toEqual([`${chip}/temp1_input`]);
      const writer = await open(pipe, "w");
      await writer.writeFile("44000\n");
      await writer.close();
    },
  );
});

describe("file systems", () => {
  const mountinfo = (paths: readonly string[]): string => {
    const lines = paths.map((path, n) => `2${n} 1 8:${n} / ${path} rw - ext4 /dev/sda${n} rw\n`);
    return `==> /proc/1/mountinfo <==\n${lines.join("")}`;
  };

  test("are told by statfs; a mount that is not there is absent", async () => {
    await using root = await RecordedRoot.create();
    await root.apply(mountinfo(["/", "/srv/gone"]));
    await using session = await openHost({ root: root.path, parts: ["filesystems"] });
    const { points, faults } = await session.read(["filesystems"], never);
    expect(points).toMatchObject([{ measurement: "host_filesystem", tags: { mount: "/" } }]);
    expect(points[0]?.fields["size_bytes"]).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  });

  test("with a name too long for a tag are a fault, once", async () => {
    await using root = await RecordedRoot.create();
    const long = `/${"x".repeat(64)}`;
    await root.apply(mountinfo(["/", long]));
    await using session = await openHost({ root: root.path, parts: ["filesystems"] });
    const { points, faults } = await session.read(["filesystems"], never);
    expect(points).toHaveLength(1);
    expect(faults).toEqual([{ code: "E_HOST_SENSOR", at: long }]);
    expect((await session.read(["filesystems"], never)).faults).toEqual([]);
  });
});

describe("a network file system whose server is gone", () => {
  /** Whoever looks at it waits for ever. */
  class Gone extends HostFiles {
    override space(path: string, remote: boolean): Promise<Space | undefined> {
      return remote ? new Promise(() => {}) : super.space(path, remote);
    }
  }

  test("is a fault after two seconds, and the others are told", async () => {
    await using root = await RecordedRoot.create();
    const local = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    const remote = "21 20 0:50 / /nas rw - nfs4 nas:/pool rw\n";
    await root.apply(`==> /proc/1/mountinfo <==\n${local}${remote}`);
    const clock = new VirtualClock();
    const files = new Gone(root.path);
    files.begin();
    const part = new FilesystemsPart(files, clock, "all");
    const reading = part.read();
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    await clock.advance(2000);
    expect(await reading).toMatchObject([{ channel: ["mount", "/"] }]);
    expect(files.takeFaults()).toEqual([{ code: "E_HOST_SENSOR", at: "/nas" }]);
  });
});

describe("a lane", () => {
  test("runs so many at once, in order, and lets go who waits", async () => {
    const lane = new Lane(2);
    const doors = Array.from({ length: 4 }, () => Promise.withResolvers<number>());
    const begun: number[] = [];
    const jobs = doors.map(({ promise }, index) =>
      lane.run(() => {
        begun.push(index);
        return promise;
      }),
    );
    await settle();
    expect(begun).toEqual([0, 1]);
    doors[1]?.resolve(11);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    lane.clear();
    doors[0]?.resolve(10);
    doors[2]?.resolve(12);
    expect(await Promise.all(jobs)).toEqual([10, 11, 12, undefined]);
    expect(await lane.run(() => Promise.resolve(5))).toBe(5);
  });

  test("a job that fails frees its place", async () => {
    const lane = new Lane(1);
    await expect(lane.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await lane.run(() => Promise.resolve(1))).toBe(1);
  });
});
