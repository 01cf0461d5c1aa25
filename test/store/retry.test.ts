/** What was set aside, written again: nothing lost and nothing doubled, wherever it is cut. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RetryCounts, RetrySetup } from "../../store/index.ts";
import { asideEntry, asideText, retryAside } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { MemoryDisk } from "../virtual.ts";
import { MemoryStore } from "./memory_store.ts";

const signal = new AbortController().signal;
const files = ["set-aside.jsonl.old", "set-aside.jsonl"] as const;

function line(time: number): Line {
  return {
    measurement: "rack_power",
    tags: { device: "d1" },
    fields: { active_power_w: time },
    time,
  };
}

function entry(time: number, reason = "type conflict"): string {
  const aside = { topic: "t", reason, content: "{}", line: line(time), stream: "a.0f", seq: time };
  return asideText(aside, time);
}

async function diskWith(old: string, current: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.replace(files[0], Buffer.from(old));
  await disk.replace(files[1], Buffer.from(current));
  return disk;
}

function retry(
  disk: MemoryDisk,
  store: MemoryStore,
  more: Partial<RetrySetup> = {},
): Promise<RetryCounts> {
  const setup = { store, disk, files, since: undefined, reason: undefined, dryRun: false };
  return retryAside({ ...setup, ...more }, signal);
}

const none = { done: 0, leftOut: 0, withoutLine: 0, written: 0, refused: 0, reasons: {} };

describe("an entry", () => {
  const fields = fc.dictionary(
    fc.string({ minLength: 1 }),
    fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
    ),
  );
  const lines = fc.record({
    measurement: fc.string(),
    tags: fc.dictionary(fc.string(), fc.string()),
    fields,
    time: fc.maxSafeNat(),
  });

  test("gives its line back", () => {
    const property = fc.property(lines, fc.string(), (given, reason) => {
      const text = asideText({ topic: "t", reason, content: "", line: given }, 7);
      expect(text.indexOf("\n")).toBe(text.length - 1);
      const read = asideEntry(text);
      expect(read).toMatchObject({ time: 7, reason });
      expect(JSON.stringify(read?.line)).toBe(JSON.stringify(given));
    });
    fc.assert(property);
  });

  test("that is too long, or not a number, holds no line", () => {
    const long = { ...line(1), fields: { x_text: "x".repeat(70_000) } };
    const text = asideText(
      { topic: "t", reason: "r", content: JSON.stringify(long), line: long },
      1,
    );
    expect(text.length).toBeLessThan(5000);
    expect(asideEntry(text)).toMatchObject({ time: 1, reason: "r", line: undefined });
    const nan = { ...line(1), fields: { x_a: Number.NaN } };
    const entryOfNan = asideEntry(
      asideText({ topic: "t", reason: "r", content: "", line: nan }, 1),
    );
    expect(entryOfNan?.line).toBeUndefined();
    expect(entryOfNan?.reason).toBe("r");
  });

  test("never throws, whatever stands there", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void asideEntry(text)));
  });
});

describe("a retry", () => {
  test("writes what can be written, oldest file first, and only once", async () => {
    const disk = await diskWith(entry(1) + entry(2), entry(3) + entry(3));
    const store = new MemoryStore();
    expect(await retry(disk, store)).toEqual({ ...none, entries: 3, written: 3 });
    expect([...store.rows.values()].map(({ time }) => time)).toEqual([1, 2, 3]);
    expect(await retry(disk, store)).toEqual({ ...none, entries: 3, done: 3 });
    expect(store.writes).toEqual([3]);
  });

  test("keeps what is refused again, for the next time", async () => {
    const disk = await diskWith("", entry(1) + entry(2));
    const stubborn = new MemoryStore([], ({ time }) => time === 2);
    const reasons = { "refused by the test": 1 };
    const counts = { ...none, entries: 2, written: 1, refused: 1, reasons };
    expect(await retry(disk, stubborn)).toEqual(counts);
    expect(await retry(disk, new MemoryStore())).toEqual({
      ...none,
      entries: 2,
      done: 1,
      written: 1,
    });
  });

  test("keeps what the register still does not allow, though the store would take it", async () => {
    const tagged = { ...line(1), tags: { device: "d1", colour: "red" } };
    const aside = { topic: "t", reason: "rack_power has no tag colour", content: "", line: tagged };
    const disk = await diskWith("", asideText({ ...aside, stream: "a.0f", seq: 1 }, 1) + entry(2));
    const store = new MemoryStore();
    const reasons = { "rack_power has no tag colour": 1 };
    const counts = { ...none, entries: 2, written: 1, refused: 1, reasons };
    expect(await retry(disk, store)).toEqual(counts);
    expect([...store.rows.values()]).toEqual([line(2)]);
  });

  test("chooses by time and reason, and leaves what holds no line", async () => {
    const message = asideText({ topic: "t", reason: "not JSON", content: "garbage" }, 9);
    const torn = entry(5).slice(0, 30);
    const disk = await diskWith("", entry(1) + entry(8, "too old") + entry(9) + message + torn);
    const store = new MemoryStore();
    const counts = await retry(disk, store, { since: 5, reason: "conflict" });
    expect(counts).toEqual({ ...none, entries: 5, leftOut: 2, withoutLine: 2, written: 1 });
    expect([...store.rows.values()]).toEqual([line(9)]);
  });

  test("--dry-run writes nothing and notes nothing", async () => {
    const disk = await diskWith("", entry(1));
    const store = new MemoryStore();
    expect(await retry(disk, store, { dryRun: true })).toEqual({ ...none, entries: 1, written: 1 });
    expect(store.writes).toEqual([]);
    expect((await retry(disk, store)).written).toBe(1);
  });

  test("notes no more than there are entries", async () => {
    const disk = await diskWith(entry(1), entry(2));
    await retry(disk, new MemoryStore());
    await disk.replace(files[0], Buffer.from(""));
    expect(await retry(disk, new MemoryStore())).toEqual({ ...none, entries: 1, done: 1 });
    expect(disk.bytesOf("set-aside.jsonl.retried").length).toBe(33);
  });

  test("cut at any write: the next one ends with every row, each counted once", async () => {
    const texts = Array.from({ length: 3500 }, (_, at) => entry(at));
    for (const cut of [0, 1, 2, 3]) {
      const disk = await diskWith("", texts.join(""));
      const store = new MemoryStore();
      const write = store.write.bind(store);
      let left = cut;
      store.write = async (lines) => {
        left -= 1;
        const result = await write(lines);
        // Killed when the rows are there and nothing is noted yet.
        if (left === -1) throw new GatewayError("E_STORE_DOWN", "killed");
        return result;
      };
      await expect(retry(disk, store)).rejects.toMatchObject({ code: "E_STORE_DOWN" });
      const counts = await retry(disk, store);
      expect([counts.done, counts.written]).toEqual([1000 * cut, 3500 - 1000 * cut]);
      expect(store.rows.size).toBe(3500);
    }
  });
});
