/**
 * Two lanes from the spool to the broker (design.md section 6). Live: each batch at once, and
 * after a reconnect only the newest of each device. Backfill: what is not reported stored within
 * `resend`, oldest first, many batches a message, at most half of the time on the link, and in
 * parcels so small that a live message hardly waits behind one (`backfill.ts`).
 *
 * Bounds: `window` live messages unacknowledged and `maxQueued` behind them, one chunk of the spool
 * in memory and one parcel of it under way, `maxTried` numbers remembered as recently tried; one
 * newest batch per device.
 */
import type { Platform, Range } from "../telemetry/index.ts";
import { RangeSet, retryDelay } from "../telemetry/index.ts";
import { Chunk, Pace } from "./backfill.ts";
import { Bell } from "./bell.ts";
import type { Cursor, Spool, Spooled } from "./spool.ts";
import type { Message } from "./uplink.ts";

export interface PublisherOptions {
  /** Live messages that may be unacknowledged. */
  readonly window: number;
  /** @unit ms */
  readonly resend: number;
}

/** What the publisher writes to. */
export interface PublisherWire {
  readonly send: (message: Message) => Promise<void>;
  /** Whether a topic may be sent now; what may not is given up. Left out: all may. */
  readonly permits?: ((topic: string) => boolean) | undefined;
  readonly platform: Platform;
}

/** What is read of the spool at once: of each device so much that field names count little. */
const chunkBytes = 2 * 1024 * 1024;
/** Live batches that may wait for the window; the oldest beyond it are left to backfill. */
const maxQueued = { batches: 1000, length: 8 * 1024 * 1024 } as const;
/** Numbers remembered as tried; beyond it the oldest may be sent twice, which is harmless. */
const maxTried = 50_000;
/** Longest rest after a parcel. @unit ms */
const longestRest = 1000;
/** Longest wait before a parcel that was not reported stored is tried again. @unit ms */
const longestResend = 60_000;

export class Publisher {
  readonly #spool: Spool;
  readonly #options: PublisherOptions;
  readonly #platform: Platform;
  readonly #send: (message: Message) => Promise<void>;
  readonly #permits: (topic: string) => boolean;
  /** Newest telemetry of each device, by topic. */
  readonly #newest = new Map<string, Spooled>();
  /** Live batches that wait for the window. */
  #queue: Spooled[] = [];
  /** Of their payloads. @unit characters */
  #queuedLength = 0;
  /** State and meta of devices: the current value only, published again after each reconnect. */
  readonly #retained = new Map<string, string>();
  /** Recently tried numbers and when. Insertion order is age. */
  readonly #tried = new Map<number, number>();
  /** Of the parcel under way, not reported stored yet. */
  readonly #outstanding = new RangeSet();
  readonly #pace = new Pace();
  readonly #bell = new Bell();
  #inFlight = 0;
  #up = false;
  #closed = false;
  #unanswered = 0;
  readonly #running: Promise<void>;

  constructor(spool: Spool, options: PublisherOptions, wire: PublisherWire) {
    this.#spool = spool;
    this.#options = options;
    this.#send = wire.send;
    this.#permits = wire.permits ?? ((): boolean => true);
    this.#platform = wire.platform;
    this.#running = this.#backfill();
  }

  /** Publishes a durable batch at once, if link and window allow; else its turn comes later. */
  offer(spooled: Spooled): void {
    this.#markTried(spooled.seq);
    if (spooled.kind === "telemetry") this.#newest.set(spooled.topic, spooled);
    if (!this.#up) return;
    this.#queue.push(spooled);
    this.#queuedLength += spooled.payload.length;
    this.#publishQueued();
    // The oldest of too many are left to backfill.
    while (this.#queue.length > maxQueued.batches || this.#queuedLength > maxQueued.length) {
      this.#nextQueued();
    }
  }

  /** Publishes a retained current value (state, meta) now and after each reconnect. */
  retain(topic: string, payload: string): void {
    if (this.#retained.get(topic) === payload) return;
    this.#retained.set(topic, payload);
    if (this.#up) this.#fire({ topic, payload, retain: true });
  }

  /** Gives up all that may not be sent any more, in memory and in the spool. */
  async purge(): Promise<void> {
    for (const kept of [this.#newest, this.#retained]) {
      for (const topic of kept.keys()) if (!this.#permits(topic)) kept.delete(topic);
    }
    let cursor: Cursor | undefined;
    do {
      const read = await this.#spool.read(cursor, chunkBytes, () => true);
      for (const { seq, topic } of read.batches) {
        if (!this.#permits(topic)) this.#spool.giveUp(seq, "revoked");
      }
      ({ cursor } = read);
    } while (cursor !== undefined);
  }

  get isUp(): boolean {
    return this.#up;
  }

  up(): void {
    this.#up = true;
    this.#unanswered = 0;
    this.#pace.begin();
    for (const [topic, payload] of this.#retained) this.#fire({ topic, payload, retain: true });
    this.#queue = [...this.#newest.values()];
    this.#queuedLength = this.#queue.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#publishQueued();
    this.#bell.ring();
  }

  down(): void {
    this.#up = false;
    this.#bell.ring();
  }

  /** Takes the hub's word that batches are stored. */
  stored(ranges: readonly Range[]): void {
    this.#spool.settle(ranges);
    if (this.#unanswered > 0) {
      this.#unanswered = 0;
      this.#bell.ring();
    }
    if (this.#outstanding.size === 0) return;
    for (const [from, to] of ranges) this.#outstanding.remove(from, to);
    if (this.#outstanding.size === 0) this.#bell.ring();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#up = false;
    this.#bell.ring();
    await this.#running;
  }

  #publishQueued(): void {
    while (this.#up && this.#inFlight < this.#options.window) {
      const next = this.#nextQueued();
      if (next === undefined) return;
      this.#publish(next);
    }
  }

  #nextQueued(): Spooled | undefined {
    const next = this.#queue.shift();
    this.#queuedLength -= next?.payload.length ?? 0;
    return next;
  }

  #publish({ seq, topic, payload, kind }: Spooled): void {
    if (!this.#permits(topic)) {
      this.#spool.giveUp(seq, "revoked");
      return;
    }
    this.#inFlight += 1;
    this.#markTried(seq);
    const message = { topic, payload, retain: kind === "telemetry" };
    // A failed send needs no answer: the batch stays pending and comes again as backfill.
    void this.#send(message)
      .catch(() => undefined)
      .then(() => {
        this.#inFlight -= 1;
        this.#publishQueued();
      });
  }

  /** Sends what is sent again after a reconnect anyway: a failure needs no answer. */
  #fire(message: Message): void {
    this.#send(message).catch(() => undefined);
  }

  #markTried(seq: number): void {
    this.#tried.delete(seq);
    this.#tried.set(seq, this.#platform.clock.monotonic());
    if (this.#tried.size <= maxTried) return;
    // Many at once: finding the oldest is dear, because a Map walks over all that was deleted.
    let many = maxTried / 10;
    for (const oldest of this.#tried.keys()) {
      this.#tried.delete(oldest);
      many -= 1;
      if (many === 0) return;
    }
  }

  #forgetTried(): void {
    const old = this.#platform.clock.monotonic() - this.#options.resend;
    for (const [seq, at] of this.#tried) {
      if (at > old) return;
      this.#tried.delete(seq);
    }
  }

  // --- backfill ---

  async #backfill(): Promise<void> {
    const { clock, log } = this.#platform;
    let cursor: Cursor | undefined;
    while (!this.#closed) {
      if (!this.#up) {
        cursor = undefined;
        await this.#bell.wait(clock, this.#options.resend);
        continue;
      }
      try {
        cursor = await this.#backfillChunk(cursor);
      } catch (error) {
        log.error("backfill failed", { why: String(error) });
        await this.#bell.wait(clock, this.#options.resend);
      }
    }
  }

  /** Sends one chunk in parcels; returns where the next one begins. */
  async #backfillChunk(from: Cursor | undefined): Promise<Cursor | undefined> {
    const { clock } = this.#platform;
    this.#forgetTried();
    const untried = (seq: number): boolean => !this.#tried.has(seq);
    const { batches, cursor } = await this.#spool.read(from, chunkBytes, untried);
    if (batches.length === 0) {
      await this.#bell.wait(clock, Math.max(100, this.#options.resend / 2));
      return cursor;
    }
    const chunk = new Chunk(batches, this.#spool, this.#permits);
    while (this.#up && this.#sendParcel(chunk)) {
      const started = clock.monotonic();
      if (!(await this.#answered(started))) return this.#restUnanswered();
      if (!this.#up) break;
      const took = clock.monotonic() - started;
      this.#pace.answered(took);
      // As long a rest as the parcel took leaves half of link and store to the live lane.
      await this.#bell.wait(clock, Math.min(took, longestRest));
    }
    return cursor;
  }

  /** Sends as much as the pace allows; false at the end of the chunk. */
  #sendParcel(chunk: Chunk): boolean {
    this.#outstanding.clear();
    for (let left = this.#pace.length; left > 0;) {
      const packed = chunk.next(left);
      if (packed === undefined) break;
      for (const seq of packed.seqs) {
        this.#outstanding.add(seq);
        this.#markTried(seq);
      }
      left -= packed.length;
      this.#fire(packed.message);
    }
    return this.#outstanding.size > 0;
  }

  /** Waits until the parcel is stored or the link is down; false when that takes too long. */
  async #answered(started: number): Promise<boolean> {
    const { clock } = this.#platform;
    while (this.#up && this.#outstanding.size > 0) {
      const left = started + this.#options.resend - clock.monotonic();
      if (left <= 0) return false;
      await this.#bell.wait(clock, left);
    }
    return true;
  }

  /** The hub does not store now: begin again at the oldest, ever more seldom. */
  async #restUnanswered(): Promise<undefined> {
    const { clock, entropy } = this.#platform;
    this.#unanswered += 1;
    // A link that has become slow carries a least parcel, perhaps, where it carried a large one.
    this.#pace.begin();
    const policy = { first: this.#options.resend, longest: longestResend };
    await this.#bell.wait(clock, retryDelay(policy, this.#unanswered, entropy));
    return undefined;
  }
}
