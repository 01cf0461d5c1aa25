/** The file of a queue: what was written is read, also as it was written before, in slices. */
import { describe, expect, it } from "vitest";
import { eventOf } from "../../../alerts/notifiers/event.ts";
import { Queue } from "../../../alerts/notifiers/queue.ts";
import { fileOf } from "../../../alerts/notifiers/queue-file.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../../virtual.ts";
import { transition } from "./rig.ts";

const options = { name: "duty", most: 10_000, resolved: true };

function parts() {
  return { clock: new VirtualClock(), disk: new MemoryDisk(), log: new KeptLog() };
}

/** A queue that holds as many events. */
async function filled(count: number, { clock, disk, log } = parts()) {
  const queue = await Queue.load(options, { clock, disk, log });
  const entropy = new SeededEntropy();
  for (let i = 0; i < count; i += 1) {
    const event = eventOf(transition(`räck-${i}`, "firing"), { clock, entropy });
    if (event !== undefined) queue.add(event);
  }
  const saved = queue.save();
  await clock.advance(0);
  await saved;
  return { queue, clock, disk, log };
}

describe("the file of a queue", () => {
  it.each([0, 1, 1201])("gives back %d events", async (count) => {
    const { queue, clock, disk, log } = await filled(count);
    const loading = Queue.load(options, { clock, disk, log });
    await clock.advance(0);
    const again = await loading;
    expect(again.waiting).toEqual(queue.waiting);
    expect([...again.open]).toEqual([...queue.open]);
    expect(again.waiting).toHaveLength(count);
    expect(log.entries).toEqual([]);
    const text = new TextDecoder().decode(disk.bytesOf(fileOf("duty")));
    expect(JSON.parse(text)).toMatchObject({ v: 1, waiting: { length: count } });
  });

  it("lets others run while a long one is read", async () => {
    const { clock, disk, log } = await filled(2000);
    let loaded = false;
    const loading = Queue.load(options, { clock, disk, log }).then(() => (loaded = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([loaded, clock.timers]).toEqual([false, 1]);
    await clock.advance(0);
    await loading;
  });

  it("is read on one line too", async () => {
    const { queue, clock, disk, log } = await filled(3);
    const whole: unknown = JSON.parse(new TextDecoder().decode(disk.bytesOf(fileOf("duty"))));
    await disk.replace(fileOf("duty"), new TextEncoder().encode(JSON.stringify(whole)));
    const again = await Queue.load(options, { clock, disk, log });
    expect(again.waiting).toEqual(queue.waiting);
  });

  it("is set aside when it is not whole", async () => {
    const { clock, disk, log } = await filled(3);
    const bytes = disk.bytesOf(fileOf("duty"));
    for (let length = 0; length < bytes.length - 1; length += 1) {
      await disk.replace(fileOf("duty"), bytes.slice(0, length));
      const again = await Queue.load(options, { clock, disk, log });
      expect(again.waiting).toEqual([]);
      expect(disk.files.has(fileOf("duty"))).toBe(false);
    }
  });
});
