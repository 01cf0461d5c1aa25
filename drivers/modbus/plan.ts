/**
 * The read plan: the fewest requests that cover what is wanted. Pure. Spans are taken in order of
 * address; a block grows while it stays within the device's limits, so no plan has fewer blocks.
 *
 *   wanted    ██..██.......██      gap 3
 *   blocks    [──────]     [┤      two dots are read across, seven are not
 */
import type { Span, Table } from "./pdu.ts";
import { tables } from "./pdu.ts";

/** Inclusive at both ends. */
export type AddressRange = readonly [from: number, to: number];

export interface PlanLimits {
  readonly maxRegisters: number;
  readonly minRegisters: number;
  readonly maxBits: number;
  /** Largest hole to read across. @unit registers */
  readonly gap: number;
  /** The same in a table of bits. @unit bits */
  readonly bitGap: number;
  /** Blocks start and have a length at even registers. */
  readonly even: boolean;
  /** Addresses never touched, in any table. */
  readonly forbid: readonly AddressRange[];
}

/** One request, and the wanted spans inside it. */
export interface Block extends Span {
  readonly wanted: readonly Span[];
}

const addressSpace = 0x1_0000;

/**
 * The blocks to read. `cuts` holds wanted spans that must begin a block of their own, because the
 * device refused to read across the place before them.
 */
export function planReads(
  wanted: readonly Span[],
  limits: PlanLimits,
  cuts: ReadonlySet<Span> = new Set(),
): Block[] {
  const blocks: Block[] = [];
  for (const table of tablesOf(wanted)) {
    const spans = wanted.filter((span) => span.table === table);
    spans.sort((a, b) => a.at - b.at || b.count - a.count);
    blocks.push(...planTable(table, spans, { limits, cuts }));
  }
  return blocks;
}

interface PlanRules {
  readonly limits: PlanLimits;
  readonly cuts: ReadonlySet<Span>;
}

function planTable(table: Table, spans: readonly Span[], { limits, cuts }: PlanRules): Block[] {
  const bits = tables[table].bits;
  const most = bits ? limits.maxBits : limits.maxRegisters;
  const gap = bits ? limits.bitGap : limits.gap;
  const blocks: Block[] = [];
  let open: { at: number; end: number; wanted: Span[] } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { at, end } = bits ? open : padded(open, limits);
    blocks.push({ table, at, count: end - at, wanted: open.wanted });
  };
  for (const span of spans) {
    const { at, end } = bits ? extentOf(span) : aligned(extentOf(span), limits);
    if (open !== undefined && !cuts.has(span)) {
      const grown = Math.max(open.end, end);
      const clear = !touches({ at: open.end, end: at }, limits.forbid);
      if (at - open.end <= gap && grown - open.at <= most && clear) {
        open.end = grown;
        open.wanted.push(span);
        continue;
      }
    }
    close();
    open = { at, end, wanted: [span] };
  }
  close();
  return blocks;
}

interface Extent {
  readonly at: number;
  /** One past the last. */
  readonly end: number;
}

function extentOf(span: Span): Extent {
  return { at: span.at, end: span.at + span.count };
}

/** Widened to even addresses, unless that would touch what is forbidden or be too long. */
function aligned(extent: Extent, limits: PlanLimits): Extent {
  if (!limits.even) return extent;
  const wide = { at: extent.at & ~1, end: (extent.end + 1) & ~1 };
  const allowed = wide.end - wide.at <= limits.maxRegisters && !touches(wide, limits.forbid);
  return allowed ? wide : extent;
}

/** Widened to the least a device gives: behind where there is room, else in front. */
function padded(extent: Extent, limits: PlanLimits): Extent {
  const missing = limits.minRegisters - (extent.end - extent.at);
  if (missing <= 0) return extent;
  const behind = { at: extent.at, end: extent.end + missing };
  if (behind.end <= addressSpace && !touches(behind, limits.forbid)) return behind;
  const front = { at: extent.at - missing, end: extent.end };
  return front.at >= 0 && !touches(front, limits.forbid) ? front : extent;
}

function touches({ at, end }: Extent, forbid: readonly AddressRange[]): boolean {
  return forbid.some(([from, to]) => at <= to && end > from);
}

function tablesOf(spans: readonly Span[]): ReadonlySet<Table> {
  return new Set(spans.map((span) => span.table));
}
