/** Chunks of the embedded store: what was put in comes out bit for bit, and small. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Block, Column } from "../../store/sqlite/block.ts";
import { mergeBlocks, sortedBlock, spanOf } from "../../store/sqlite/block.ts";
import { ByteReader, ByteWriter } from "../../store/sqlite/bytes.ts";
import { maxChunkRows, readChunk, readHead, sealBlock } from "../../store/sqlite/chunk.ts";
import type { SealedChunk } from "../../store/sqlite/chunk.ts";
import { readNumbers, writeNumbers } from "../../store/sqlite/column.ts";
import { decodeRecord, encodeRecord } from "../../store/sqlite/log.ts";

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -1e6, max: 1e6 }).map((whole) => whole / 10),
  fc.integer({ min: -1e6, max: 1e6 }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, 0.3),
);
/** Minus zero is zero in every engine. */
const value = finite.map((number) => number + 0);

function throughNumbers(values: readonly number[], packing: "packed" | "plain"): number[] {
  const out = new ByteWriter();
  writeNumbers(out, Float64Array.from(values), packing);
  const from = new ByteReader(out.finish());
  const found = [...readNumbers(from, values.length)];
  expect(from.left).toBe(0);
  return found;
}

describe("a column of numbers", () => {
  const packing = fc.constantFrom("packed" as const, "plain" as const);

  test("comes out bit for bit", () => {
    const values = fc.oneof(
      fc.array(value, { minLength: 1, maxLength: 300 }),
      fc.tuple(value, fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 60 })).map(
        // A counter: the same number, a little more each time.
        ([start, steps]) => steps.map((step, i) => start + i * 7 + step),
      ),
    );
    fc.assert(
      fc.property(values, packing, (values, packing) => {
        expect(throughNumbers(values, packing)).toEqual(values);
      }),
      { numRuns: 400 },
    );
  });

  test.each([
    ["a counter", (i: number) => 1e9 + i * 5, 0.05],
    ["a tenth of a volt", (i: number) => Math.round(2300 + 8 * Math.sin(i * i)) / 10, 0.8],
    ["a state", (i: number) => Math.floor(i / 100) % 3, 0.2],
    ["a constant", () => 0.1, 0.02],
    ["any double", (i: number) => Math.sin(i * i), 8.1],
  ] as const)("of %s takes few bytes", (_name, of, most) => {
    const values = Float64Array.from({ length: 1440 }, (_, i) => of(i));
    const out = new ByteWriter();
    writeNumbers(out, values, "packed");
    expect(out.length / values.length).toBeLessThan(most);
  });
});

const times = fc
  .uniqueArray(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 500 })
  .map((times) => Float64Array.from(times.toSorted((a, b) => a - b)));

/** A block with a full, a sparse, an empty and a text column. */
const block = fc
  .tuple(times, fc.infiniteStream(value), fc.infiniteStream(fc.nat(3)))
  .map(([times, values, choices]): Block => {
    const next = (): number => values.next().value ?? 0;
    const chosen = (): number => choices.next().value ?? 0;
    const rows = [...times];
    return {
      times,
      columns: new Map<number, Column>([
        [7, Float64Array.from(rows, next)],
        [8, Float64Array.from(rows, () => (chosen() === 0 ? next() : Number.NaN))],
        [9, Float64Array.from(rows, () => Number.NaN)],
        [10, rows.map(() => (chosen() === 0 ? undefined : `text ${chosen()} \u{1f642}`))],
      ]),
    };
  });

function opened(chunk: SealedChunk, wanted: (id: number) => boolean = () => true): Block {
  return readChunk({ head: readHead(chunk.head), body: chunk.body, rows: chunk.rows }, wanted);
}

/** Rows as plain objects: only what is there. */
function rowsOf({ times, columns }: Block): unknown[] {
  return [...times].map((time, row) => [
    time,
    ...[...columns].flatMap(([id, column]) => {
      const value = column[row];
      return value === undefined || value !== value ? [] : [[id, value]];
    }),
  ]);
}

describe("a chunk", () => {
  test("holds rows, missing values and texts; its head tells the truth", () => {
    fc.assert(
      fc.property(block, (block) => {
        const [chunk, ...more] = sealBlock(block);
        if (chunk === undefined) throw new Error("no chunk");
        expect(more).toEqual([]);
        expect(rowsOf(opened(chunk))).toEqual(rowsOf(block));
        const only = opened(chunk, (id) => id === 8);
        expect([...only.columns.keys()].every((id) => id === 8)).toBe(true);
        for (const [id, head] of readHead(chunk.head).fields) {
          const column = block.columns.get(id) ?? [];
          const own = [...block.times].flatMap((time, row): [number, number][] => {
            const value = column[row];
            return value === undefined || value !== value ? [] : [[time, Number(value)]];
          });
          expect(head.count).toBe(own.length);
          expect([head.firstTime, head.lastTime]).toEqual([own[0]?.[0], own.at(-1)?.[0]]);
          if (head.text) continue;
          const numbers = own.map(([, value]) => value);
          const { sum, min, max, first, last } = head;
          expect({ sum, min, max, first, last }).toEqual({
            sum: numbers.reduce((a, b) => a + b, 0),
            min: Math.min(...numbers),
            max: Math.max(...numbers),
            first: numbers[0],
            last: numbers.at(-1),
          });
        }
      }),
    );
  });

  test("of too many rows is made several", () => {
    const times = Float64Array.from({ length: maxChunkRows + 1 }, (_, i) => i);
    const chunks = sealBlock({ times, columns: new Map([[1, times]]) });
    expect(chunks.map(({ rows }) => rows)).toEqual([2048, 2049]);
    expect(chunks.flatMap((chunk) => [...opened(chunk).times])).toEqual([...times]);
  });

  test("that is damaged is refused, never misread", () => {
    const times = Float64Array.from({ length: 300 }, (_, i) => i * 1000);
    const [chunk] = sealBlock({ times, columns: new Map([[1, times.map(Math.sin)]]) });
    if (chunk === undefined) throw new Error("no chunk");
    const attempt = (body: Uint8Array, head: Uint8Array): unknown => {
      try {
        return opened({ ...chunk, body, head }).times.length;
      } catch (error) {
        return error;
      }
    };
    fc.assert(
      fc.property(fc.nat(chunk.head.length - 1), fc.nat(chunk.body.length - 1), (a, b) => {
        const cut = attempt(chunk.body.subarray(0, b), chunk.head.subarray(0, a));
        expect(cut).toMatchObject({ code: "E_STORE_CONFIG" });
      }),
    );
  });
});

describe("blocks", () => {
  test("in any order are sorted, and the later of two rows of one time wins", () => {
    const column = Float64Array.from([1, 2, Number.NaN, 4]);
    const sorted = sortedBlock({
      times: Float64Array.from([5, 3, 5, 3]),
      columns: new Map<number, Column>([
        [1, column],
        [2, ["a", undefined, "b", undefined]],
      ]),
    });
    expect(rowsOf(sorted)).toEqual([
      [3, [1, 4]],
      [5, [1, 1], [2, "b"]],
    ]);
  });

  test("merge as if all rows had been written one after the other", () => {
    fc.assert(
      fc.property(block, block, (older, newer) => {
        const merged = mergeBlocks(older, newer);
        const wanted = new Map<number, Map<number, number | string>>();
        for (const { times, columns } of [older, newer]) {
          times.forEach((time, row) => {
            const values = wanted.get(time) ?? new Map<number, number | string>();
            wanted.set(time, values);
            for (const [id, column] of columns) {
              const value = column[row];
              if (value !== undefined && value === value) values.set(id, value);
            }
          });
        }
        const rows = [...wanted].toSorted(([a], [b]) => a - b);
        expect(rowsOf(merged)).toEqual(
          rows.map(([time, values]) => [
            time,
            ...[7, 8, 9, 10].flatMap((id) => (values.has(id) ? [[id, values.get(id)]] : [])),
          ]),
        );
        const [from, to] = [1000, 500_000];
        const inside = rows.filter(([time]) => time >= from && time < to);
        expect([...spanOf(merged, from, to).times]).toEqual(inside.map(([time]) => time));
      }),
    );
  });
});

test("a record of the log comes out as it went in; one cut short is refused", () => {
  const record = {
    times: Float64Array.from([1, 2 ** 43]),
    series: Uint32Array.from([1, 2 ** 31]),
    shapes: Uint32Array.from([3, 4]),
    values: Float64Array.from([0.1, 1, 0]),
    texts: ["\u{1f642} ä"],
  };
  const bytes = encodeRecord(record);
  expect(decodeRecord(bytes)).toEqual(record);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeRecord(bytes.subarray(0, length))).toThrow(/damaged/);
  }
});
