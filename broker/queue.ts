/**
 * A queue to the store: batches wait here, live ones before backfill, and are written one write at
 * a time, again and again until the store has taken them. Ingest has a few of these and gives all
 * batches of a device to the same one: the store is kept busy while the next lines are put into
 * text, and the rows of a series arrive in order.
 *
 * Bounds: what waits is bounded by ingest; one write is under way.
 */
import type { Line, Platform } from "../telemetry/index.ts";
import { GatewayError, retryDelay, sleep } from "../telemetry/index.ts";
import type { Forwarded } from "./federation/contract.ts";
import type { Rejected, Store } from "../store/index.ts";

/** A batch as lines, with what is needed to report it stored. */
export interface Queued {
  readonly stream: string;
  readonly seq: number;
  readonly answerTo: string;
  readonly topic: string;
  readonly device: string;
  readonly lines: readonly Line[];
  /** What was set aside of it before it came here: resolves when that rests. */
  readonly aside?: Promise<unknown> | undefined;
  /** What peers are to have of it once it is stored. */
  readonly forwarded?: Forwarded | undefined;
}

/** What became of a write. */
export interface QueueEvents {
  /** All of `batches` rest in the store, except the lines that it will never take. */
  settled(batches: readonly Queued[], lines: readonly Line[], rejected: readonly Rejected[]): void;
  /** The store has failed, and the write will be tried again. */
  failed(error: GatewayError): void;
}

export interface QueueParts {
  readonly store: Pick<Store, "write">;
  readonly events: QueueEvents;
  /** Lines of one write. */
  readonly write: number;
}

const retryPolicy = { first: 200, longest: 15_000 };
/** A database that needs a person is asked again this often. @unit ms */
const configRetry = 15_000;
/** Of each write, backfill may always have this share. */
const backfillShare = 0.25;

export class StoreQueue implements AsyncDisposable {
  readonly #parts: QueueParts;
  readonly #platform: Platform;
  readonly #live = new Waiting();
  readonly #backfill = new Waiting();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wake: (() => void) | undefined;
  #writing = 0;
  #up = true;
  #writeMs = 0;

  constructor(parts: QueueParts, platform: Platform) {
    this.#parts = parts;
    this.#platform = platform;
    this.#running = this.#run();
  }

  /** Batches that wait or are being written. */
  get batches(): number {
    return this.#live.batches + this.#backfill.batches + this.#writing;
  }

  /** Lines that wait. */
  get lines(): number {
    return this.#live.lines + this.#backfill.lines;
  }

  /** False from a failed write to the next that succeeds. */
  get up(): boolean {
    return this.#up;
  }

  /** Duration of the newest write. @unit ms */
  get writeMs(): number {
    return this.#writeMs;
  }

  push(batch: Queued, { late }: { readonly late: boolean }): void {
    (late ? this.#backfill : this.#live).push(batch);
    this.#wake?.();
  }

  /** What is not in the store then is left to the agents, who send it again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const batches = this.#next();
      if (batches.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
        continue;
      }
      this.#writing = batches.length;
      await this.#write(batches);
      this.#writing = 0;
    }
  }

  #next(): readonly Queued[] {
    const { write } = this.#parts;
    const reserved = Math.min(this.#backfill.lines, write * backfillShare);
    const live = this.#live.take(write - reserved);
    return [...live, ...this.#backfill.take(write - countLines(live))];
  }

  async #write(batches: readonly Queued[]): Promise<void> {
    const { clock, entropy } = this.#platform;
    const lines = batches.flatMap((batch) => batch.lines);
    for (let attempt = 1; !this.#stop.signal.aborted; attempt += 1) {
      const started = clock.monotonic();
      try {
        const result =
          lines.length === 0
            ? { rejected: [] }
            : await this.#parts.store.write(lines, this.#stop.signal);
        this.#writeMs = clock.monotonic() - started;
        this.#up = true;
        this.#parts.events.settled(batches, lines, result.rejected);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (!(error instanceof GatewayError) || error.verdict === "fatal") throw error;
        this.#up = false;
        this.#parts.events.failed(error);
        const asked = error.verdict === "config" ? configRetry : (error.retryAfterMs ?? 0);
        await sleep(clock, retryDelay(retryPolicy, attempt, entropy, asked), this.#stop.signal);
      }
    }
  }
}

function countLines(batches: readonly Queued[]): number {
  return batches.reduce((sum, { lines }) => sum + lines.length, 0);
}

/** Batches in order, and how many lines they have; taking from the front is cheap. */
class Waiting {
  #items: Queued[] = [];
  #head = 0;
  lines = 0;

  get batches(): number {
    return this.#items.length - this.#head;
  }

  push(item: Queued): void {
    this.#items.push(item);
    this.lines += item.lines.length;
  }

  /** Takes batches while they fit `lines`; at least one when there is one and room for any. */
  take(lines: number): readonly Queued[] {
    const taken: Queued[] = [];
    let left = lines;
    for (;;) {
      const item = this.#items[this.#head];
      if (item === undefined || left <= 0 || (taken.length > 0 && item.lines.length > left)) break;
      taken.push(item);
      left -= item.lines.length;
      this.lines -= item.lines.length;
      this.#head += 1;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}
