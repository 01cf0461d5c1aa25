/** Survey, unloading and repair of a spool after any damage, killed at any moment. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problemsOf, repair, survey, unload } from "../../agent/index.ts";
import type { Deed } from "../../agent/index.ts";
import type { Disk } from "../../telemetry/index.ts";
import { Chance } from "../voyage/chance.ts";
import { openDisk, Platter } from "../voyage/disk.ts";
import { SimProcess } from "../voyage/process.ts";
import { MemoryDisk, SeededEntropy, VirtualClock } from "../virtual.ts";
import { batchOf, numbers, pendingOf, rig } from "./spool_rig.ts";

interface Placed {
  readonly file: string;
  readonly seq: number;
  readonly from: number;
  readonly to: number;
}

/** Four segments, telemetry and events; 1 to 40 of 120 batches are settled. */
async function filled(orderly: boolean) {
  const { open, append, disk } = rig();
  const spool = await open();
  for (let from = 1; from <= 120; from += 15) {
    await append(
      spool,
      numbers(from, from + 14).map((seq) => batchOf(seq, seq % 10 === 0 ? "event" : "telemetry")),
    );
  }
  spool.settle([[1, 40]]);
  if (orderly) await spool.close();
  return { disk, stream: spool.stream };
}

/** Where each record lies, by its header alone. */
function placesIn(disk: MemoryDisk): Placed[] {
  const places: Placed[] = [];
  for (const [file, bytes] of disk.files) {
    const view = Buffer.from(bytes);
    let from = 0;
    while (file.endsWith(".seg") && view.subarray(from, from + 4).toString() === "RSP1") {
      const to = from + 28 + view.readUInt32LE(from + 4);
      places.push({ file, seq: view.readUInt32LE(from + 12), from, to });
      from = to;
    }
  }
  return places;
}

/** Bytes put somewhere, a file cut, or a file gone. */
const damage = fc.record({
  file: fc.nat(20),
  at: fc.nat(9000),
  what: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 600 }),
    fc.constant(new Uint8Array(300)),
    fc.constant(Buffer.from("RSP1")),
    fc.constantFrom("cut" as const, "gone" as const),
  ),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Does damage; returns the numbers whose record no byte of was touched. */
function damaged(disk: MemoryDisk, damages: readonly Damage[]): Set<number> {
  let places = placesIn(disk);
  for (const { file: index, at, what } of damages) {
    const names = [...disk.files.keys()];
    const file = names[index % names.length] ?? "";
    const bytes = disk.bytesOf(file);
    const from = Math.min(at, bytes.length);
    let to = bytes.length;
    if (what === "gone") disk.files.delete(file);
    else if (what === "cut") disk.files.set(file, bytes.slice(0, from));
    else {
      to = Math.min(bytes.length, from + what.length);
      bytes.set(what.subarray(0, to - from), from);
    }
    const start = what === "gone" ? 0 : from;
    places = places.filter((one) => one.file !== file || one.to <= start || one.from >= to);
  }
  return new Set(places.map(({ seq }) => seq));
}

async function unloaded(disk: Disk, all: boolean): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { batches } of unload(disk, all)) {
    seqs.push(...batches.map(({ spooled }) => spooled.seq));
  }
  return seqs;
}

async function repaired(disk: Disk, dry = false): Promise<Deed[]> {
  const deeds: Deed[] = [];
  const entropy = new SeededEntropy(99);
  await repair({ disk, entropy, agent: "edge", dry, tell: (deed) => void deeds.push(deed) });
  return deeds;
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk();
  for (const [name, bytes] of disk.files) copy.files.set(name, bytes.slice());
  return copy;
}

/** A disk on which any change is a mistake. */
function readOnly(disk: MemoryDisk): MemoryDisk {
  const copy = copyOf(disk);
  copy.failure = new Error("changed");
  return copy;
}

const damages = fc.array(damage, { minLength: 1, maxLength: 5 });

describe("the tools of the spool", () => {
  test.each([true, false])("find a good spool whole (closed in order: %s)", async (orderly) => {
    const { disk } = await filled(orderly);
    const facts = await survey(readOnly(disk), { deep: true });
    expect(problemsOf(facts)).toEqual([]);
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    expect(sum(facts.segments.map(({ records }) => records))).toBe(120);
    expect(sum(facts.segments.map(({ pending }) => pending))).toBe(orderly ? 80 : 120);
    expect(await repaired(disk)).toEqual([]);
  });

  test("never change what they look at, and never lose a record that is good", async () => {
    await fc.assert(
      fc.asyncProperty(damages, fc.boolean(), async (given, orderly) => {
        const { disk } = await filled(orderly);
        const good = damaged(disk, given);
        const before = readOnly(disk);
        const facts = await survey(before, { deep: true });
        problemsOf(facts);
        const planned = await repaired(before, true);
        expect(before.files).toEqual(disk.files);
        const all = new Set(await unloaded(before, true));
        expect([...good].filter((seq) => !all.has(seq))).toEqual([]);

        const waiting = await unloaded(before, false);
        const done = await repaired(disk);
        expect(done.map(({ what }) => what)).toEqual(planned.map(({ what }) => what));
        const after = await survey(disk, { deep: true });
        expect(problemsOf(after)).toEqual([]);
        expect(after.segments.every(({ torn }) => torn === undefined)).toBe(true);
        expect(await unloaded(disk, true)).toEqual([...all]);
        expect(await unloaded(disk, false)).toEqual(waiting);
        expect(await repaired(disk)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("leave a spool in which the agent finds all that waits and reuses no number", async () => {
    await fc.assert(
      fc.asyncProperty(damages, async (given) => {
        const { disk, stream } = await filled(true);
        damaged(disk, given);
        const waiting = await unloaded(disk, false);
        await repaired(disk);
        const { open, append } = rig(disk);
        const spool = await open();
        expect(await pendingOf(spool)).toEqual(waiting);
        const [next] = await append(spool, [batchOf(1)]);
        if (spool.stream === stream) expect(next?.seq).toBeGreaterThan(120);
        else expect(next?.seq).toBeGreaterThan(Math.max(0, ...waiting));
        const { offered, stored, queued, shed } = spool.ledger;
        expect(stored + queued + shed.damaged).toBe(offered);
      }),
      { numRuns: 100 },
    );
  });

  test("repair that is killed at any moment, with torn writes, goes on where it was", async () => {
    await fc.assert(
      fc.asyncProperty(
        damages,
        fc.array(fc.nat(120), { maxLength: 6 }),
        fc.nat(),
        async (given, deaths, seed) => {
          const { disk } = await filled(true);
          damaged(disk, given);
          const all = await unloaded(disk, true);
          const waiting = await unloaded(disk, false);
          const clock = new VirtualClock();
          const chance = new Chance(seed);
          const platter = new Platter(1024 ** 2);
          const live = async (events: number, act: (disk: Disk) => unknown): Promise<void> => {
            const process = new SimProcess(clock, events);
            void openDisk(platter, { process, chance }).then(act);
            await clock.advance(100_000);
            process.kill();
            platter.powerCut(chance);
          };
          await live(Number.POSITIVE_INFINITY, async (copy) => {
            for (const [name, bytes] of disk.files) await copy.replace(name, bytes);
          });
          for (const events of deaths) await live(events + 1, repaired);
          await live(Number.POSITIVE_INFINITY, repaired);
          const rest = new MemoryDisk();
          for (const [name, { view }] of platter.files) rest.files.set(name, view);
          expect(problemsOf(await survey(rest, { deep: true }))).toEqual([]);
          expect(await unloaded(rest, true)).toEqual(all);
          expect(await unloaded(rest, false)).toEqual(waiting);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("the damaged bytes are beside the segment, each with its place", async () => {
    const { disk } = await filled(true);
    const name = [...disk.files.keys()].find((file) => file.startsWith("t-")) ?? "";
    disk.bytesOf(name).set(Buffer.from("not a record"), 400);
    const hurt = Buffer.from(disk.bytesOf(name).slice());
    const [deed] = await repaired(disk);
    const aside = deed?.what === "segment" ? deed.aside : "";
    const lines = Buffer.from(disk.bytesOf(aside)).toString().trimEnd().split("\n");
    for (const line of lines) {
      const { offset, length, bytes }: { offset: number; length: number; bytes: string } =
        JSON.parse(line);
      expect(Buffer.from(bytes, "base64")).toEqual(hurt.subarray(offset, offset + length));
    }
    expect(hurt.indexOf("not a record")).toBe(400);
    expect(lines.join()).toContain('"offset"');
  });

  test("say what is wrong with records whose checksum is right", async () => {
    const { disk } = await filled(true);
    const names = [...disk.files.keys()].filter((file) => file.startsWith("t-"));
    const [first = "", second = ""] = names;
    disk.files.set("t-0000000000009000.seg", disk.bytesOf(first));
    disk.files.set("e-0000000000000002.seg", disk.bytesOf(second));
    const problems = problemsOf(await survey(disk, { deep: true })).join("\n");
    expect(problems).toMatch(/stand in another segment, too/);
    expect(problems).toMatch(/t-0000000000009000\.seg: \d+ is below the first number/);
    expect(problems).toMatch(/e-0000000000000002\.seg: \d+ is no event/);
    expect(problems).toMatch(/and \d+ more/);
  });
});
