/** The parts of what a session remembers. */
import { describe, expect, it } from "vitest";
import { Recall } from "../../../drivers/modbus/recall.ts";
import { memoryOf } from "./memory.ts";

const older = { "parking main entries_total holding 0x0000 32": { lastRaw: "5" } };

describe("what a session remembers", () => {
  it("keeps each part beside the others", () => {
    const memory = memoryOf(undefined);
    const recall = new Recall(memory);
    recall.part("counters")?.keep({ a: 1 });
    recall.part("reads")?.keep({ b: 2 });
    recall.part("counters")?.keep({ a: 3 });
    expect(memory.kept).toEqual({ counters: { a: 3 }, reads: { b: 2 } });
    const again = new Recall(memory);
    expect([again.part("counters")?.kept, again.part("reads")?.kept]).toEqual([{ a: 3 }, { b: 2 }]);
  });

  it("of an older version is the counters", () => {
    const memory = memoryOf(older);
    const recall = new Recall(memory);
    expect([recall.part("counters")?.kept, recall.part("reads")?.kept]).toEqual([older, undefined]);
    recall.part("reads")?.keep({ b: 2 });
    expect(memory.kept).toEqual({ counters: older, reads: { b: 2 } });
  });

  it.each([[undefined], [null], [7], ["text"], [{}], [[]]])("is nothing where it is %j", (kept) => {
    const recall = new Recall(memoryOf(kept));
    expect([recall.part("counters")?.kept, recall.part("reads")?.kept]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("is nothing without a memory", () => {
    expect(new Recall(undefined).part("reads")).toBeUndefined();
  });
});
