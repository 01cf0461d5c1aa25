/**
 * kill -9 of `rackstreet spool repair` at whatever step it is, on the real file system: when it
 * has come to its end at last, every good record is still there, and the agent goes on.
 */
import { readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemsOf, Spool, survey, unload } from "../../agent/index.ts";
import { openFolder, readFolder } from "../../cli/folder.ts";
import { batchOf, numbers, options, pendingOf } from "../agent/spool_rig.ts";
import { startRackstreet } from "../rackstreet.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const platform = { clock: new VirtualClock(), entropy: new SeededEntropy(3), log: silentLog };
const given = { ...options, size: 16 * 1024 ** 2, segment: 64 * 1024, commit: 0 };

let data: string;
let folder: string;

/** Some 25 segments. */
async function makeSpool(): Promise<void> {
  const spool = await Spool.open(given, await openFolder(folder), platform);
  for (let from = 1; from <= 6000; from += 100) {
    await Promise.all(numbers(from, from + 99).map((seq) => spool.append(batchOf(seq))));
  }
  spool.settle([[1, 50]]);
  await spool.close();
}

/** Damages every segment in two places, and the checkpoint. */
function damage(): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".seg"))) {
    const bytes = readFileSync(join(folder, name));
    for (const at of [1000, 30_000]) bytes.write("rotten", at);
    writeFileSync(join(folder, name), bytes);
  }
  writeFileSync(join(folder, "checkpoint.json"), '{"stream":"edge');
}

async function good(): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { batches } of unload(readFolder(folder), true)) {
    seqs.push(...batches.map(({ spooled }) => spooled.seq));
  }
  return seqs;
}

/** Repairs, and is killed when so many things have changed in the folder. */
async function repairUntil(changes: number): Promise<void> {
  await using child = startRackstreet(["spool", "repair", "--folder", data]);
  let seen = 0;
  const watcher = watch(folder, () => {
    seen += 1;
    if (seen === changes) process.kill(child.pid, "SIGKILL");
  });
  await child.ended();
  watcher.close();
}

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "rackstreet-repair-"));
  folder = join(data, "spool");
});

afterAll(() => rm(data, { recursive: true, force: true }));

describe("kill -9 of spool repair", () => {
  test("loses no good record and uses no number twice", async () => {
    await makeSpool();
    damage();
    const before = await good();
    expect(before.length).toBeGreaterThan(5900);
    expect(before.length).toBeLessThan(6000);
    let killed = 0;
    for (const changes of [1, 2, 3, 5, 8, 13, 21, 34, 55, 2, 89]) {
      await repairUntil(changes);
      killed += problemsOf(await survey(readFolder(folder))).length > 0 ? 1 : 0;
      expect(await good()).toEqual(before);
    }
    expect(killed).toBeGreaterThan(3);
    await repairUntil(Number.POSITIVE_INFINITY);
    expect(problemsOf(await survey(readFolder(folder), { deep: true }))).toEqual([]);
    expect(await good()).toEqual(before);

    const spool = await Spool.open(given, await openFolder(folder), platform);
    expect(await pendingOf(spool)).toEqual(before);
    const next = await spool.append(batchOf(1));
    expect(next?.seq).toBeGreaterThan(6000);
    await spool.close();
    // What a kill left half made is gone.
    expect(readdirSync(folder).filter((name) => name.includes(".new"))).toEqual([]);
  }, 120_000);
});
