/**
 * The durable queue at the edge (design.md section 6): gives each batch a number in the stream,
 * makes it durable, and keeps it until the hub reports it stored. At any time
 * offered = stored + queued + shed(reason).
 *
 * Bounds: `size` bytes on disk (the oldest telemetry segment is shed first, events last), and
 * `maxWaiting` batches in memory that wait for the next commit.
 */
import type { Batch, Disk, Platform, Range, RangeSet } from "../telemetry/index.ts";
import type { Timer, UnnumberedBatch } from "../telemetry/index.ts";
import { encodeBatch, GatewayError, messageOf, topicOf } from "../telemetry/index.ts";
import type { Checkpoint, Counts, ShedCounts, ShedReason } from "./checkpoint.ts";
import {
  firstCheckpoint,
  readCheckpoint,
  setCheckpointAside,
  writeCheckpoint,
} from "./checkpoint.ts";
import type { Waiting } from "./commit.ts";
import { writeCommit } from "./commit.ts";
import { maxPayload, recordLength } from "./record.ts";
import { recover } from "./recovery.ts";
import type { Cursor } from "./shelf.ts";
import { Shelf } from "./shelf.ts";
import type { Spooled } from "./spooled.ts";
import { lengthOf, spooledOf } from "./spooled.ts";

export interface SpoolOptions {
  /** Names the stream. */
  readonly agent: string;
  /** Most disk it may use. @unit bytes */
  readonly size: number;
  /** Size of one segment file. @unit bytes */
  readonly segment: number;
  /** Longest wait for company before a commit; 0 commits at once. @unit ms */
  readonly commit: number;
}

/** The counts of a stream since it was born. */
export interface Ledger {
  readonly offered: number;
  readonly stored: number;
  readonly queued: number;
  readonly shed: ShedCounts;
}

export type { Cursor } from "./shelf.ts";
export type { Spooled } from "./spooled.ts";

/** Numbers are reserved in steps of this size, so that a crash never hands one out twice. */
const reserveStep = 4096;
/** What waits beyond this is committed at once; beyond twice this it is shed. */
const maxWaiting = { batches: 2000, bytes: 8 * 1024 * 1024 } as const;
/** A checkpoint follows a change within this time. @unit ms */
const checkpointDelay = 1000;

export class Spool {
  readonly stream: string;
  /** When the stream began, if that was noted. @unit ms since 1970-01-01 UTC */
  readonly born: number | undefined;
  readonly #options: SpoolOptions;
  readonly #disk: Disk;
  readonly #platform: Platform;
  readonly #shelf: Shelf;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #commitTimer: Timer | undefined;
  #checkpointTimer: Timer | undefined;
  #checkpointing: Promise<void> = Promise.resolve();
  #next: number;
  /** Every number up to this one is durable, settled or shed. */
  #durable: number;
  #reserved: number;
  #offered: number;
  /** Of those offered: taken, but neither durable nor shed yet. */
  #undecided = 0;
  #stored: number;
  #shed: { -readonly [Reason in keyof ShedCounts]: ShedCounts[Reason] };
  #failing = false;
  #closed = false;

  private constructor(
    options: SpoolOptions,
    { disk, start }: { readonly disk: Disk; readonly start: Checkpoint },
    platform: Platform,
  ) {
    this.#options = options;
    this.#disk = disk;
    this.#platform = platform;
    this.stream = start.stream;
    this.born = start.born;
    this.#next = start.next;
    this.#durable = start.next - 1;
    this.#reserved = start.reserved;
    this.#offered = start.offered;
    this.#stored = start.stored;
    this.#shed = { ...start.shed };
    this.#shelf = new Shelf({
      disk,
      size: options.size,
      segment: options.segment,
      log: platform.log,
      remember: () => this.#checkpoint().catch((error: unknown) => this.#report(error)),
      shed: (reason, count) => this.#countShed(reason, count),
      busy: ({ highest }) => highest > this.#durable,
    });
  }

  /**
   * Opens the spool on a disk, as a crash may have left it: torn tails are cut, damage is counted.
   * @throws E_SPOOL_WRITE when the disk cannot be read or takes no checkpoint
   */
  static async open(options: SpoolOptions, disk: Disk, platform: Platform): Promise<Spool> {
    const start = await startOf(options, disk, platform);
    const spool = new Spool(options, { disk, start }, platform);
    try {
      await spool.#recover(start);
      await spool.#makeReservation(spool.#next);
      return spool;
    } catch (cause) {
      await spool.#shelf.close();
      throw refused("segments", cause);
    }
  }

  /** The lowest number that still waits: the stream begins here now. */
  get base(): number {
    return this.#shelf.lowestUpTo(this.#durable) ?? this.#durable + 1;
  }

  get ledger(): Ledger {
    const queued = this.#shelf.countUpTo(this.#durable) + this.#undecided;
    return { offered: this.#offered, stored: this.#stored, queued, shed: { ...this.#shed } };
  }

  /** Disk in use. @unit bytes */
  get bytes(): number {
    return this.#shelf.bytes;
  }

  /**
   * Takes a batch; resolves with its durable form, or with undefined when it was shed (and
   * counted): too large, or the disk takes no more.
   */
  append(batch: UnnumberedBatch): Promise<Spooled | undefined> {
    this.#offered += 1;
    const seq = this.#next;
    const topic = topicOf(batch.address, batch.kind);
    const numbered: Batch = { ...batch, stream: this.stream, seq };
    const payload = encodeBatch(numbered, this.stream, this.base, batch.place);
    const spooled = { seq, topic, kind: batch.kind, time: batch.time, payload };
    const length = lengthOf(spooled);
    const fits = Math.min(maxPayload, this.#options.segment);
    if (recordLength(length) > fits) return this.#give("large");
    if (this.#crowded(2) || this.#closed) return this.#give("disk");
    this.#next = seq + 1;
    return new Promise((done) => {
      this.#waiting.push({ spooled, length, done });
      this.#waitingBytes += length;
      this.#undecided += 1;
      this.#scheduleCommit();
    });
  }

  /** Settles what the hub reports stored; returns how many batches that were pending. */
  settle(ranges: readonly Range[]): number {
    const settled = ranges.reduce((sum, range) => sum + this.#shelf.settle(range), 0);
    if (settled === 0) return 0;
    this.#stored += settled;
    this.#scheduleCheckpoint();
    return settled;
  }

  /** Gives up a batch that is durable: it cannot be read, or may not be sent any more. */
  giveUp(seq: number, reason: "damaged" | "revoked"): void {
    this.#countShed(reason, this.#shelf.settle([seq, seq]));
    this.#scheduleCheckpoint();
  }

  /**
   * Reads pending batches, oldest segment first, from a cursor on: those that `accept` takes, up
   * to `maxBytes` of payload. What a commit under way has written is not handed back yet, so it is
   * not read either. The cursor is undefined at the end.
   */
  async read(
    from: Cursor | undefined,
    maxBytes: number,
    accept: (seq: number) => boolean,
  ): Promise<{ readonly batches: readonly Spooled[]; readonly cursor: Cursor | undefined }> {
    const batches: Spooled[] = [];
    let bytes = 0;
    const cursor = await this.#shelf.read(from, ({ seq, time, payload }) => {
      if (seq > this.#durable || !accept(seq)) return true;
      batches.push(spooledOf(seq, time, payload));
      bytes += payload.length;
      return bytes < maxBytes;
    });
    return { batches, cursor };
  }

  /** Commits what waits, writes the checkpoint and closes the files. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#waiting.length > 0 || this.#committing !== undefined) {
      await (this.#committing ?? this.#commit());
    }
    this.#commitTimer?.cancel();
    this.#checkpointTimer?.cancel();
    this.#reserved = this.#durable;
    await this.#checkpoint().catch((error: unknown) => this.#report(error));
    await this.#shelf.close();
  }

  #give(reason: ShedReason): Promise<undefined> {
    this.#countShed(reason, 1);
    this.#scheduleCheckpoint();
    return Promise.resolve(undefined);
  }

  #countShed(reason: ShedReason, count: number): void {
    if (count > 0) this.#shed[reason] = (this.#shed[reason] ?? 0) + count;
  }

  // --- commit ---

  #crowded(times: number): boolean {
    const { batches, bytes } = maxWaiting;
    return this.#waiting.length >= times * batches || this.#waitingBytes >= times * bytes;
  }

  #scheduleCommit(): void {
    if (this.#committing !== undefined) return;
    if (this.#options.commit === 0 || this.#crowded(1)) {
      this.#commitTimer?.cancel();
      this.#startCommit();
      return;
    }
    this.#commitTimer ??= this.#platform.clock.after(this.#options.commit, () =>
      this.#startCommit(),
    );
  }

  #startCommit(): void {
    this.#commitTimer = undefined;
    if (this.#committing === undefined) void this.#commit();
  }

  #commit(): Promise<void> {
    this.#committing = this.#commitWaiting().finally(() => {
      this.#committing = undefined;
      if (this.#waiting.length > 0) this.#scheduleCommit();
    });
    return this.#committing;
  }

  async #commitWaiting(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const last = taken.at(-1)?.spooled.seq;
    if (last === undefined) return;
    const durable = new Set<Waiting>();
    try {
      if (last > this.#reserved) await this.#makeReservation(last);
      await writeCommit(this.#shelf, taken, durable);
      this.#recovered();
    } catch (error) {
      this.#report(error);
    }
    this.#durable = Math.max(this.#durable, last);
    this.#undecided -= taken.length;
    for (const waiting of taken) {
      if (!durable.has(waiting)) this.#shed.disk += 1;
      waiting.done(durable.has(waiting) ? waiting.spooled : undefined);
    }
    this.#scheduleCheckpoint();
  }

  // --- checkpoint ---

  /** A disk that is full of old segments must neither keep the agent from starting nor stop it. */
  async #makeReservation(upTo: number): Promise<void> {
    for (;;) {
      try {
        return await this.#reserve(upTo);
      } catch (cause) {
        if (!(await this.#shelf.makeRoom(cause))) throw refused("checkpoint", cause);
      }
    }
  }

  async #reserve(upTo: number): Promise<void> {
    const before = this.#reserved;
    this.#reserved = upTo + reserveStep;
    try {
      await this.#checkpoint();
    } catch (error) {
      this.#reserved = before;
      throw error;
    }
  }

  #scheduleCheckpoint(): void {
    if (this.#closed) return;
    this.#checkpointTimer ??= this.#platform.clock.after(checkpointDelay, () => {
      this.#checkpointTimer = undefined;
      this.#checkpoint()
        .then(() => this.#shelf.removeSettled())
        .catch((error: unknown) => this.#report(error));
    });
  }

  /** Writes the checkpoint; never two at once. */
  #checkpoint(): Promise<void> {
    const written = this.#checkpointing.then(() =>
      writeCheckpoint(this.#disk, this.#counts(), this.#shelf.textUpTo(this.#durable)),
    );
    this.#checkpointing = written.catch(() => undefined);
    return written;
  }

  /** What a commit under way has written is not handed back yet: it is left out. */
  #counts(): Counts {
    return {
      stream: this.stream,
      born: this.born,
      next: this.#durable + 1,
      reserved: this.#reserved,
      offered: this.#offered - this.#undecided,
      stored: this.#stored,
      shed: { ...this.#shed },
    };
  }

  #report(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#platform.log.error("spool write failed", {
      code: "E_SPOOL_WRITE",
      why: messageOf(error),
    });
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#platform.log.info("spool write recovered");
  }

  async #recover(start: Checkpoint): Promise<void> {
    const segments = await this.#shelf.load();
    const found: RangeSet[] = [];
    for (const segment of segments) found.push(await segment.scan());
    const { pending, lost, counts } = recover(found, start);
    segments.forEach((segment, index) => segment.await(pending[index] ?? []));
    this.#next = counts.next;
    this.#durable = counts.next - 1;
    this.#offered = counts.offered;
    this.#shed = { ...counts.shed };
    if (lost > 0) {
      this.#platform.log.error("spool damaged", { code: "E_SPOOL_DAMAGED", count: lost });
    }
    await this.#shelf.removeSettled();
  }
}

/** What a checkpoint says, or the beginning of a stream where there is none to read. */
async function startOf(
  { agent }: SpoolOptions,
  disk: Disk,
  { clock, entropy, log }: Platform,
): Promise<Checkpoint> {
  try {
    const known = await readCheckpoint(disk);
    if (known !== undefined && known !== "damaged") return known;
    if (known === undefined) return firstCheckpoint(agent, entropy, clock.now());
    log.error("checkpoint damaged", { code: "E_SPOOL_DAMAGED" });
    await setCheckpointAside(disk);
    return firstCheckpoint(agent, entropy);
  } catch (cause) {
    throw refused("checkpoint", cause);
  }
}

function refused(what: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError("E_SPOOL_WRITE", `${what}: ${messageOf(cause)}`, { cause });
}
