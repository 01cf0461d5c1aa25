/**
 * The read plan: examples, and laws that hold for every plan.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import type { Block, PlanLimits } from "../../../drivers/modbus/plan.ts";
import { planReads } from "../../../drivers/modbus/plan.ts";

const limits: PlanLimits = {
  maxRegisters: 125,
  minRegisters: 1,
  maxBits: 2000,
  gap: 10,
  bitGap: 160,
  even: false,
  forbid: [],
};

const at = (address: number, count = 1): Span => ({ table: "holding", at: address, count });

const shown = (blocks: readonly Block[]): string[] =>
  blocks.map((block) => `${block.at}+${block.count}`);

describe("what a plan does", () => {
  it.each([
    ["joins neighbours", [at(0), at(1), at(2)], {}, ["0+3"]],
    ["reads across a small hole", [at(0), at(11)], {}, ["0+12"]],
    ["not across a large one", [at(0), at(12)], {}, ["0+1", "12+1"]],
    [
      "stops at the device's limit",
      [at(0, 4), at(4, 4), at(8, 4)],
      { maxRegisters: 8 },
      ["0+8", "8+4"],
    ],
    ["reads equal places once", [at(5, 2), at(5, 2), at(5, 1)], {}, ["5+2"]],
    ["keeps off what is forbidden", [at(0), at(4)], { forbid: [[2, 2]] }, ["0+1", "4+1"]],
    ["starts and ends even", [at(1), at(3, 2)], { even: true }, ["0+6"]],
    ["reads at least what the device gives", [at(7)], { minRegisters: 4 }, ["7+4"]],
    [
      "pads in front where the end is forbidden",
      [at(7)],
      { minRegisters: 4, forbid: [[8, 9]] },
      ["4+4"],
    ],
    ["pads in front at the end of the addresses", [at(65_535)], { minRegisters: 4 }, ["65532+4"]],
  ] satisfies [string, Span[], Partial<PlanLimits>, string[]][])(
    "%s",
    (_name, spans, rules, blocks) => {
      expect(shown(planReads(spans, { ...limits, ...rules }))).toEqual(blocks);
    },
  );

  it("begins a block at a cut", () => {
    const [first, second] = [at(0), at(1)];
    expect(shown(planReads([first, second], limits, new Set([second])))).toEqual(["0+1", "1+1"]);
  });
});

const spans = fc.array(
  fc.record({
    table: fc.constantFrom("holding" as const, "input" as const, "coil" as const),
    at: fc.integer({ min: 0, max: 400 }),
    count: fc.constantFrom(1, 1, 2, 4, 8),
  }),
  { maxLength: 30 },
);

const rules = fc.record({
  maxRegisters: fc.integer({ min: 10, max: 125 }),
  minRegisters: fc.integer({ min: 1, max: 10 }),
  maxBits: fc.integer({ min: 16, max: 300 }),
  gap: fc.integer({ min: 0, max: 12 }),
  bitGap: fc.integer({ min: 0, max: 64 }),
  even: fc.boolean(),
  forbid: fc.array(
    fc.integer({ min: 410, max: 500 }).map((from) => [from, from + 5] as const),
    { maxLength: 2 },
  ),
});

describe("laws of every plan", () => {
  it("each wanted span lies in exactly one block, and each block keeps the device's limits", () => {
    fc.assert(
      fc.property(spans, rules, (wanted, rule) => {
        const blocks = planReads(wanted, rule);
        expect(blocks.flatMap((block) => block.wanted)).toHaveLength(wanted.length);
        for (const block of blocks) {
          const most = block.table === "coil" ? rule.maxBits : rule.maxRegisters;
          expect(block.count).toBeLessThanOrEqual(most);
          expect(block.at).toBeGreaterThanOrEqual(0);
          for (const span of block.wanted) {
            expect(span.table).toBe(block.table);
            expect(span.at).toBeGreaterThanOrEqual(block.at);
            expect(span.at + span.count).toBeLessThanOrEqual(block.at + block.count);
          }
          for (const [from, to] of rule.forbid) {
            expect(block.at > to || block.at + block.count <= from).toBe(true);
          }
        }
      }),
    );
  });

  it("no hole inside a block is wider than the gap", () => {
    fc.assert(
      fc.property(spans, rules, (wanted, rule) => {
        for (const block of planReads(wanted, { ...rule, even: false, minRegisters: 1 })) {
          const gap = block.table === "coil" ? rule.bitGap : rule.gap;
          let end = block.at;
          for (const span of block.wanted) {
            expect(span.at - end).toBeLessThanOrEqual(gap);
            end = Math.max(end, span.at + span.count);
          }
        }
      }),
    );
  });

  it("no plan has fewer requests", () => {
    const small = fc.array(fc.integer({ min: 0, max: 24 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        small,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 4 }),
        (places, most, gap) => {
          const wanted = [...new Set(places)].toSorted((a, b) => a - b);
          const plan = planReads(
            wanted.map((place) => at(place)),
            { ...limits, maxRegisters: most, gap },
          );
          expect(plan).toHaveLength(fewest(wanted, most, gap));
        },
      ),
    );
  });
});

/** By trying every way to cut the sorted places into blocks. */
function fewest(places: readonly number[], most: number, gap: number): number {
  if (places.length === 0) return 0;
  let best = Number.POSITIVE_INFINITY;
  for (let size = 1; size <= places.length; size += 1) {
    const head = places.slice(0, size);
    const fits = (head.at(-1) ?? 0) - (head[0] ?? 0) + 1 <= most;
    const close = head.every(
      (place, index) => index === 0 || place - (head[index - 1] ?? 0) - 1 <= gap,
    );
    if (fits && close) best = Math.min(best, 1 + fewest(places.slice(size), most, gap));
  }
  return best;
}
