/**
 * The read plan: examples, and laws that hold for every plan: it keeps the device's limits, and no
 * other way to cut the same spans into blocks is quicker.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Timing } from "../../../drivers/modbus/cost.ts";
import { networkTiming, serialTiming } from "../../../drivers/modbus/cost.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import type { Block, PlanLimits } from "../../../drivers/modbus/plan.ts";
import { planBelow, planReads, planTime } from "../../../drivers/modbus/plan.ts";
import { planGreedily } from "../../../bench/read-plan-peers.ts";

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

/** 9600 8N1 and a device that takes 20 ms: 19 registers cost less than a request, 20 more. */
const slow = serialTiming({ baud: 9600, parity: "none", dataBits: 8, stopBits: 1 });
const fast = networkTiming();
const free: PlanLimits = { ...limits, gap: undefined, bitGap: undefined };

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
      const limited = { ...limits, ...rules };
      expect(shown(planReads(spans, { limits: limited, timing: slow }))).toEqual(blocks);
    },
  );

  it("begins a block at a cut", () => {
    const [first, second] = [at(0), at(1)];
    const cut = (span: Span): boolean => span === second;
    const plan = planReads([first, second], { limits, timing: slow, cut });
    expect(shown(plan)).toEqual(["0+1", "1+1"]);
  });

  it("reads across what is to be avoided in no block of that table", () => {
    const wanted = [
      at(0),
      at(2),
      { ...at(0), table: "input" as const },
      { ...at(2), table: "input" as const },
    ];
    const plan = planReads(wanted, { limits, timing: slow, avoid: [at(1)] });
    expect(shown(plan)).toEqual(["0+1", "2+1", "0+3"]);
  });

  it.each([
    ["a slow line", slow, 19, ["0+21"]],
    ["a slow line", slow, 20, ["0+1", "21+1"]],
    ["a network", fast, 100, ["0+102"]],
  ] satisfies [string, Timing, number, string[]][])(
    "reads across what costs less than a request: %s, %s, %i registers",
    (_name, timing, hole, blocks) => {
      expect(shown(planReads([at(0), at(hole + 1)], { limits: free, timing }))).toEqual(blocks);
    },
  );

  it("cuts where the hole is, not where a block is full", () => {
    const wanted = [at(0, 40), at(50, 40), at(90, 40)];
    const plan = planReads(wanted, { limits: { ...free, maxRegisters: 100 }, timing: slow });
    expect(shown(plan)).toEqual(["0+40", "50+80"]);
    expect(shown(planGreedily(wanted, { ...free, maxRegisters: 100 }))).toEqual(["0+90", "90+40"]);
  });
});

describe("below a ceiling that is not known well", () => {
  const wanted = Array.from({ length: 120 }, (_, index) => at(index));
  const rules = { limits, timing: slow };

  it("asks for more than is known to work where that saves time", () => {
    const plan = planBelow({ accepted: 30, refused: 120 }, wanted, rules);
    expect(shown(plan)).toEqual(["0+75", "75+45"]);
  });

  it("and for no more where it does not", () => {
    const plan = planBelow({ accepted: 60, refused: 120 }, wanted, rules);
    expect(shown(plan)).toEqual(["0+60", "60+60"]);
  });
});

function anySpan(max: number): fc.Arbitrary<Span> {
  return fc.record({
    table: fc.constantFrom("holding" as const, "input" as const, "coil" as const),
    at: fc.integer({ min: 0, max }),
    count: fc.constantFrom(1, 1, 2, 4, 8),
  });
}

const spans = fc.array(anySpan(400), { maxLength: 30 });

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
        const blocks = planReads(wanted, { limits: rule, timing: slow });
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
        const limits = { ...rule, even: false, minRegisters: 1 };
        for (const block of planReads(wanted, { limits, timing: slow })) {
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

  const timings = fc.record({
    character: fc.double({ min: 0.0001, max: 4, noNaN: true }),
    framing: fc.constantFrom(13, 21),
    gap: fc.double({ min: 0, max: 10, noNaN: true }),
    silence: fc.double({ min: 0, max: 10, noNaN: true }),
    think: fc.double({ min: 0, max: 100, noNaN: true }),
    thinkPerByte: fc.double({ min: 0, max: 1, noNaN: true }),
    way: fc.constantFrom(0, 1, 16),
  });
  const gaps = fc.constantFrom(undefined, 0, 2, 12);
  const forbid = fc.array(
    fc.integer({ min: 0, max: 60 }).map((from) => [from, from + 1] as const),
    { maxLength: 2 },
  );
  const freely = fc.record({ rule: rules, gap: gaps, bitGap: gaps, forbid });
  const few = fc.array(anySpan(60), { maxLength: 8 });

  it("no way to cut the same spans is quicker: all ways tried", () => {
    fc.assert(
      fc.property(few, freely, timings, (wanted, { rule, ...free }, timing) => {
        const limits = { ...rule, ...free };
        const plan = planReads(wanted, { limits, timing });
        expect(planTime(plan, timing)).toBeCloseTo(quickest(wanted, limits, timing), 6);
      }),
    );
  });

  it("the greedy plan is never quicker, whatever its gap", () => {
    fc.assert(
      fc.property(spans, freely, timings, (wanted, { rule, ...free }, timing) => {
        const limits = { ...rule, ...free };
        const plan = planTime(planReads(wanted, { limits, timing }), timing);
        const fixed = { ...limits, gap: limits.gap ?? 10, bitGap: limits.bitGap ?? 160 };
        const greedy = planTime(planGreedily(wanted, fixed), timing);
        expect(plan).toBeLessThanOrEqual(greedy + 1e-6);
      }),
    );
  });
});

/** By trying every way to cut the sorted spans of each table into blocks. */
function quickest(wanted: readonly Span[], limits: PlanLimits, timing: Timing): number {
  let sum = 0;
  for (const spans of Map.groupBy(wanted, ({ table }) => table).values()) {
    spans.sort((a, b) => a.at - b.at || b.count - a.count);
    let best = Number.POSITIVE_INFINITY;
    for (let cuts = 0; cuts < 2 ** (spans.length - 1); cuts += 1) {
      const runs = runsOf(spans, cuts);
      const blocks = runs.map((run) => planGreedily(run, limits));
      // What the greedy plan cannot have as one block the device would not have.
      if (blocks.some((run) => run.length !== 1)) continue;
      best = Math.min(best, planTime(blocks.flat(), timing));
    }
    sum += best;
  }
  return sum;
}

/** The spans in runs; bit n of `cuts` begins a run after span n. */
function runsOf(spans: readonly Span[], cuts: number): Span[][] {
  const runs: Span[][] = [];
  for (const [index, span] of spans.entries()) {
    if (index === 0 || ((cuts >> (index - 1)) & 1) === 1) runs.push([]);
    runs.at(-1)?.push(span);
  }
  return runs;
}
