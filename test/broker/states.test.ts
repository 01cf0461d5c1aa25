/** Stale devices, and the file of what was set aside. */
import { describe, expect, test } from "vitest";
import { AsideFile, DeviceStates } from "../../broker/index.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const address = { region: "local", org: "main", site: "s", class: "power", device: "m" };
const platformOf = (clock: VirtualClock) => ({
  clock,
  entropy: new SeededEntropy(1),
  log: silentLog,
});

function rig() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const states = new DeviceStates(
    {
      publish: (_topic, payload) => {
        const body: unknown = JSON.parse(payload);
        told.push(JSON.stringify(body));
      },
      changed: () => undefined,
    },
    platformOf(clock),
  );
  const meta = (interval: number): void =>
    states.meta(address, Buffer.from(JSON.stringify({ v: 1, interval_ms: interval })));
  return { clock, states, told, meta };
}

describe("device states", () => {
  test("three missed intervals make a device stale; the next batch brings it back", async () => {
    const { clock, states, told, meta } = rig();
    meta(5000);
    states.seen(address);
    await clock.advance(14_000);
    expect(told).toEqual([]);
    await clock.advance(3000);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('"state":"stale"');
    expect(states.all[0]?.state).toBe("stale");
    states.seen(address);
    expect(told[1]).toContain('"state":"online"');
    states[Symbol.dispose]();
  });

  test("a device that its agent calls offline is not called stale too", async () => {
    const { clock, states, told, meta } = rig();
    meta(1000);
    states.state(address, Buffer.from('{"v":1,"state":"offline"}'));
    await clock.advance(60_000);
    expect(told).toEqual([]);
    states[Symbol.dispose]();
  });

  test("a device of another hub is not called stale here, until that hub is gone", async () => {
    const { clock, states, told, meta } = rig();
    meta(1000);
    states.seenBy("other", address);
    await clock.advance(60_000);
    expect(told).toEqual([]);
    states.adopt("third");
    await clock.advance(60_000);
    expect(told).toEqual([]);
    states.adopt("other");
    await clock.advance(2000);
    expect(told).toEqual([]);
    await clock.advance(3000);
    expect(told).toEqual([expect.stringContaining('"state":"stale"')]);
    // It came to this hub.
    states.seen(address);
    expect(told[1]).toContain('"state":"online"');
    await clock.advance(10_000);
    expect(told).toHaveLength(3);
    states[Symbol.dispose]();
  });

  test("what another hub said of its device stands, whatever is heard of it here", async () => {
    const { clock, states, told, meta } = rig();
    meta(1000);
    states.state(address, Buffer.from('{"v":1,"state":"stale"}'));
    states.seenBy("other", address);
    await clock.advance(1000);
    expect(told).toEqual([]);
    states[Symbol.dispose]();
  });

  test("a device whose telemetry comes without meta is counted after a minute", async () => {
    const { clock, states, meta } = rig();
    states.seen(address);
    states.state({ ...address, device: "other" }, Buffer.from('{"v":1,"state":"online"}'));
    await clock.advance(59_000);
    expect(states.undescribed).toBe(0);
    await clock.advance(3000);
    expect(states.undescribed).toBe(1);
    meta(5000);
    await clock.advance(2000);
    expect(states.undescribed).toBe(0);
    states[Symbol.dispose]();
  });

  test("a device without meta is not judged, and garbage changes nothing", async () => {
    const { clock, states, told } = rig();
    states.seen(address);
    states.meta(address, Buffer.from("garbage"));
    states.state(address, Buffer.from("[1]"));
    await clock.advance(600_000);
    expect(told).toEqual([]);
    states[Symbol.dispose]();
    expect(clock.timers).toBe(0);
  });
});

describe("the file of what was set aside", () => {
  test("holds one JSON object a line, over a restart, in two files at most", async () => {
    const disk = new MemoryDisk();
    const platform = platformOf(new VirtualClock());
    const content = "x".repeat(10_000);
    for (let life = 0; life < 5; life += 1) {
      await using file = new AsideFile(disk, platform);
      for (let i = 0; i < 700; i += 1) void file.add({ topic: "t", reason: `r${life}`, content });
    }
    expect([...disk.files.keys()].toSorted()).toEqual(["set-aside.jsonl", "set-aside.jsonl.old"]);
    const text = Buffer.from(disk.bytesOf("set-aside.jsonl")).toString().trimEnd();
    for (const line of text.split("\n")) expect(JSON.parse(line)).toMatchObject({ topic: "t" });
    expect(disk.bytesOf("set-aside.jsonl").length).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  test("a disk that refuses costs the entries, not the hub", async () => {
    const disk = new MemoryDisk();
    disk.failure = new Error("EIO");
    await using file = new AsideFile(disk, platformOf(new VirtualClock()));
    await file.add({ topic: "t", reason: "r", content: "c" });
    expect(file.count).toBe(1);
  });

  test("an entry is durable before it is said to rest", async () => {
    const disk = new MemoryDisk();
    const events: string[] = [];
    const open = disk.open.bind(disk);
    disk.open = async (name, size) => {
      const file = await open(name, size);
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        events.push("synced");
      };
      return file;
    };
    await using file = new AsideFile(disk, platformOf(new VirtualClock()));
    const first = file.add({ topic: "t", reason: "r", content: "c" });
    await first.then(() => events.push("rests"));
    await file.add({ topic: "t", reason: "r", content: "d" }).then(() => events.push("rests"));
    expect(events).toEqual(["synced", "rests", "synced", "rests"]);
  });
});
