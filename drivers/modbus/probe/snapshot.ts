/**
 * Registers of a device at one moment, read with few requests: blocks that the device refuses are
 * split until its holes are found. Only reads, and never more requests than `budget`.
 */
import { GatewayError } from "../../../telemetry/index.ts";
import type { Span } from "../pdu.ts";
import { ModbusException } from "../pdu.ts";

export const registerTables = ["holding", "input"] as const;
export type RegisterTable = (typeof registerTables)[number];

/** Addresses that stand side by side, both ends included. */
export interface Window {
  readonly table: RegisterTable;
  readonly from: number;
  readonly to: number;
}

export interface Snapshot {
  /** @unit ms, monotonic */
  readonly time: number;
  readonly words: Readonly<Record<RegisterTable, ReadonlyMap<number, number>>>;
}

export interface SnapshotParts {
  /** @throws ModbusException and what a line throws */
  readonly request: (span: Span, signal: AbortSignal) => Promise<Uint16Array>;
  readonly now: () => number;
  /** Most requests of one snapshot. */
  readonly budget: number;
  /** Most registers of one request. */
  readonly block: number;
}

export interface Taken {
  readonly snapshot: Snapshot;
  /** Addresses that the device refuses. */
  readonly holes: number;
  /** Addresses not asked for, because the budget was used up. */
  readonly unread: number;
  readonly requests: number;
}

/** Exceptions that mean "not these registers". [MODBUS-AP 7] */
const refusals: ReadonlySet<number> = new Set([1, 2, 3]);
const illegalFunction = 1;

/** Requests without an answer in a row after which a device is taken for gone. */
const silenceLimit = 3;

interface Round {
  readonly parts: SnapshotParts;
  readonly signal: AbortSignal;
  readonly words: Record<RegisterTable, Map<number, number>>;
  requests: number;
  holes: number;
  unread: number;
  silent: number;
  answered: boolean;
}

/**
 * Reads the windows.
 * @throws what a request threw when the device does not answer at all
 */
export async function takeSnapshot(
  windows: readonly Window[],
  parts: SnapshotParts,
  signal: AbortSignal,
): Promise<Taken> {
  const words = { holding: new Map<number, number>(), input: new Map<number, number>() };
  const count = { requests: 0, holes: 0, unread: 0, silent: 0, answered: false };
  const round: Round = { parts, signal, words, ...count };
  for (const window of windows) await readWindow(window, round);
  const { requests, holes, unread } = round;
  return { snapshot: { time: parts.now(), words }, holes, unread, requests };
}

async function readWindow({ table, from, to }: Window, round: Round): Promise<void> {
  const { block } = round.parts;
  for (let at = from; at <= to; at += block) {
    const count = Math.min(block, to - at + 1);
    const known = await readSpan({ table, at, count }, round);
    if (known) continue;
    // A table that the device does not have is not asked for again.
    round.holes += Math.max(0, to - at - count + 1);
    return;
  }
}

/** Reads a span, split where it must be; false when the device has no such table. */
async function readSpan(span: RegisterSpan, round: Round): Promise<boolean> {
  if (round.requests >= round.parts.budget) {
    round.unread += span.count;
    return true;
  }
  round.requests += 1;
  try {
    const words = await round.parts.request(span, round.signal);
    round.answered = true;
    round.silent = 0;
    for (const [index, word] of words.entries()) round.words[span.table].set(span.at + index, word);
    return true;
  } catch (error) {
    if (!refused(error, round)) throw error;
    if (error instanceof ModbusException && error.exception === illegalFunction) {
      round.holes += span.count;
      return false;
    }
  }
  if (span.count === 1) {
    round.holes += 1;
    return true;
  }
  // At even addresses: many devices refuse half of a 32-bit value.
  const half = span.count > 2 ? Math.max(2, (span.count >> 1) & ~1) : 1;
  await readSpan({ ...span, count: half }, round);
  await readSpan({ ...span, at: span.at + half, count: span.count - half }, round);
  return true;
}

type RegisterSpan = Span & { readonly table: RegisterTable };

/** Whether the device refuses these registers; some fall silent instead of saying so. */
function refused(error: unknown, round: Round): boolean {
  if (!(error instanceof GatewayError) || round.signal.aborted) return false;
  if (error instanceof ModbusException) {
    round.answered = true;
    round.silent = 0;
    return refusals.has(error.exception);
  }
  round.silent += 1;
  return error.code === "E_MODBUS_TIMEOUT" && round.answered && round.silent < silenceLimit;
}
