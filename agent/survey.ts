/**
 * A look at a spool that changes nothing, for a person: what each segment holds, what is damaged,
 * whether checkpoint and segments agree. An agent may run meanwhile: a file may go between its
 * listing and its opening, and the tail of the newest may be half written.
 */
import type { BatchKind, Disk } from "../telemetry/index.ts";
import { RangeSet, systemCode } from "../telemetry/index.ts";
import type { Checkpoint, Counts } from "./checkpoint.ts";
import { firstCheckpoint, readCheckpoint } from "./checkpoint.ts";
import type { SpoolRecord } from "./record.ts";
import { recover } from "./recovery.ts";
import { parseSegmentName, Segment } from "./segment.ts";
import type { Span } from "./spans.ts";
import { Spans } from "./spans.ts";
import { decodeSpooled } from "./spooled.ts";

/** How many problems of one segment are told; more are counted. */
const mostProblems = 20;

export interface SegmentFacts {
  readonly name: string;
  readonly kind: BatchKind;
  /** @unit bytes */
  readonly size: number;
  readonly records: number;
  /** Their numbers. */
  readonly found: RangeSet;
  readonly pending: number;
  /** Of its records. @unit ms since 1970-01-01 UTC */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  /** Of its pending records. @unit ms since 1970-01-01 UTC */
  readonly oldestPending: number | undefined;
  /** Between good records. */
  readonly damage: readonly Span[];
  /** Behind the last good record: a commit that a crash cut, or the newest record damaged. */
  readonly torn: Span | undefined;
  /** What is wrong with its good records; only when asked for. */
  readonly problems: readonly string[];
}

export interface SpoolFacts {
  readonly checkpoint: Checkpoint | "damaged" | undefined;
  readonly segments: readonly SegmentFacts[];
  /** Batches that the checkpoint calls pending and no segment holds. */
  readonly missing: number;
  /** Records newer than the checkpoint. */
  readonly since: number;
  /** Numbers between them that are not there: never durable, or lost. */
  readonly holes: number;
  /** What the next start of the agent counts; without a checkpoint a new stream. */
  readonly counts: Counts;
  /** An agent wrote meanwhile: what is newer than the checkpoint says nothing. */
  readonly moving: boolean;
}

export interface SurveyOptions {
  /** Also decode each record and compare its numbers. */
  readonly deep?: boolean;
  readonly progress?: (done: number, all: number) => void;
}

/** Names of the segments on a disk, by first number. */
export async function segmentNames(disk: Disk): Promise<readonly string[]> {
  const names = (await disk.list()).flatMap((name) => {
    const parsed = parseSegmentName(name);
    return parsed === undefined ? [] : [{ name, first: parsed.firstSeq }];
  });
  return names.toSorted((a, b) => a.first - b.first).map(({ name }) => name);
}

/** Opens a segment to read; undefined when an agent has removed it meanwhile. */
export async function openToRead(disk: Disk, name: string): Promise<Segment | undefined> {
  try {
    return await Segment.open(disk, name, 0);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether a number waits by what a checkpoint says; without one, every number does. */
export function pendingBy(
  checkpoint: Checkpoint | "damaged" | undefined,
): (seq: number) => boolean {
  if (checkpoint === undefined || checkpoint === "damaged") return () => true;
  const listed = RangeSet.of(checkpoint.pending);
  return (seq) => seq >= checkpoint.next || listed.has(seq);
}

/** Looks at a whole spool, one segment open at a time. */
export async function survey(disk: Disk, options: SurveyOptions = {}): Promise<SpoolFacts> {
  const checkpoint = await readCheckpoint(disk);
  const names = await segmentNames(disk);
  const segments: SegmentFacts[] = [];
  for (const [index, name] of names.entries()) {
    const segment = await openToRead(disk, name);
    if (segment !== undefined) {
      try {
        segments.push(await surveySegment(segment, pendingBy(checkpoint), options.deep ?? false));
      } finally {
        await segment.close();
      }
    }
    options.progress?.(index + 1, names.length);
  }
  return { segments, checkpoint, ...compared(segments, checkpoint, await readCheckpoint(disk)) };
}

/** What checkpoint and segments say of each other. */
function compared(
  segments: readonly SegmentFacts[],
  before: SpoolFacts["checkpoint"],
  after: SpoolFacts["checkpoint"],
): Pick<SpoolFacts, "missing" | "since" | "holes" | "counts" | "moving"> {
  const known = typeof before === "object" ? before : unknownStream;
  const found = segments.map((segment) => segment.found);
  const { lost, since, counts } = recover(found, known);
  const gone = RangeSet.of(known.pending);
  for (const { ranges } of found) for (const [from, to] of ranges) gone.remove(from, to);
  const holes = lost - gone.size;
  const moving = JSON.stringify(before) !== JSON.stringify(after);
  // What was settled since is rightly gone.
  const still = RangeSet.of(typeof after === "object" ? after.pending : []);
  const missing = gone.ranges.flatMap(([from, to]) => [...still.within(from, to)]);
  return { missing: RangeSet.of(missing).size, since: since - holes, holes, counts, moving };
}

const unknownStream: Checkpoint = firstCheckpoint("unknown", { id: () => "", random: () => 0 });

/** Looks at one segment; twice where it seems damaged, as an agent may be writing there. */
export async function surveySegment(
  segment: Segment,
  isPending: (seq: number) => boolean,
  deep: boolean,
): Promise<SegmentFacts> {
  const first = await lookAt(segment, isPending, deep);
  return first.damage.length === 0 ? first : lookAt(segment, isPending, deep);
}

async function lookAt(
  segment: Segment,
  isPending: (seq: number) => boolean,
  deep: boolean,
): Promise<SegmentFacts> {
  const { name, kind, size } = segment;
  const spans = new Spans();
  const judge = new Judge(segment);
  const times = { oldest: Infinity, newest: -Infinity, oldestPending: Infinity };
  let records = 0;
  let pending = 0;
  const found = await segment.scan({
    gap: (offset, bytes) => spans.gap(offset, bytes),
    record: (record) => {
      spans.record();
      records += 1;
      const { seq, time } = record;
      times.oldest = Math.min(times.oldest, time);
      times.newest = Math.max(times.newest, time);
      if (isPending(seq)) {
        pending += 1;
        times.oldestPending = Math.min(times.oldestPending, time);
      }
      if (deep) judge.record(record);
      return true;
    },
  });
  return {
    name,
    kind,
    size,
    records,
    found,
    pending,
    oldest: finite(times.oldest),
    newest: finite(times.newest),
    oldestPending: finite(times.oldestPending),
    damage: spans.damage,
    torn: spans.torn,
    problems: judge.told,
  };
}

function finite(time: number): number | undefined {
  return Number.isFinite(time) ? time : undefined;
}

/** Says what is wrong with records whose checksum is right. */
class Judge {
  readonly #segment: Segment;
  readonly #told: string[] = [];
  #untold = 0;
  #last = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  get told(): readonly string[] {
    return this.#untold === 0 ? this.#told : [...this.#told, `and ${this.#untold} more`];
  }

  record(record: SpoolRecord): void {
    const { seq } = record;
    const { firstSeq, kind } = this.#segment;
    if (seq < firstSeq) this.#tell(`${seq} is below the first number of its segment`);
    if (seq <= this.#last) this.#tell(`${seq} stands behind ${this.#last}`);
    this.#last = Math.max(this.#last, seq);
    const decoded = decodeSpooled(record);
    if ("problem" in decoded) this.#tell(`${seq} is no batch: ${decoded.problem}`);
    else if (decoded.ok.spooled.kind !== kind) this.#tell(`${seq} is no ${kind}`);
  }

  #tell(problem: string): void {
    if (this.#told.length < mostProblems) this.#told.push(problem);
    else this.#untold += 1;
  }
}

/** Everything that is wrong, in sentences; empty when the spool is whole. */
export function problemsOf(facts: SpoolFacts): readonly string[] {
  const { checkpoint, segments, missing } = facts;
  const problems: string[] = [];
  if (checkpoint === "damaged") problems.push("checkpoint.json cannot be read");
  if (checkpoint === undefined && segments.length > 0) problems.push("checkpoint.json is missing");
  if (typeof checkpoint === "object") problems.push(...checkpointProblems(checkpoint, facts));
  if (missing > 0) problems.push(`gone, though the checkpoint calls them pending: ${missing}`);
  const seen = new RangeSet();
  for (const { name, found, damage, problems: told } of segments) {
    for (const { offset, length } of damage.slice(0, mostProblems)) {
      problems.push(`${name}: ${length} damaged bytes at ${offset}`);
    }
    const more = damage.length - mostProblems;
    if (more > 0) problems.push(`${name}: and ${more} more damaged places`);
    problems.push(...told.map((problem) => `${name}: ${problem}`));
    for (const [from, to] of found.ranges) {
      for (const [first, last] of seen.within(from, to)) {
        problems.push(`${name}: ${first} to ${last} stand in another segment, too`);
      }
      seen.add(from, to);
    }
  }
  return problems;
}

function checkpointProblems(checkpoint: Checkpoint, facts: SpoolFacts): string[] {
  const { offered, stored, shed, next, reserved } = checkpoint;
  const { full, disk, damaged, large } = shed;
  const pending = RangeSet.of(checkpoint.pending);
  const problems: string[] = [];
  if (offered !== stored + pending.size + full + disk + damaged + large) {
    problems.push("the ledger of the checkpoint does not add up");
  }
  if ((pending.ranges.at(-1)?.[1] ?? 0) >= next) {
    problems.push("the checkpoint calls numbers pending that it has not reached");
  }
  const highest = Math.max(...facts.segments.map(({ found }) => found.ranges.at(-1)?.[1] ?? 0));
  if (highest > reserved && !facts.moving) {
    problems.push(`number ${highest} lies above all that were ever handed out`);
  }
  return problems;
}
