/**
 * The read plan: the requests that read what is wanted in the least time. Pure. A block is a run
 * of spans in order of address; of all ways to cut them into blocks that the device allows, the
 * quickest is found by dynamic programming: O(spans × spans in a block).
 *
 *   wanted    ██..██.......██      a request costs as much as reading across three dots
 *   blocks    [──────]     [┤      two dots are read across, seven are not
 */
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

class TablePlan {
  readonly #table: Table;
  readonly #spans: readonly Span[];
  readonly #extents: readonly Extent[];
  readonly #rules: PlanRules;
  readonly #most: number;
  readonly #gap: number;
  readonly #forbidden: readonly AddressRange[];
  readonly #request: number;
  readonly #byte: number;

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
    this.#request = requestTime(rules.timing);
    this.#byte = byteTime(rules.timing);
    this.#extents = spans.map((span) => this.#aligned({ at: span.at, end: span.at + span.count }));
  }

  blocks(): Block[] {
    const before = this.#cuts();
    const blocks: Block[] = [];
    for (let end = this.#spans.length; end > 0; end = before[end] ?? 0) {
      const from = before[end] ?? 0;
      const { at, end: reach } = this.#padded(hullOf(this.#extents.slice(from, end)));
      const wanted = this.#spans.slice(from, end);
      blocks.push({ table: this.#table, at, count: reach - at, wanted });
    }
    return blocks.toReversed();
  }

  /**
   * For each number of spans where the last block begins in the quickest way to read so many.
   * Plain numbers: this runs once for every run of spans that could be a block.
   */
  #cuts(): Int32Array {
    const size = this.#spans.length;
    const before = new Int32Array(size + 1);
    const times = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
    const requests = new Int32Array(size + 1);
    times[0] = 0;
    for (let from = 0; from < size; from += 1) {
      const spent = times[from] ?? 0;
      const count = (requests[from] ?? 0) + 1;
      let { at, end } = this.#extents[from] ?? nowhere;
      for (let to = from; to < size; to += 1) {
        const extent = this.#extents[to] ?? nowhere;
        if (to > from && !this.#joins(to, end)) break;
        at = Math.min(at, extent.at);
        end = Math.max(end, extent.end);
        if (to > from && end - at > this.#most) break;
        const time = spent + this.#timeOf(at, end);
        const known = times[to + 1] ?? 0;
        // As quick in fewer requests, or with the longer blocks in front, is better.
        if (time > known + equal) continue;
        if (time > known - equal && count > (requests[to + 1] ?? 0)) continue;
        times[to + 1] = time;
        requests[to + 1] = count;
        before[to + 1] = from;
      }
    }
    return before;
  }

  /** Whether a block that reaches so far may take in the next span. */
  #joins(index: number, reach: number): boolean {
    const extent = this.#extents[index] ?? nowhere;
    const span = this.#spans[index];
    if (span === undefined || extent.at - reach > this.#gap) return false;
    if (this.#rules.cut?.(span) === true) return false;
    return extent.at <= reach || !this.#touches({ at: reach, end: extent.at });
  }

  #timeOf(at: number, end: number): number {
    const { bits } = tables[this.#table];
    if (bits) return this.#request + this.#byte * Math.ceil((end - at) / 8);
    if (end - at >= this.#rules.limits.minRegisters)
      return this.#request + this.#byte * 2 * (end - at);
    const padded = this.#padded({ at, end });
    return this.#request + this.#byte * 2 * (padded.end - padded.at);
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

const nowhere: Extent = { at: 0, end: 0 };

/** From the lowest to the highest address of all. */
function hullOf(extents: readonly Extent[]): Extent {
  const at = Math.min(...extents.map((extent) => extent.at));
  return { at, end: Math.max(...extents.map(({ end }) => end)) };
}
