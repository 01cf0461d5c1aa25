/**
 * The segments of a spool on disk: which exist, which are written to, which may go. Keeps the
 * whole within its size by giving up the oldest telemetry first, events last.
 */
import type { BatchKind, Disk, Log, Range } from "../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../telemetry/index.ts";
import type { ShedReason } from "./checkpoint.ts";
import type { SpoolRecord } from "./record.ts";
import { parseSegmentName, Segment, segmentName } from "./segment.ts";

export interface ShelfSetup {
  readonly disk: Disk;
  readonly log: Log;
  /** Most disk all segments may use. @unit bytes */
  readonly size: number;
  /** Size of one segment. @unit bytes */
  readonly segment: number;
  /** Makes it durable that what is settled is settled, before its file goes. */
  readonly remember: () => Promise<void>;
  readonly shed: (reason: ShedReason, count: number) => void;
  /** Whether a segment holds part of the commit under way, which is not to make room for itself. */
  readonly busy: (segment: Segment) => boolean;
}

/** Where reading goes on. */
export interface Cursor {
  readonly segment: string;
  readonly offset: number;
}

export class Shelf {
  readonly #setup: ShelfSetup;
  /** By first number; those written to are also in `#active`. */
  #segments: Segment[] = [];
  readonly #active = new Map<BatchKind, Segment>();
  /** The lowest number that waits, if it is known: nothing lower comes after it. */
  #lowest: number | undefined;

  constructor(setup: ShelfSetup) {
    this.#setup = setup;
  }

  /** Opens what a disk holds; nothing is written to these again. */
  async load(): Promise<readonly Segment[]> {
    const { disk } = this.#setup;
    for (const name of await disk.list()) {
      const segment = await Segment.open(disk, name, 0);
      if (segment !== undefined) this.#segments.push(segment);
    }
    this.#segments.sort((a, b) => a.firstSeq - b.firstSeq);
    return this.#segments;
  }

  /** Disk in use. @unit bytes */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** The lowest number up to `highest` that waits, or undefined. */
  lowestUpTo(highest: number): number | undefined {
    if (this.#lowest !== undefined) return this.#lowest;
    let lowest = Number.POSITIVE_INFINITY;
    for (const { pending } of this.#segments) {
      lowest = Math.min(lowest, pending.ranges[0]?.[0] ?? lowest);
    }
    // Above it a commit is under way, which may yet write a lower one.
    if (lowest <= highest) this.#lowest = lowest;
    return this.#lowest;
  }

  /** How many of the numbers up to `highest` wait. */
  countUpTo(highest: number): number {
    return this.#segments.reduce((sum, segment) => sum + segment.pendingUpTo(highest).count, 0);
  }

  /** Which of the numbers up to `highest` wait, as the checkpoint's text, by segment. */
  textUpTo(highest: number): readonly string[] {
    return this.#segments.map((segment) => segment.pendingUpTo(highest).text);
  }

  /** Settles a range; returns how many batches of it were pending. */
  settle(range: Range): number {
    let settled = 0;
    for (const segment of this.#segments) settled += segment.settle(range);
    if (settled > 0) this.#lowest = undefined;
    return settled;
  }

  /**
   * The segment that takes a record of this length, new if need be.
   * @throws E_SPOOL_WRITE
   */
  async segmentFor(kind: BatchKind, firstSeq: number, length: number): Promise<Segment> {
    const active = this.#active.get(kind);
    if (active?.room(length) === true) return active;
    await this.removeSettled();
    const { size, segment: segmentSize } = this.#setup;
    while (this.bytes + segmentSize > size) {
      if (await this.giveUpOldest("full")) continue;
      throw new GatewayError("E_SPOOL_WRITE", "one commit fills the whole spool");
    }
    const segment = await this.#create(segmentName(kind, firstSeq));
    // Not always the newest: the events of a commit are written after its telemetry.
    const after = this.#segments.findLastIndex((other) => other.firstSeq < segment.firstSeq);
    this.#segments.splice(after + 1, 0, segment);
    this.#active.set(kind, segment);
    return segment;
  }

  /**
   * Visits the pending records from a cursor on, oldest segment first, until `visit` returns
   * false; returns where to go on, or undefined at the end.
   */
  async read(
    from: Cursor | undefined,
    visit: (record: SpoolRecord) => boolean,
  ): Promise<Cursor | undefined> {
    let cursor = this.#resume(from);
    while (cursor !== undefined) {
      const at: Cursor = cursor;
      const segment = this.#segments.find(({ name }) => name === at.segment);
      if (segment === undefined) return undefined;
      let stopped = false;
      const record = (record: SpoolRecord): boolean => {
        if (segment.pending.has(record.seq)) stopped = !visit(record);
        return !stopped;
      };
      const reading = segment.read(at.offset, { record });
      const next = await reading.catch((error: unknown) => {
        // A segment that was settled or shed meanwhile is closed: nothing in it waits.
        if (this.#segments.includes(segment)) throw error;
        return undefined;
      });
      if (stopped && next !== undefined) return { segment: segment.name, offset: next };
      cursor = this.#after(segment.name);
    }
    return undefined;
  }

  /** Removes segments with nothing pending; those written to stay unless named. */
  async removeSettled(also?: Segment): Promise<void> {
    const active = new Set(this.#active.values());
    const gone = this.#segments.filter(
      (segment) => segment.pending.size === 0 && (segment === also || !active.has(segment)),
    );
    if (gone.length === 0) return;
    this.#segments = this.#segments.filter((segment) => !gone.includes(segment));
    if (also !== undefined && this.#active.get(also.kind) === also) this.#active.delete(also.kind);
    await this.#setup.remember();
    for (const segment of gone) {
      await segment.close();
      await this.#setup.disk.remove(segment.name);
    }
  }

  /** Writes no more to a segment that refused a write: the next record begins a new one. */
  abandon(segment: Segment): void {
    if (this.#active.get(segment.kind) === segment) this.#active.delete(segment.kind);
  }

  /** Gives up the oldest segment, telemetry before events; false when there is none to give. */
  async giveUpOldest(reason: ShedReason): Promise<boolean> {
    const idle = this.#segments.filter((segment) => !this.#setup.busy(segment));
    const victim = idle.find(({ kind }) => kind === "telemetry") ?? idle[0];
    if (victim === undefined) return false;
    const count = victim.pending.size;
    this.#setup.shed(reason, count);
    this.#lowest = undefined;
    victim.settle([0, Number.MAX_SAFE_INTEGER]);
    this.#setup.log.warn("batches shed", { reason, count });
    await this.removeSettled(victim);
    return true;
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close();
  }

  /** Makes room on a disk that refused a write because it is full; false when that is not why. */
  async makeRoom(refusal: unknown): Promise<boolean> {
    return isFull(refusal) && (await this.giveUpOldest("disk"));
  }

  /** Creates a segment; when the disk is full, gives up the oldest and tries again. */
  async #create(name: string): Promise<Segment> {
    for (;;) {
      try {
        const segment = await Segment.open(this.#setup.disk, name, this.#setup.segment);
        if (segment !== undefined) return segment;
      } catch (cause) {
        if (await this.makeRoom(cause)) continue;
        throw new GatewayError("E_SPOOL_WRITE", `segment ${name}: ${messageOf(cause)}`, { cause });
      }
    }
  }

  #resume(from: Cursor | undefined): Cursor | undefined {
    if (from === undefined) {
      const first = this.#segments[0];
      return first === undefined ? undefined : { segment: first.name, offset: 0 };
    }
    const there = this.#segments.some(({ name }) => name === from.segment);
    return there ? from : this.#after(from.segment);
  }

  /** The segment that follows in order of first numbers, even when `name` itself is gone. */
  #after(name: string): Cursor | undefined {
    const firstSeq = parseSegmentName(name)?.firstSeq ?? 0;
    const next = this.#segments.find((segment) => segment.firstSeq > firstSeq);
    return next === undefined ? undefined : { segment: next.name, offset: 0 };
  }
}

/** A disk that fails in another way, as one turned read-only, gives nothing for an old segment. */
function isFull(refusal: unknown): boolean {
  return /\b(ENOSPC|EDQUOT)\b/.test(`${systemCode(refusal) ?? ""} ${messageOf(refusal)}`);
}
