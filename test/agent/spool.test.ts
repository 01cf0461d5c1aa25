/** The spool on a disk that behaves, is full, tears, rots, or refuses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Spooled, SpoolOptions } from "../../agent/index.ts";
import { Spool } from "../../agent/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { Chance } from "../voyage/chance.ts";
import { Platter, SimDisk } from "../voyage/disk.ts";
import { SimProcess } from "../voyage/process.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const options: SpoolOptions = { agent: "edge", size: 64 * 1024, segment: 8 * 1024, commit: 100 };
const everything = (): boolean => true;

function batchOf(value: number, kind: "telemetry" | "event" = "telemetry"): UnnumberedBatch {
  return {
    kind,
    address: { region: "local", org: "main", site: "s", class: "power", device: "m" },
    place: { rack: "r1" },
    time: 1_700_000_000_000 + value,
    points: [{ measurement: "energy_meter", fields: { active_power_w: value, q: 0 } }],
    faults: [],
  };
}

function rig(disk = new MemoryDisk(), given: Partial<SpoolOptions> = {}) {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(3);
  const open = (): Promise<Spool> =>
    Spool.open({ ...options, ...given }, disk, { clock, entropy, log: silentLog });
  /** Appends and lets the commit happen. */
  const append = async (
    spool: Spool,
    batches: readonly UnnumberedBatch[],
  ): Promise<(Spooled | undefined)[]> => {
    const outcomes = Promise.all(batches.map((batch) => spool.append(batch)));
    await clock.advance(200);
    return outcomes;
  };
  return { clock, disk, open, append };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

async function pendingOf(spool: Spool): Promise<number[]> {
  const { batches } = await spool.read(undefined, Number.POSITIVE_INFINITY, everything);
  return batches.map(({ seq }) => seq);
}

describe("the spool", () => {
  test("numbers batches from 1 and hands them back as they go on the wire", async () => {
    const { open, append } = rig();
    const spool = await open();
    const [first, second] = await append(spool, [batchOf(1), batchOf(2)]);
    expect([first?.seq, second?.seq]).toEqual([1, 2]);
    expect(first?.topic).toBe("rackstreet/v1/local/main/s/power/m/telemetry");
    expect(JSON.parse(first?.payload ?? "")).toMatchObject({ v: 1, seq: 1, tags: { rack: "r1" } });
    const { batches } = await spool.read(undefined, 1e6, everything);
    expect(batches).toEqual([first, second]);
  });

  test("batches that come within the commit time share one sync", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    let syncs = 0;
    const { open: reopen } = disk;
    disk.open = async (...given) => {
      const file = await reopen.apply(disk, given);
      const { sync } = file;
      file.sync = () => {
        syncs += 1;
        return sync.call(file);
      };
      return file;
    };
    await append(
      spool,
      numbers(1, 20).map((value) => batchOf(value)),
    );
    expect(syncs).toBe(1);
  });

  test("keeps what is not settled over a restart, and the ledger adds up", async () => {
    const { open, append } = rig();
    const spool = await open();
    await append(
      spool,
      numbers(1, 20).map((value) => batchOf(value)),
    );
    expect(
      spool.settle([
        [3, 7],
        [11, 11],
      ]),
    ).toBe(6);
    await spool.close();
    const again = await open();
    expect(again.stream).toBe(spool.stream);
    expect(await pendingOf(again)).toEqual([1, 2, 8, 9, 10, ...numbers(12, 20)]);
    expect(again.ledger).toMatchObject({ offered: 20, stored: 6, queued: 14 });
    const [next] = await append(again, [batchOf(21)]);
    expect(next?.seq).toBe(21);
  });

  test("settling twice, or what was never given, changes nothing", async () => {
    const { open, append } = rig();
    const spool = await open();
    await append(spool, [batchOf(1)]);
    expect(spool.settle([[1, 1]])).toBe(1);
    expect(spool.settle([[1, 1]])).toBe(0);
    expect(spool.settle([[2, 4_000_000]])).toBe(0);
    expect(spool.ledger).toMatchObject({ offered: 1, stored: 1, queued: 0 });
  });

  test("over its size the oldest telemetry is shed first, events last, each counted", async () => {
    const { open, append } = rig();
    const spool = await open();
    await append(
      spool,
      numbers(1, 10).map((value) => batchOf(value, "event")),
    );
    for (let start = 11; start < 800; start += 50) {
      await append(
        spool,
        numbers(start, start + 49).map((value) => batchOf(value)),
      );
    }
    expect(spool.bytes).toBeLessThanOrEqual(options.size);
    const pending = await pendingOf(spool);
    expect(pending.slice(0, 10)).toEqual(numbers(1, 10));
    const { offered, queued, shed } = spool.ledger;
    expect(shed.full).toBeGreaterThan(100);
    expect(offered).toBe(queued + shed.full);
    expect(pending.slice(10)).toEqual(numbers(11 + shed.full, offered));
  });

  test("a batch that fits no segment is shed and counted", async () => {
    const { open, append } = rig();
    const spool = await open();
    const fields = { active_power_w: 1, x_text: "x".repeat(9000) };
    const large = { ...batchOf(1), points: [{ measurement: "energy_meter", fields }] };
    expect(await append(spool, [large])).toEqual([undefined]);
    expect(spool.ledger).toMatchObject({ offered: 1, queued: 0, shed: { large: 1 } });
  });

  test("a disk that refuses costs the batches of that time, counted, and no crash", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    await append(spool, [batchOf(1)]);
    disk.failure = new Error("EIO");
    expect(await append(spool, [batchOf(2), batchOf(3)])).toEqual([undefined, undefined]);
    disk.failure = undefined;
    const [later] = await append(spool, [batchOf(4)]);
    expect(later?.seq).toBe(4);
    expect(spool.ledger).toMatchObject({ offered: 4, queued: 2, shed: { disk: 2 } });
    expect(await pendingOf(spool)).toEqual([1, 4]);
  });

  test("a commit that fails half-way keeps what is durable, and sheds only the rest", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    const files = new Set<string>();
    const { open: reopen } = disk;
    disk.open = (name, size) => {
      if (files.size > 0 && !files.has(name)) return Promise.reject(new Error("EROFS"));
      files.add(name);
      return reopen.call(disk, name, size);
    };
    // Shedding the oldest would make room: a disk that takes no new file at all is the case here.
    disk.remove = () => Promise.reject(new Error("EROFS"));
    const outcomes = await append(
      spool,
      numbers(1, 60).map((value) => batchOf(value)),
    );
    const durable = outcomes.filter((outcome) => outcome !== undefined).length;
    const { offered, queued, shed } = spool.ledger;
    expect(offered).toBe(60);
    expect(queued + shed.full + shed.disk).toBe(60);
    expect(durable).toBeGreaterThan(0);
    expect(durable + shed.disk).toBeGreaterThanOrEqual(60);
  });

  test("numbers are not handed out beyond a reservation that could not be written", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    const { replace } = disk;
    disk.replace = (name, bytes) =>
      name === "checkpoint.json"
        ? Promise.reject(new Error("EIO"))
        : replace.call(disk, name, bytes);
    const rounds = 5000 / 50;
    for (let round = 0; round < rounds; round += 1) {
      await append(
        spool,
        numbers(1, 50).map((value) => batchOf(value)),
      );
      spool.settle([[1, 1_000_000]]);
    }
    const { shed, stored } = spool.ledger;
    expect(stored).toBeLessThanOrEqual(4097);
    expect(shed.disk).toBeGreaterThanOrEqual(5000 - 4097);
  });

  test("a segment that takes no more is left for a new one", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    const [first] = await append(spool, [batchOf(1)]);
    expect(first?.seq).toBe(1);
    const { open: reopen } = disk;
    let bad = "";
    disk.open = async (name, size) => {
      const file = await reopen.call(disk, name, size);
      bad ||= name;
      if (name === bad) file.write = () => Promise.reject(new Error("ENOSPC"));
      return file;
    };
    await append(
      spool,
      numbers(2, 40).map((value) => batchOf(value)),
    );
    await append(
      spool,
      numbers(41, 50).map((value) => batchOf(value)),
    );
    const { offered, queued, shed } = spool.ledger;
    expect(offered).toBe(50);
    expect(queued + shed.disk).toBe(50);
    const pending = await pendingOf(spool);
    expect(pending.slice(-10)).toEqual(numbers(41, 50));
  });

  test("opens on a full disk by giving up its oldest segment", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    for (let start = 1; start <= 200; start += 25) {
      await append(
        spool,
        numbers(start, start + 24).map((value) => batchOf(value)),
      );
    }
    await spool.close();
    const segments = (): number => [...disk.files.keys()].filter((f) => f.endsWith(".seg")).length;
    const full = segments();
    const { replace } = disk;
    disk.replace = (name, bytes) =>
      name === "checkpoint.json" && segments() >= full
        ? Promise.reject(new Error("ENOSPC"))
        : replace.call(disk, name, bytes);
    const again = await open();
    const { offered, queued, shed } = again.ledger;
    expect(segments()).toBe(full - 1);
    expect(shed.disk).toBeGreaterThan(0);
    expect(offered).toBe(200);
    expect(queued).toBe(200 - shed.disk);
  });

  test("files of settled segments go, after the checkpoint", async () => {
    const { open, append, disk, clock } = rig();
    const spool = await open();
    for (let start = 1; start <= 200; start += 50) {
      await append(
        spool,
        numbers(start, start + 49).map((value) => batchOf(value)),
      );
    }
    const before = disk.files.size;
    spool.settle([[1, 200]]);
    await clock.advance(2000);
    expect(disk.files.size).toBeLessThan(before);
    expect(spool.ledger).toMatchObject({ offered: 200, stored: 200, queued: 0 });
  });

  test("a damaged checkpoint is set aside; the batches are all still there", async () => {
    const { open, append, disk } = rig();
    const spool = await open();
    await append(
      spool,
      numbers(1, 5).map((value) => batchOf(value)),
    );
    await spool.close();
    disk.files.set("checkpoint.json", Buffer.from('{"stream":'));
    const again = await open();
    expect(disk.files.has("checkpoint.json.damaged")).toBe(true);
    expect(await pendingOf(again)).toEqual(numbers(1, 5));
    expect(again.stream).not.toBe(spool.stream);
  });

  test("reading goes on from a cursor, in pieces, and skips what is not accepted", async () => {
    const { open, append } = rig();
    const spool = await open();
    for (let start = 1; start <= 100; start += 25) {
      await append(
        spool,
        numbers(start, start + 24).map((value) => batchOf(value)),
      );
    }
    const seen: number[] = [];
    let cursor: Awaited<ReturnType<Spool["read"]>>["cursor"];
    do {
      const read = await spool.read(cursor, 1000, (seq) => seq % 10 !== 0);
      seen.push(...read.batches.map(({ seq }) => seq));
      expect(read.batches.length).toBeLessThan(10);
      ({ cursor } = read);
    } while (cursor !== undefined);
    expect(seen).toEqual(numbers(1, 100).filter((seq) => seq % 10 !== 0));
  });
});

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

  test("a full disk sheds the oldest and goes on", async () => {
    const clock = new VirtualClock();
    const chance = new Chance(1);
    const disk = new SimDisk(new Platter(40 * 1024), new SimProcess(clock), chance);
    const opening = Spool.open(options, disk, { clock, entropy: chance, log: silentLog });
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
