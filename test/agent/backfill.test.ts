/** What goes into a backfill message, and how large parcels may be. */
import { describe, expect, test } from "vitest";
import { Chunk, Pace } from "../../agent/backfill.ts";
import type { Spooled } from "../../agent/index.ts";
import { decodeMessage } from "../../telemetry/index.ts";
import { batchOf, numbers, rig } from "./spool_rig.ts";

async function spooledOf(count: number): Promise<{
  readonly batches: readonly Spooled[];
  readonly spool: Awaited<ReturnType<ReturnType<typeof rig>["open"]>>;
}> {
  const { open, append } = rig();
  const spool = await open();
  const all = numbers(1, count).map((value) => {
    const batch = batchOf(value);
    const device = value % 2 === 0 ? "even" : "odd";
    // The sixth has moved to another rack.
    const place = value === 6 ? { rack: "r2" } : batch.place;
    return { ...batch, place, address: { ...batch.address, device } };
  });
  const batches = (await append(spool, all)).flatMap((one) => (one === undefined ? [] : [one]));
  return { batches, spool };
}

describe("a chunk", () => {
  test("is led into messages of one device at one place, oldest first", async () => {
    const { batches, spool } = await spooledOf(10);
    const chunk = new Chunk(batches, spool);
    const found: unknown[] = [];
    for (let packed = chunk.next(1e6); packed !== undefined; packed = chunk.next(1e6)) {
      const decoded = decodeMessage(Buffer.from(packed.message.payload), "backfill");
      if (!("ok" in decoded)) throw new Error(decoded.problem);
      const seqs = decoded.ok.batches.map(({ seq }) => seq);
      expect(packed.seqs).toEqual(seqs);
      found.push([packed.message.topic.split("/")[6], decoded.ok.place, seqs]);
    }
    expect(found).toEqual([
      ["odd", { rack: "r1" }, [1, 3, 5, 7, 9]],
      ["even", { rack: "r1" }, [2, 4]],
      ["even", { rack: "r2" }, [6]],
      ["even", { rack: "r1" }, [8, 10]],
    ]);
    await spool.close();
  });

  test("gives at least one batch, and no more than was asked for behind it", async () => {
    const { batches, spool } = await spooledOf(9);
    const chunk = new Chunk(batches, spool);
    const length = batches[0]?.payload.length ?? 0;
    expect(chunk.next(1)?.seqs).toEqual([1]);
    expect(chunk.next(2 * length + 10)?.seqs).toEqual([3, 5]);
    await spool.close();
  });

  test("leaves out what cannot be read, and gives it up", async () => {
    const { batches, spool } = await spooledOf(4);
    const strange = batches.map((one) => (one.seq === 1 ? { ...one, payload: "?" } : one));
    const chunk = new Chunk(strange, spool);
    expect(chunk.next(1e6)?.seqs).toEqual([3]);
    expect(spool.ledger.shed.damaged).toBe(1);
    await spool.close();
  });
});

/** The size at which parcels settle on a way of this speed and delay. */
function settled(pace: Pace, bytesPerMs: number, delay: number): number {
  const sizes: number[] = [];
  for (let parcel = 0; parcel < 200; parcel += 1) {
    sizes.push(pace.length);
    pace.answered(delay + pace.length / bytesPerMs);
  }
  return Math.max(...sizes.slice(100));
}

describe("the pace", () => {
  test("a parcel adds less than half to the time that the way takes", () => {
    for (const delay of [60, 200, 600]) {
      const length = settled(new Pace(), 500, delay);
      expect(length / 500).toBeLessThan(delay / 2);
      expect(length / 500).toBeGreaterThan(delay / 10);
    }
  });

  test("grows to the most where nobody notices", () => {
    expect(settled(new Pace(), 100_000, 1)).toBe(512 * 1024);
  });

  test("stays at the least on a slow link, and grows again when it is faster", () => {
    const pace = new Pace();
    expect(settled(pace, 10, 50)).toBeLessThan(16 * 1024);
    pace.begin();
    expect(settled(pace, 10_000, 50)).toBeGreaterThan(100 * 1024);
  });

  test("takes note of a way that has become longer", () => {
    const pace = new Pace();
    settled(pace, 10_000, 5);
    expect(settled(pace, 10_000, 300)).toBeGreaterThan(100 * 1024);
  });
});
