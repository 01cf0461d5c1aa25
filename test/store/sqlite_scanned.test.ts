/** Rows from thread to thread in columns, and lines again. */
import { describe, expect, it } from "vitest";
import { buffersOf, linesOf, RowGatherer } from "../../store/sqlite/scanned.ts";

describe("rows in columns", () => {
  it("become the lines that they were, over a handing over of their buffers", () => {
    const gatherer = new RowGatherer("thermal", 4);
    const a = gatherer.from({ device: "a" }, [
      ["temp_c", Float64Array.of(20, Number.NaN)],
      ["x_note", ["cold", undefined]],
    ]);
    const b = gatherer.from({ device: "b" }, [
      ["x_note", Float64Array.of(7, 8)],
      ["temp_c", Float64Array.of(-0, 31)],
    ]);
    a(1000, 0);
    b(1000, 1);
    a(2000, 1);
    b(3000, 0);
    const rows = gatherer.rows();
    const moved = structuredClone(rows, { transfer: buffersOf(rows) });
    expect(rows.times).toHaveLength(0);
    const measurement = "thermal";
    // The third has no value and is no line.
    expect(linesOf(moved)).toEqual([
      { measurement, tags: { device: "a" }, fields: { temp_c: 20, x_note: "cold" }, time: 1000 },
      { measurement, tags: { device: "b" }, fields: { temp_c: 31, x_note: 8 }, time: 1000 },
      { measurement, tags: { device: "b" }, fields: { temp_c: -0, x_note: 7 }, time: 3000 },
    ]);
  });

  it("none are none", () => {
    const rows = new RowGatherer("thermal", 0).rows();
    expect(linesOf(structuredClone(rows, { transfer: buffersOf(rows) }))).toEqual([]);
  });
});
