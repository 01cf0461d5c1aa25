/** The real folder over a disk that loses what was not synced, and one that is full. */
import { expect, test } from "vitest";
import type { Disk } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { Chance } from "../voyage/chance.ts";
import { openDisk, Platter } from "../voyage/disk.ts";
import { SimProcess } from "../voyage/process.ts";

function rig(capacity = 1_000_000) {
  const clock = new VirtualClock();
  const chance = new Chance(1);
  const platter = new Platter(capacity);
  const open = (process = new SimProcess(clock)): Promise<Disk> =>
    openDisk(platter, { process, chance });
  const done = async <T>(promise: Promise<T>): Promise<T> => {
    const settled = promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await clock.advance(1000);
    const outcome = await settled;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
  return { clock, chance, platter, open, done };
}

test("a folder whose first start died as it was made is made durable by the next", async () => {
  const { clock, chance, platter, open, done } = rig();
  void open(new SimProcess(clock, 2));
  await clock.advance(1000);
  const disk = await done(open());
  await done(disk.replace("one", Uint8Array.of(1)));
  for (let cut = 0; cut < 20; cut += 1) platter.powerCut(chance);
  expect([...platter.files.keys()]).toEqual(["one"]);
});

test("what a full disk took of a file goes again", async () => {
  const { platter, open, done } = rig(1000);
  const disk = await done(open());
  await done(disk.replace("one", new Uint8Array(600)));
  await expect(done(disk.replace("one", new Uint8Array(700)))).rejects.toThrow("ENOSPC");
  expect([...platter.files.keys()]).toEqual(["one"]);
  expect(platter.used).toBe(600);
});
