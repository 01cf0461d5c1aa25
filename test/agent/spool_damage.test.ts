/** The spool on a disk that tears, rots, holds garbage or is full. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Spool } from "../../agent/index.ts";
import { Chance } from "../voyage/chance.ts";
import { openDisk, Platter } from "../voyage/disk.ts";
import { SimProcess } from "../voyage/process.ts";
import { MemoryDisk, silentLog, VirtualClock } from "../virtual.ts";
import { batchOf, numbers, options, pendingOf, rig } from "./spool_rig.ts";

/** The bytes of a segment with five durable batches, and a disk with others in their place. */
async function written(): Promise<{
  readonly bytes: Uint8Array;
  readonly diskWith: (bytes: Uint8Array) => MemoryDisk;
}> {
  const { open, append, disk } = rig();
  const spool = await open();
  await append(
    spool,
    numbers(1, 5).map((value) => batchOf(value)),
  );
  const files = [...disk.files];
  const name = files.find(([file]) => file.endsWith(".seg"))?.[0] ?? "";
  const diskWith = (bytes: Uint8Array): MemoryDisk => {
    const other = new MemoryDisk();
    for (const [file, content] of files) other.files.set(file, content.slice());
    other.files.set(name, bytes);
    return other;
  };
  return { bytes: disk.bytesOf(name).slice(), diskWith };
}

describe("the spool after damage", () => {
  test("a segment cut at any byte opens, and keeps every record before the cut", async () => {
    const { bytes, diskWith } = await written();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1600 }), async (cut) => {
        const torn = new Uint8Array(bytes.length);
        torn.set(bytes.subarray(0, cut));
        const spool = await rig(diskWith(torn)).open();
        const pending = await pendingOf(spool);
        expect(pending).toEqual(numbers(1, pending.length));
        const { offered, queued, shed } = spool.ledger;
        expect(offered).toBe(queued + shed.damaged);
        await spool.close();
      }),
      { numRuns: 60 },
    );
  });

  test("one flipped bit costs at most one record, wherever it is", async () => {
    const { bytes, diskWith } = await written();
    const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: length - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (at, bit) => {
          const rotten = bytes.slice();
          rotten[at] = (rotten[at] ?? 0) ^ (1 << bit);
          const spool = await rig(diskWith(rotten)).open();
          const pending = await pendingOf(spool);
          expect(pending).toHaveLength(4);
          await spool.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  test("any bytes in place of a segment open without a throw", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), async (bytes) => {
        const disk = new MemoryDisk();
        disk.files.set("t-0000000000000001.seg", bytes);
        const spool = await rig(disk).open();
        expect(await pendingOf(spool)).toEqual([]);
        await spool.close();
      }),
    );
  });

  test("without its checkpoint a gap in the numbers is not taken for damage", async () => {
    const { open, append, disk } = rig();
    await append(
      await open(),
      numbers(1, 5).map((value) => batchOf(value)),
    );
    // Not closed: the numbers that were reserved are left out.
    const [later] = await append(await open(), [batchOf(6)]);
    expect(later?.seq).toBeGreaterThan(4000);
    disk.files.set("checkpoint.json", Buffer.from("damaged"));
    const { offered, queued, shed } = (await open()).ledger;
    expect({ offered, queued, damaged: shed.damaged }).toEqual({
      offered: 6,
      queued: 6,
      damaged: 0,
    });
  });

  test("one flipped bit in the checkpoint is noticed, wherever it is", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    await append(
      spool,
      numbers(1, 5).map((value) => batchOf(value)),
    );
    spool.settle([[2, 4]]);
    await spool.close();
    const files = new Map(disk.files);
    const length = disk.bytesOf("checkpoint.json").length;
    for (let at = 0; at < length; at += 1) {
      const other = new MemoryDisk();
      for (const [file, content] of files) other.files.set(file, content.slice());
      const rotten = other.bytesOf("checkpoint.json");
      rotten[at] = (rotten[at] ?? 0) ^ (1 << (at % 8));
      const after = await rig(other).open();
      // Either way both that wait are there; a stream begun anew sends the others again.
      expect(await pendingOf(after)).toEqual(expect.arrayContaining([1, 5]));
      const { offered, stored, queued, shed } = after.ledger;
      expect(offered).toBe(stored + queued + shed.damaged);
      await after.close();
    }
  });

  test("a full disk sheds the oldest and goes on", async () => {
    const clock = new VirtualClock();
    const chance = new Chance(1);
    const process = new SimProcess(clock);
    const opening = openDisk(new Platter(40 * 1024), { process, chance }).then((disk) =>
      Spool.open(options, disk, { clock, entropy: chance, log: silentLog }),
    );
    await clock.advance(1000);
    const spool = await opening;
    for (let start = 1; start <= 400; start += 20) {
      void numbers(start, start + 19).map((value) => spool.append(batchOf(value)));
      await clock.advance(1000);
    }
    const { offered, queued, shed } = spool.ledger;
    expect(shed.disk).toBeGreaterThan(50);
    expect(offered).toBe(400);
    expect(offered).toBe(queued + shed.disk);
  });
});
