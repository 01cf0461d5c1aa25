/** What sessions remember: durable before it is relied on, never in the way of readings. */
import { describe, expect, it } from "vitest";
import { Memories, memoriesName } from "../../agent/memories.ts";
import { KeptLog, MemoryDisk, silentLog } from "../virtual.ts";

const text = (disk: MemoryDisk): string => Buffer.from(disk.bytesOf(memoriesName)).toString();

describe("memories", () => {
  it("are there after a restart, by device", async () => {
    const disk = new MemoryDisk();
    const memories = await Memories.open(disk, silentLog);
    const memory = memories.of("a");
    expect(memory.kept).toBeUndefined();
    memory.keep({ count: 5 });
    memories.of("b").keep("seven");
    await memories.durable();
    const again = await Memories.open(disk, silentLog);
    expect([again.of("a").kept, again.of("b").kept]).toEqual([{ count: 5 }, "seven"]);
  });

  it("are durable when `durable` resolves, also what came while a write ran", async () => {
    const disk = new MemoryDisk();
    const memories = await Memories.open(disk, silentLog);
    const memory = memories.of("a");
    memory.keep(1);
    const first = memories.durable();
    memory.keep(2);
    await first;
    memory.keep(3);
    memory.keep(4);
    await memories.durable();
    expect(text(disk)).toContain('"a":4');
  });

  it("of devices that are gone are forgotten", async () => {
    const disk = new MemoryDisk();
    const memories = await Memories.open(disk, silentLog);
    memories.of("old").keep(1);
    await memories.durable();
    const again = await Memories.open(disk, silentLog);
    again.of("new").keep(2);
    await again.durable();
    expect(text(disk)).toBe('{"v":1,"devices":{"new":2}}');
  });

  it("that cannot be written are logged once and hold nothing up", async () => {
    const disk = new MemoryDisk();
    const log = new KeptLog();
    const memories = await Memories.open(disk, log);
    disk.failure = new Error("ENOSPC");
    for (const value of [1, 2, 3]) {
      memories.of("a").keep(value);
      await memories.durable();
    }
    expect(log.count("counters not written")).toBe(1);
    disk.failure = undefined;
    memories.of("a").keep(4);
    await memories.durable();
    expect(text(disk)).toContain('"a":4');
  });

  it("that are damaged are set aside", async () => {
    const disk = new MemoryDisk();
    disk.files.set(memoriesName, Buffer.from('{"v":1,"dev'));
    const log = new KeptLog();
    const memories = await Memories.open(disk, log);
    expect(memories.of("a").kept).toBeUndefined();
    expect(log.count("counters damaged")).toBe(1);
    expect(await disk.list()).toEqual([`${memoriesName}.damaged`]);
  });
});
