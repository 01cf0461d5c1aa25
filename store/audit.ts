/**
 * Compares what agents say of themselves with what the store holds, batch by batch: each batch
 * has its number in its first row (`linesOf`), and each agent's reports on itself rest in the
 * store too, with their own numbers. Of two reports A and B of one stream, where B says that
 * nothing below A waits any more,
 *
 *   offered(A) = shed(A) + numbers below A in the store or refused + missing
 *
 * Which numbers were never used after a crash nobody knows, so that missing is a count and not a
 * list; where something was shed after it was stored (its answer came late) it is a lower bound.
 * Memory: the numbers seen as ranges, which are few because all measurements are read in
 * step, and one piece of one measurement at a time.
 */
import type { Fields, Line, Range, Tags } from "../telemetry/index.ts";
import { RangeSet } from "../telemetry/index.ts";
import type { Store } from "./contract.ts";

export const shedReasons = ["full", "disk", "damaged", "large"] as const;
export type ShedCounts = Readonly<Record<(typeof shedReasons)[number], number>>;

/** An agent that has reported to the store, with its newest stream. */
export interface AuditedAgent {
  /** Its region, org, site and device. */
  readonly tags: Tags;
  /** The stream's number in rows. */
  readonly stream: number;
  /** When its newest report was made. @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

/** How many batches with lower numbers were offered and shed, at one moment. */
export interface Cut {
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly seq: number;
  readonly offered: number;
  readonly shed: ShedCounts;
}

/** The same from an agent's own spool, which knows what waits. */
export interface SpoolCut extends Cut {
  readonly waiting: RangeSet;
}

/** Which batches of a stream are compared: those from one cut on, below another. */
export interface AuditSpan {
  readonly agent: AuditedAgent;
  readonly from: Cut;
  readonly to: Cut;
  /** The first number that is not known yet. */
  readonly newest: number;
  /** Nothing below this waits any more. */
  readonly settled: number;
  /** The numbers that wait. */
  readonly waiting: RangeSet;
  /** How many more below `to` may wait. */
  readonly mayWait: number;
}

export interface AuditResult {
  readonly offered: number;
  /** Batches in the store, each counted once. */
  readonly stored: number;
  readonly queued: number;
  readonly shed: ShedCounts;
  /** Set aside by the hub, and not in the store. */
  readonly refused: number;
  readonly missing: number;
  /** Shed by the agent after it was stored, because the answer came late: on both sides. */
  readonly storedAndShed: number;
  /** Rows beyond the first that carry the same number. */
  readonly doubled: number;
  /** Numbers in the span that were not found: those missing, and those that a crash left out. */
  readonly absent: readonly Range[];
}

/** The numbers of one stream that were found. */
export class Tally {
  readonly seen = new RangeSet();
  doubled = 0;

  add(seq: number): void {
    if (this.seen.has(seq)) this.doubled += 1;
    else this.seen.add(seq);
  }
}

const healthMeasurement = "agent_health";
const hour = 3_600_000;
/** Rows may be dated by this much before or after the report that counts them. @unit ms */
const slack = hour;
/** How many absent ranges are told. */
const maxAbsent = 10;

/** The agents that have reported between two times, in order of their tags. */
export async function agentsIn(
  store: Store,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<readonly AuditedAgent[]> {
  const groupBy = ["region", "org", "site", "device"];
  const asked = { measurement: healthMeasurement, fields: ["stream"], groupBy, from, to };
  const series = await store.query({ ...asked, aggregate: "last" }, signal);
  return series.flatMap(({ tags, rows }) =>
    rows.flatMap(({ time, values }) => {
      const { stream } = values;
      return typeof stream === "number" ? [{ tags, stream, time }] : [];
    }),
  );
}

/**
 * The newest span that can be compared, from the stream's beginning or from the first report
 * after `since` on; undefined when the agent has not reported since. With the agent's own spool
 * it goes on to what that has taken, else to a report.
 */
export async function spanOf(
  store: Store,
  agent: AuditedAgent,
  given: {
    readonly since: number | undefined;
    readonly spool: SpoolCut | undefined;
    readonly signal: AbortSignal;
  },
): Promise<AuditSpan | undefined> {
  const { since, spool, signal } = given;
  const reports = await newestReports(store, agent, signal);
  const newest = reports.at(-1);
  if (newest === undefined) return undefined;
  const from = await firstCut(store, agent, { born: newest.born, since, signal });
  if (from === undefined) return undefined;
  const waiting = new RangeSet();
  if (spool !== undefined) {
    const settled = spool.waiting.ranges[0]?.[0] ?? spool.seq;
    return {
      agent,
      from,
      to: spool,
      newest: spool.seq,
      settled,
      waiting: spool.waiting,
      mayWait: 0,
    };
  }
  const to = settledReport(reports);
  const span = { agent, from, newest: newest.seq, waiting };
  if (to === undefined) return { ...span, to: newest, settled: 0, mayWait: newest.queued };
  return { ...span, to, settled: to.seq, mayWait: 0 };
}

/**
 * Counts the numbers of the spans' streams in all measurements. `progress` hears how far it has
 * come, from 0 to 1.
 */
export async function tally(
  store: Store,
  spans: readonly AuditSpan[],
  { signal, progress }: { readonly signal: AbortSignal; progress: (share: number) => void },
): Promise<ReadonlyMap<number, Tally>> {
  const tallies = new Map(spans.map(({ agent }) => [agent.stream, new Tally()]));
  const from = Math.min(...spans.map((span) => span.from.time)) - slack;
  const to = Math.max(...spans.map((span) => span.to.time)) + slack;
  if (!(from < to)) return tallies;
  const names = await store.measurements(signal);
  const readers = names.map((measurement) => {
    const rows = store.scan({ measurement, fields: ["seq", "stream"], from, to }, signal);
    return { at: from, pieces: rows[Symbol.asyncIterator]() };
  });
  while (readers.length > 0) {
    // The one that is behind: so that the numbers seen are nearly without holes.
    const reader = readers.reduce((a, b) => (b.at < a.at ? b : a));
    progress(Math.max(0, reader.at - from) / (to - from));
    const piece = await reader.pieces.next();
    if (piece.done === true) readers.splice(readers.indexOf(reader), 1);
    else reader.at = take(piece.value, tallies);
  }
  return tallies;
}

/** What the counts of a span say. */
export function resultOf(span: AuditSpan, found: Tally, refused: RangeSet): AuditResult {
  const [low, high] = [span.from.seq, span.to.seq - 1];
  const stored = sizeWithin(found.seen, low, high);
  const all = RangeSet.of(found.seen.ranges);
  for (const [from, to] of refused.ranges) all.add(from, to);
  const known = sizeWithin(all, low, high);
  for (const [from, to] of span.waiting.ranges) all.add(from, to);
  const waiting = sizeWithin(all, low, high) - known;
  const shed = {
    full: span.to.shed.full - span.from.shed.full,
    disk: span.to.shed.disk - span.from.shed.disk,
    damaged: span.to.shed.damaged - span.from.shed.damaged,
    large: span.to.shed.large - span.from.shed.large,
  };
  const offered = span.to.offered - span.from.offered;
  const open = offered - shedTotal(shed) - known - waiting;
  const mayWait = Math.min(Math.max(0, open), span.mayWait);
  const missing = Math.max(0, open - mayWait);
  return {
    offered,
    stored,
    queued: waiting + mayWait,
    shed,
    refused: known - stored,
    missing,
    storedAndShed: Math.min(Math.max(0, -open), shedTotal(shed)),
    doubled: found.doubled,
    absent: missing === 0 ? [] : absentIn(all, low, high),
  };
}

export function shedTotal(shed: ShedCounts): number {
  return shedReasons.reduce((sum, reason) => sum + shed[reason], 0);
}

/** What an agent said of itself: of the numbers below that of the report. */
interface HealthReport extends Cut {
  readonly queued: number;
  /** The lowest number that waited. */
  readonly base: number;
  readonly born: number | undefined;
}

/** The newest reports of a stream, in order: at least two where there are two. */
async function newestReports(
  store: Store,
  { tags, stream, time }: AuditedAgent,
  signal: AbortSignal,
): Promise<readonly HealthReport[]> {
  const reports: HealthReport[] = [];
  for (let back = hour; reports.length < 2 && back < time; back *= 24) {
    reports.length = 0;
    const span = { measurement: healthMeasurement, where: tags, from: time - back, to: time + 1 };
    for await (const lines of store.scan(span, signal)) {
      const own = lines.filter(({ fields }) => fields["stream"] === stream);
      reports.push(...own.map(reportOf));
    }
  }
  return reports.toSorted((a, b) => a.seq - b.seq);
}

/**
 * The newest report below which a later one calls everything settled, with nothing shed between
 * them: what is shed later may have been counted as waiting before.
 */
function settledReport(reports: readonly HealthReport[]): Cut | undefined {
  for (const later of reports.toReversed()) {
    const before = reports.findLast(({ seq }) => seq <= later.base);
    if (before !== undefined && shedTotal(before.shed) === shedTotal(later.shed)) return before;
  }
  return undefined;
}

const nothingShed: ShedCounts = { full: 0, disk: 0, damaged: 0, large: 0 };

/** Where the comparison begins. */
async function firstCut(
  store: Store,
  { tags, stream, time }: AuditedAgent,
  asked: {
    readonly born: number | undefined;
    readonly since: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Cut | undefined> {
  const { born, since = 0, signal } = asked;
  if (born !== undefined && born >= since) {
    return { time: born, seq: 1, offered: 0, shed: nothingShed };
  }
  const span = { measurement: healthMeasurement, where: tags, from: since, to: time + 1 };
  for await (const lines of store.scan(span, signal)) {
    const line = lines.find(({ fields }) => fields["stream"] === stream);
    if (line !== undefined) return reportOf(line);
  }
  return undefined;
}

function reportOf({ time, fields }: Line): HealthReport {
  const born = fields["stream_born_ms"];
  return {
    time,
    seq: number(fields, "seq"),
    offered: number(fields, "offered_total"),
    queued: number(fields, "queued_count"),
    shed: shedOf(fields),
    base: number(fields, "base_count"),
    born: typeof born === "number" ? born : undefined,
  };
}

/** The shed counts of a row of `agent_health`. */
export function shedOf(fields: Fields): ShedCounts {
  return {
    full: number(fields, "shed_full_total"),
    disk: number(fields, "shed_disk_total"),
    damaged: number(fields, "shed_damaged_total"),
    large: number(fields, "shed_large_total"),
  };
}

function number(fields: Fields, name: string): number {
  return Number(fields[name] ?? 0);
}

/** Counts the numbers of a piece; returns the time of its last row. */
function take(lines: readonly Line[], tallies: ReadonlyMap<number, Tally>): number {
  for (const { fields } of lines) {
    const { seq, stream } = fields;
    if (typeof seq === "number" && typeof stream === "number") tallies.get(stream)?.add(seq);
  }
  return lines.at(-1)?.time ?? 0;
}

function sizeWithin(set: RangeSet, low: number, high: number): number {
  return set.ranges.reduce(
    (sum, [from, to]) => sum + Math.max(0, Math.min(to, high) - Math.max(from, low) + 1),
    0,
  );
}

function absentIn(known: RangeSet, low: number, high: number): Range[] {
  const absent = RangeSet.of(low <= high ? [[low, high]] : []);
  for (const [from, to] of known.ranges) absent.remove(from, to);
  return absent.ranges.slice(0, maxAbsent);
}
