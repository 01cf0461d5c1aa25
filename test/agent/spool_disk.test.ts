/** The spool on a disk that turned read-only, has bad sectors, or is full of other things. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../virtual.ts";
import { batchOf, numbers, pendingOf, rig } from "./spool_rig.ts";

const batches = (from: number, to: number) => numbers(from, to).map((value) => batchOf(value));

/** A spool of several segments, and its disk. */
async function filled() {
  const { open, append, disk, clock } = rig();
  const spool = await open();
  for (let from = 1; from <= 200; from += 25) await append(spool, batches(from, from + 24));
  return { spool, open, append, disk, clock };
}

describe("a disk that turned read-only", () => {
  test("costs what is new; what was spooled is kept and still read", async () => {
    const { spool, append, disk } = await filled();
    disk.failure = new Error("EROFS: read-only file system");
    for (let round = 0; round < 20; round += 1) await append(spool, batches(1, 5));
    expect(spool.ledger).toMatchObject({ queued: 200, shed: { full: 0, disk: 100 } });
    expect(await pendingOf(spool)).toEqual(numbers(1, 200));
    disk.failure = undefined;
    await append(spool, batches(1, 1));
    expect(spool.ledger).toMatchObject({ queued: 201, shed: { full: 0, disk: 100 } });
  });
});

describe("a disk that is full of other things", () => {
  test("costs the oldest, not the newest, when a reservation finds no room", async () => {
    const { spool, append, disk } = await filled();
    const segments = (): number => [...disk.files.keys()].filter((f) => f.endsWith(".seg")).length;
    const { replace } = disk;
    const full = segments();
    disk.replace = (name, bytes) =>
      name === "checkpoint.json" && segments() >= full
        ? Promise.reject(new Error("ENOSPC: no space left on device"))
        : replace.call(disk, name, bytes);
    let newest = 0;
    for (let round = 0; round < 4200 / 50; round += 1) {
      const outcomes = await append(spool, batches(1, 50));
      newest = outcomes.filter((outcome) => outcome !== undefined).length;
      spool.settle([[201, 1_000_000]]);
    }
    expect(newest).toBe(50);
    expect((await pendingOf(spool)).at(-1)).toBe(200);
  });
});

describe("a bad sector", () => {
  /** Reading a part of the first segment gives EIO, as a whole request; returns which part. */
  function broken(disk: MemoryDisk): [from: number, to: number] {
    const name = [...disk.files.keys()].find((file) => file.endsWith(".seg"));
    const part: [number, number] = [0, 0];
    const { open } = disk;
    disk.open = async (asked, size) => {
      const file = await open.call(disk, asked, size);
      const { read } = file;
      file.read = (position, length) =>
        asked === name && position < part[1] && position + length > part[0]
          ? Promise.reject(new Error("EIO: i/o error"))
          : read.call(file, position, length);
      return file;
    };
    return part;
  }

  test("costs the records that touch it, counted, and does not stop the start", async () => {
    const { spool, open, disk } = await filled();
    await spool.close();
    broken(disk).splice(0, 2, 5000, 5100);
    const again = await open();
    const { offered, queued, shed } = again.ledger;
    expect(shed.damaged).toBeGreaterThan(0);
    expect(shed.damaged).toBeLessThan(25);
    expect([offered, queued]).toEqual([200, 200 - shed.damaged]);
    expect(await pendingOf(again)).toHaveLength(queued);
  });

  test("that appears later is passed over: what lies behind it is read", async () => {
    const { spool, open, disk } = await filled();
    await spool.close();
    const part = broken(disk);
    const again = await open();
    part.splice(0, 2, 100, 200);
    const seen = await pendingOf(again);
    expect(seen.slice(-150)).toEqual(numbers(51, 200));
    expect(again.ledger).toMatchObject({ queued: 200, shed: { damaged: 0 } });
  });
});

describe("a disk that cannot be read at all", () => {
  test.each(["list", "open", "readAll"] as const)("at %s is said as the spool's", async (call) => {
    const { spool, open, disk } = await filled();
    await spool.close();
    Object.assign(disk, { [call]: () => Promise.reject(new Error("EACCES: permission denied")) });
    await expect(open()).rejects.toMatchObject({ code: "E_SPOOL_WRITE" });
  });
});

describe("a checkpoint with a flipped bit", () => {
  test("is never believed: no batch is lost, no number is used twice", async () => {
    const { spool, disk } = await filled();
    spool.settle([[3, 9]]);
    await spool.close();
    const whole = disk.bytesOf("checkpoint.json");
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * whole.length - 1), async (bit) => {
        const copy = new MemoryDisk();
        for (const [name, bytes] of disk.files) copy.files.set(name, bytes.slice());
        const rotten = copy.bytesOf("checkpoint.json");
        rotten[bit >> 3] = (rotten[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const { open, append } = rig(copy);
        const again = await open();
        // A new stream: in it no number was ever used.
        expect(copy.files.has("checkpoint.json.damaged")).toBe(true);
        expect(await pendingOf(again)).toEqual(numbers(1, 200));
        const [next] = await append(again, batches(1, 1));
        expect(next?.seq).toBeGreaterThan(200);
      }),
      { numRuns: 200 },
    );
  });
});
