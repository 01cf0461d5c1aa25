/**
 * The read plan: the requests that read what is wanted in the least time. Pure. A block is a run
 * of spans in order of address; of all ways to cut them into blocks that the device allows, the
 * quickest is found by dynamic programming: O(spans × spans in a block).
 *
 *   wanted    ██..██.......██      a request costs as much as reading across three dots
 *   blocks    [──────]     [┤      two dots are read across, seven are not
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Timing } from "./cost.ts";
import { byteTime, requestTime } from "./cost.ts";
import type { Span, Table } from "./pdu.ts";
import { dataBytes, tables } from "./pdu.ts";

/** Inclusive at both ends. */
export type AddressRange = readonly [from: number, to: number];

export interface PlanLimits {
  readonly maxRegisters: number;
  readonly minRegisters: number;
  readonly maxBits: number;
  /** Largest hole to read across; undefined: whatever costs less. @unit registers */
  readonly gap: number | undefined;
  /** The same in a table of bits. @unit bits */
  readonly bitGap: number | undefined;
  /** Blocks start and have a length at even registers. */
  readonly even: boolean;
  /** Addresses never touched, in any table. */
  readonly forbid: readonly AddressRange[];
}

/** One request, and the wanted spans inside it. */
export interface Block extends Span {
  readonly wanted: readonly Span[];
}

export interface PlanRules {
  readonly limits: PlanLimits;
  readonly timing: Timing;
  /** Whether a span must begin a block: the device refused to read across the place before it. */
  readonly cut?: (span: Span) => boolean;
  /** Never read across. */
  readonly avoid?: readonly Span[];
  /** Most that the device was found to give at once, where that is less than the limits say. */
  readonly most?: number;
}

/** What is known of the longest answer of a table. */
export interface Ceiling {
  /** The longest block that was answered. */
  readonly accepted: number;
  /** The shortest that was refused for its length; Infinity when none was. */
  readonly refused: number;
}

const addressSpace = 0x1_0000;

/** Times that differ by less are equal: sums of fractions. @unit ms */
const equal = 1e-9;

/** The blocks to read, in order of table and address. */
export function planReads(wanted: readonly Span[], rules: PlanRules): Block[] {
  return [...Map.groupBy(wanted, ({ table }) => table)].flatMap(([table, spans]) => {
    spans.sort((a, b) => a.at - b.at || b.count - a.count);
    return new TablePlan(table, spans, rules).blocks();
  });
}

/**
 * The same below a ceiling that is only known to lie between two lengths. More than what is known
 * to work is asked for only where more would save time, and then by halves, so that few requests
 * are refused before the ceiling is known well enough.
 */
export function planBelow(
  ceiling: Ceiling,
  wanted: readonly Span[],
  rules: PlanRules,
): readonly Block[] {
  const { accepted, refused } = ceiling;
  const known = Math.max(1, accepted);
  const planned = planReads(wanted, { ...rules, most: known });
  const hoped = planReads(wanted, { ...rules, most: refused - 1 });
  const { timing } = rules;
  if (planTime(hoped, timing) > planTime(planned, timing) - equal) return planned;
  for (let most = known; most < refused - 1;) {
    most = (most + refused) >> 1;
    const longer = planReads(wanted, { ...rules, most });
    if (longer.some(({ count }) => count > known)) return longer;
  }
  return planned;
}

/** What a plan costs. @unit ms */
export function planTime(blocks: readonly Block[], timing: Timing): number {
  return blocks.reduce((sum, block) => sum + blockTime(block, timing), 0);
}

function blockTime(block: Span, timing: Timing): number {
  return requestTime(timing) + dataBytes(block) * byteTime(timing);
}

interface Extent {
  readonly at: number;
  /** One past the last. */
  readonly end: number;
}

/** The quickest way found so far to read the first spans of a table. */
interface Way {
  /** @unit ms */
  readonly time: number;
  readonly requests: number;
  /** How many spans the blocks before the last hold. */
  readonly before: number;
  /** The last block. */
  readonly last: Extent;
}

const nowhere: Extent = { at: 0, end: 0 };

class TablePlan {
  readonly #table: Table;
  readonly #spans: readonly Span[];
  readonly #extents: readonly Extent[];
  readonly #rules: PlanRules;
  readonly #most: number;
  readonly #gap: number;
  readonly #forbidden: readonly AddressRange[];

  constructor(table: Table, spans: readonly Span[], rules: PlanRules) {
    const { limits, avoid = [], most } = rules;
    const { bits } = tables[table];
    const allowed = bits ? limits.maxBits : limits.maxRegisters;
    this.#table = table;
    this.#spans = spans;
    this.#rules = rules;
    this.#most = Math.min(allowed, most ?? allowed);
    this.#gap = (bits ? limits.bitGap : limits.gap) ?? addressSpace;
    const avoided = avoid.filter((span) => span.table === table);
    this.#forbidden = [
      ...limits.forbid,
      ...avoided.map(({ at, count }) => [at, at + count - 1] as const),
    ];
    this.#extents = spans.map((span) => this.#aligned({ at: span.at, end: span.at + span.count }));
  }

  blocks(): Block[] {
    const ways = this.#ways();
    const blocks: Block[] = [];
    for (let end = this.#spans.length; end > 0;) {
      const { last, before } = ways[end] ?? unreachable();
      const wanted = this.#spans.slice(before, end);
      blocks.push({ table: this.#table, at: last.at, count: last.end - last.at, wanted });
      end = before;
    }
    return blocks.toReversed();
  }

  /** For each number of spans the quickest way to read so many. */
  #ways(): Way[] {
    const none: Way = { time: 0, requests: 0, before: 0, last: nowhere };
    const ways: (Way | undefined)[] = [none];
    for (let from = 0; from < this.#spans.length; from += 1) {
      const way = ways[from] ?? unreachable();
      let block: Extent | undefined;
      for (let to = from; to < this.#spans.length; to += 1) {
        block = this.#grown(block, to);
        if (block === undefined) break;
        const known = ways[to + 1];
        const found = this.#after(way, from, this.#padded(block));
        if (known === undefined || better(found, known)) ways[to + 1] = found;
      }
    }
    return ways.map((way) => way ?? unreachable());
  }

  #after(way: Way, before: number, last: Extent): Way {
    const span = { table: this.#table, at: last.at, count: last.end - last.at };
    const time = way.time + blockTime(span, this.#rules.timing);
    return { time, requests: way.requests + 1, before, last };
  }

  /** A block with one span more; undefined where the device would not have it. */
  #grown(block: Extent | undefined, index: number): Extent | undefined {
    const extent = this.#extents[index] ?? unreachable();
    const span = this.#spans[index] ?? unreachable();
    if (block === undefined) return extent;
    if (this.#rules.cut?.(span) === true || extent.at - block.end > this.#gap) return undefined;
    const grown = {
      at: Math.min(block.at, extent.at),
      end: Math.max(block.end, extent.end),
    };
    if (grown.end - grown.at > this.#most) return undefined;
    const hole = { at: block.end, end: extent.at };
    return hole.at < hole.end && this.#touches(hole) ? undefined : grown;
  }

  /** Widened to even addresses, unless that would touch what is forbidden or be too long. */
  #aligned(extent: Extent): Extent {
    if (!this.#rules.limits.even || tables[this.#table].bits) return extent;
    const wide = { at: extent.at & ~1, end: (extent.end + 1) & ~1 };
    return wide.end - wide.at <= this.#most && !this.#touches(wide) ? wide : extent;
  }

  /** Widened to the least a device gives: behind where there is room, else in front. */
  #padded(extent: Extent): Extent {
    if (tables[this.#table].bits) return extent;
    const missing = this.#rules.limits.minRegisters - (extent.end - extent.at);
    if (missing <= 0) return extent;
    const behind = { at: extent.at, end: extent.end + missing };
    if (behind.end <= addressSpace && !this.#touches(behind)) return behind;
    const front = { at: extent.at - missing, end: extent.end };
    return front.at >= 0 && !this.#touches(front) ? front : extent;
  }

  #touches({ at, end }: Extent): boolean {
    return this.#forbidden.some(([from, to]) => at <= to && end > from);
  }
}

/** Quicker; as quick in fewer requests; or the same with the longer blocks in front. */
function better(a: Way, b: Way): boolean {
  if (Math.abs(a.time - b.time) > equal) return a.time < b.time;
  return a.requests <= b.requests;
}

function unreachable(): never {
  throw new GatewayError("E_BUG", "a plan has a hole in it");
}
