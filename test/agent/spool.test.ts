/** The spool on a disk that behaves, or refuses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Spool } from "../../agent/index.ts";
import { MemoryDisk } from "../virtual.ts";
import { batchOf, everything, numbers, options, pendingOf, rig } from "./spool_rig.ts";

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

  test("the ledger knows what was offered, whatever happens to it", async () => {
    const deed = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ settle: fc.tuple(fc.nat(400), fc.nat(60)) }),
      fc.constantFrom("restart" as const, "fail" as const, "mend" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (deeds) => {
        const { open, append, disk } = rig(new MemoryDisk(), { size: 24 * 1024 });
        let spool = await open();
        let offered = 0;
        for (const what of deeds) {
          if (what === "restart") {
            disk.failure = undefined;
            await spool.close();
            spool = await open();
          } else if (what === "fail" || what === "mend") {
            disk.failure = what === "fail" ? new Error("EIO") : undefined;
          } else if ("append" in what) {
            offered += what.append;
            await append(
              spool,
              numbers(1, what.append).map((value) => batchOf(value)),
            );
          } else {
            spool.settle([[1 + what.settle[0], 1 + what.settle[0] + what.settle[1]]]);
          }
          const { stored, queued, shed, ...ledger } = spool.ledger;
          expect(ledger.offered).toBe(offered);
          expect(stored + queued + shed.full + shed.disk).toBe(offered);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a stream keeps the moment it began; one begun before that was noted has none", async () => {
    const { open, disk, clock } = rig();
    const born = clock.now();
    const spool = await open();
    await spool.close();
    await clock.advance(5000);
    const again = await open();
    expect([spool.born, again.born]).toEqual([born, born]);
    await again.close();
    const checkpoint = Buffer.from(disk.files.get("checkpoint.json") ?? []).toString();
    const old = checkpoint.replace(`"born":${born},`, "").replace(/,"crc":\d+/, "");
    expect(old).not.toBe(checkpoint);
    disk.files.set("checkpoint.json", Buffer.from(old));
    const older = await open();
    expect([older.born, older.stream]).toEqual([undefined, spool.stream]);
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
