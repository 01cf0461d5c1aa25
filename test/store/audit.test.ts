/** The audit finds each single batch that is missing or there twice, and no other. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RangeSet } from "../../telemetry/index.ts";
import { AuditedWorld } from "./audit_rig.ts";

const nothing = { full: 0, disk: 0, damaged: 0, large: 0 };

/** So many batches of five devices, with reports among them and one at the end. */
function sail(world: AuditedWorld, batches: number): void {
  for (let i = 0; i < batches; i += 1) {
    world.offer(i % 5);
    if (i % 20 === 10) world.report();
  }
  world.report();
}

describe("an audit", () => {
  test("of a store that has everything adds up, whatever numbers a crash left out", async () => {
    const world = new AuditedWorld();
    sail(world, 100);
    world.crash();
    sail(world, 100);
    const offered = world.offered - 1;
    expect(await world.audit()).toEqual({
      offered,
      stored: offered,
      queued: 0,
      shed: nothing,
      refused: 0,
      missing: 0,
      storedAndShed: 0,
      doubled: 0,
      absent: [],
    });
  });

  test("finds each single batch that is missing, and says where", async () => {
    const seqs = new AuditedWorld();
    sail(seqs, 60);
    for (const seq of seqs.stored) {
      const world = new AuditedWorld();
      sail(world, 60);
      world.lose(seq);
      const found = await world.audit();
      expect(found).toMatchObject({ missing: 1, doubled: 0, absent: [[seq, seq]] });
    }
  });

  test("finds each single batch that is there twice", async () => {
    const seqs = new AuditedWorld();
    sail(seqs, 60);
    for (const seq of seqs.stored) {
      const world = new AuditedWorld();
      sail(world, 60);
      world.double(seq, 5);
      expect(await world.audit()).toMatchObject({ missing: 0, doubled: 1 });
    }
  });

  test("counts any losses and doubles exactly, for each of two agents in one store", async () => {
    const choice = fc.array(fc.integer({ min: 0, max: 79 }), { maxLength: 20 });
    const property = fc.asyncProperty(choice, choice, fc.boolean(), async (lost, twice, crash) => {
      const one = new AuditedWorld("one", "00000000000000a1");
      const two = new AuditedWorld("two", "00000000000000b2", one.store);
      for (const world of [one, two]) {
        sail(world, 40);
        if (crash) world.crash();
        sail(world, 40);
      }
      const losses = new Set(lost.map((index) => one.stored[index] ?? 0));
      const doubles = new Set(twice.map((index) => one.stored[index] ?? 0));
      for (const seq of doubles) one.double(seq, 1);
      for (const seq of losses) one.lose(seq);
      const stillTwice = [...doubles].filter((seq) => !losses.has(seq)).length;
      // A double of one that was lost takes its place.
      const missing = [...losses].filter((seq) => !doubles.has(seq)).length;
      expect(await one.audit()).toMatchObject({ missing, doubled: stillTwice });
      expect(await two.audit()).toMatchObject({ missing: 0, doubled: 0 });
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test("counts what was shed under its reason, and not as missing", async () => {
    const world = new AuditedWorld();
    sail(world, 30);
    world.offer(1, false);
    world.offer(2, false);
    world.shed.disk += 2;
    sail(world, 30);
    expect(await world.audit()).toMatchObject({ shed: { ...nothing, disk: 2 }, missing: 0 });
    const seq = world.stored[3] ?? 0;
    world.lose(seq);
    expect(await world.audit()).toMatchObject({ shed: { ...nothing, disk: 2 }, missing: 1 });
  });

  test("counts what the hub set aside as refused", async () => {
    const world = new AuditedWorld();
    sail(world, 30);
    const [seq = 0, other = 0] = world.stored;
    world.lose(seq);
    // Of the other only a part was refused: it is stored.
    const refused = RangeSet.of([
      [seq, seq],
      [other, other],
    ]);
    expect(await world.audit({ refused })).toMatchObject({ refused: 1, missing: 0 });
  });

  test("takes what waits for missing only when nothing waits below a later report", async () => {
    const world = new AuditedWorld();
    sail(world, 20);
    const settled = world.next - 1;
    const waiting = world.offer(1, false);
    world.report(waiting, 1);
    const before = await world.audit();
    expect(before).toMatchObject({ offered: settled - 1, missing: 0, queued: 0 });
    // Later the agent calls it settled: then it must be there.
    world.report();
    world.report();
    expect(await world.audit()).toMatchObject({ missing: 1, absent: [[waiting, waiting]] });
  });

  test("with one report alone allows for what it says is queued", async () => {
    const world = new AuditedWorld();
    world.offer(0);
    const waiting = [world.offer(1, false), world.offer(2, false)];
    world.report(waiting[0], 2);
    expect(await world.audit()).toMatchObject({ stored: 1, queued: 2, missing: 0 });
    world.lose(1);
    expect(await world.audit()).toMatchObject({ stored: 0, queued: 2, missing: 1 });
  });

  test("with the agent's spool beside it goes on to the newest batch", async () => {
    const world = new AuditedWorld();
    sail(world, 20);
    const waiting = world.offer(1, false);
    const last = world.offer(2);
    const { next: seq, offered, time, shed } = world;
    const spool = { seq, offered, time, shed, waiting: RangeSet.of([[waiting, waiting]]) };
    expect(await world.audit({ spool })).toMatchObject({ offered, queued: 1, missing: 0 });
    world.lose(last);
    expect(await world.audit({ spool })).toMatchObject({ queued: 1, missing: 1 });
  });

  test("since a time leaves out what was before", async () => {
    const world = new AuditedWorld();
    sail(world, 30);
    const lost = world.stored[2] ?? 0;
    world.shed.full += 1;
    world.offer(0, false);
    sail(world, 1);
    const since = world.time;
    sail(world, 50);
    world.lose(lost);
    const found = await world.audit({ since });
    expect(found).toMatchObject({ missing: 0, doubled: 0, shed: nothing });
    expect(found?.offered).toBe(found?.stored);
    world.lose(world.stored.at(-20) ?? 0);
    expect(await world.audit({ since })).toMatchObject({ missing: 1 });
  });

  test("tells of batches that were stored and then shed, whose answer was lost", async () => {
    const world = new AuditedWorld();
    sail(world, 30);
    world.shed.full += 3;
    sail(world, 30);
    expect(await world.audit()).toMatchObject({ missing: 0, storedAndShed: 3 });
  });
});
