/**
 * How others read: a request a value, and blocks that grow greedily across holes of a fixed width,
 * as Telegraf's `max_insert` does. Both keep the device's limits as ours does.
 */
import type { Span } from "../drivers/modbus/pdu.ts";
import { tables } from "../drivers/modbus/pdu.ts";
import type { Block, PlanLimits } from "../drivers/modbus/plan.ts";

const addressSpace = 0x1_0000;

interface Extent {
  readonly at: number;
  /** One past the last. */
  readonly end: number;
}

/** A request for each span. */
export function planNaively(wanted: readonly Span[], limits: PlanLimits): Block[] {
  return wanted.flatMap((span) => planGreedily([span], limits));
}

/** A block grows while the next span is no farther than the gap; no gap is no limit. */
export function planGreedily(wanted: readonly Span[], limits: PlanLimits): Block[] {
  return [...Map.groupBy(wanted, ({ table }) => table).values()].flatMap((spans) => {
    spans.sort((a, b) => a.at - b.at || b.count - a.count);
    return planTable(spans, limits);
  });
}

function planTable(spans: readonly Span[], limits: PlanLimits): Block[] {
  const blocks: Block[] = [];
  let open: { at: number; end: number; wanted: Span[] } | undefined;
  for (const span of spans) {
    const { bits } = tables[span.table];
    const most = bits ? limits.maxBits : limits.maxRegisters;
    const gap = (bits ? limits.bitGap : limits.gap) ?? addressSpace;
    const plain = { at: span.at, end: span.at + span.count };
    const { at, end } = bits ? plain : aligned(plain, limits);
    if (open !== undefined) {
      const grown = { at: Math.min(open.at, at), end: Math.max(open.end, end) };
      const near = at - open.end <= gap && grown.end - grown.at <= most;
      if (near && !touches({ at: open.end, end: at }, limits)) {
        open = { ...grown, wanted: [...open.wanted, span] };
        continue;
      }
      blocks.push(closed(open, limits));
    }
    open = { at, end, wanted: [span] };
  }
  if (open !== undefined) blocks.push(closed(open, limits));
  return blocks;
}

function closed(open: Extent & { readonly wanted: readonly Span[] }, limits: PlanLimits): Block {
  const table = open.wanted[0]?.table ?? "holding";
  const { at, end } = tables[table].bits ? open : padded(open, limits);
  return { table, at, count: end - at, wanted: open.wanted };
}

function aligned(extent: Extent, limits: PlanLimits): Extent {
  if (!limits.even) return extent;
  const wide = { at: extent.at & ~1, end: (extent.end + 1) & ~1 };
  return wide.end - wide.at <= limits.maxRegisters && !touches(wide, limits) ? wide : extent;
}

function padded(extent: Extent, limits: PlanLimits): Extent {
  const missing = limits.minRegisters - (extent.end - extent.at);
  if (missing <= 0) return extent;
  const behind = { at: extent.at, end: extent.end + missing };
  if (behind.end <= addressSpace && !touches(behind, limits)) return behind;
  const front = { at: extent.at - missing, end: extent.end };
  return front.at >= 0 && !touches(front, limits) ? front : extent;
}

function touches({ at, end }: Extent, { forbid }: PlanLimits): boolean {
  return at < end && forbid.some(([from, to]) => at <= to && end > from);
}
