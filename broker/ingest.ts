/**
 * From messages to the store, and the word `stored` back (design.md section 6). Keeps no state
 * about agents: every batch that rests in the store, or can never be stored, is reported to the
 * agent that its stream names. Idempotent: a batch that comes twice is written twice to the same
 * rows and reported twice.
 *
 * Bounds: above `comfortable` points publishers are asked to wait (`room`); above `most` batches
 * are left to the agent's resend and counted. Live batches go before backfill, which keeps at
 * least a quarter of each write.
 */
import type {
  Batch,
  Line,
  ParsedTopic,
  Platform,
  Point,
  UnnumberedBatch,
  WireMessage,
} from "../telemetry/index.ts";
import {
  decodeMessage,
  encodeStored,
  GatewayError,
  linesOf,
  messageOf,
  problemOf,
  RangeSet,
  retryDelay,
  sleep,
  topicOf,
} from "../telemetry/index.ts";
import type { SetAside, Store } from "../store/index.ts";

export type { SetAside };

export interface IngestSetup {
  readonly store: Store;
  /** Sends a message to the broker's clients. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  /** Sets aside what can never be stored. */
  readonly setAside: (entry: SetAside) => void;
  /** Sees each batch that is not late once it is decoded, before it is stored. */
  readonly observe: (batch: UnnumberedBatch) => void;
}

/** Counts in batches since start: received = stored + queued + refused + overflow. */
export interface IngestCounts {
  readonly received: number;
  readonly stored: number;
  readonly queued: number;
  /** Nothing of them could be stored; they were set aside and reported stored. */
  readonly refused: number;
  /** Left to the agent's resend. */
  readonly overflow: number;
  readonly points: number;
  readonly pointsRefused: number;
  /** Messages without a batch that could be told apart. */
  readonly garbage: number;
  readonly storeUp: boolean;
  /** Duration of the newest write. @unit ms */
  readonly writeMs: number;
}

interface Queued {
  readonly stream: string;
  readonly seq: number;
  readonly answerTo: string;
  readonly topic: string;
  readonly device: string;
  readonly lines: readonly Line[];
}

/** Lines of one write: what both stores take best (facts/storage-alerting.md 1.5). */
const linesPerWrite = 5000;
const comfortable = 15_000;
const most = 60_000;
const retryPolicy = { first: 200, longest: 15_000 };
/** A database that needs a person is asked again this often. @unit ms */
const configRetry = 15_000;
/** Of each write, backfill may always have this share. */
const backfillShare = 0.25;

export class Ingest implements AsyncDisposable {
  readonly #setup: IngestSetup;
  readonly #platform: Platform;
  readonly #live = new Lane();
  readonly #backfill = new Lane();
  readonly #stop = new AbortController();
  readonly #storedOf = new Map<string, number>();
  #wake: (() => void) | undefined;
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  readonly #running: Promise<void>;
  #writing = 0;
  #received = 0;
  #stored = 0;
  #refused = 0;
  #overflow = 0;
  #points = 0;
  #pointsRefused = 0;
  #garbage = 0;
  #storeUp = true;
  #writeMs = 0;

  constructor(setup: IngestSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#running = this.#run();
  }

  get counts(): IngestCounts {
    return {
      received: this.#received,
      stored: this.#stored,
      queued: this.#live.batches + this.#backfill.batches + this.#writing,
      refused: this.#refused,
      overflow: this.#overflow,
      points: this.#points,
      pointsRefused: this.#pointsRefused,
      garbage: this.#garbage,
      storeUp: this.#storeUp,
      writeMs: this.#writeMs,
    };
  }

  /** Batches stored of one device since start. */
  storedOf(device: string): number {
    return this.#storedOf.get(device) ?? 0;
  }

  /** Undefined when there is room; else resolves when there is. */
  room(): Promise<void> | undefined {
    if (this.#waitingLines < comfortable || this.#stop.signal.aborted) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Takes one message of kind telemetry, event or backfill. */
  take(topic: string, parsed: ParsedTopic, payload: Uint8Array): void {
    const { kind } = parsed;
    if (kind !== "telemetry" && kind !== "event" && kind !== "backfill") return;
    const decoded = decodeMessage(payload, kind);
    if (!("ok" in decoded)) {
      this.#garbage += 1;
      this.#aside(topic, decoded.problem, Buffer.from(payload).toString());
      return;
    }
    const answerTo = answerTopic(parsed, decoded.ok.stream);
    if (answerTo === undefined) {
      this.#garbage += 1;
      this.#aside(topic, "the stream names no agent", Buffer.from(payload).toString());
      return;
    }
    this.#refuse(topic, answerTo, decoded.ok);
    for (const wire of decoded.ok.batches) {
      const batch: Batch = {
        ...wire,
        kind: kind === "event" ? "event" : "telemetry",
        address: parsed.address,
        place: decoded.ok.place,
        stream: decoded.ok.stream,
      };
      this.#queue(batch, topic, {
        answerTo,
        lane: kind === "backfill" ? this.#backfill : this.#live,
      });
    }
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    this.#room?.resolve();
    await this.#running;
  }

  get #waitingLines(): number {
    return this.#live.lines + this.#backfill.lines;
  }

  #queue(
    batch: Batch,
    topic: string,
    { answerTo, lane }: { readonly answerTo: string; readonly lane: Lane },
  ): void {
    this.#received += 1;
    const points = batch.points.filter((point) => this.#legal(topic, batch, point));
    if (lane === this.#live) this.#setup.observe({ ...batch, points });
    if (this.#waitingLines + points.length > most) {
      this.#overflow += 1;
      return;
    }
    const { stream, seq, address } = batch;
    const lines = linesOf({ ...batch, points });
    lane.push({ stream, seq, answerTo, topic, device: address.device, lines });
  }

  #legal(topic: string, batch: Batch, point: Point): boolean {
    const reason = problemOf(point);
    if (reason === undefined) return true;
    this.#pointsRefused += 1;
    const { stream, seq } = batch;
    const [line] = linesOf({ ...batch, points: [point] });
    this.#setup.setAside({ topic, reason, content: JSON.stringify(point), stream, seq, line });
    return false;
  }

  /** Batches whose content is beyond use: set aside and called stored, or they come for ever. */
  #refuse(topic: string, answerTo: string, message: WireMessage): void {
    const { refused, stream } = message;
    if (refused.length === 0) return;
    const seqs = new RangeSet();
    for (const { seq, problem } of refused) {
      this.#received += 1;
      this.#refused += 1;
      seqs.add(seq);
      this.#aside(topic, problem, `batch ${seq} of ${stream}`);
    }
    this.#answer(answerTo, stream, seqs);
  }

  #aside(topic: string, reason: string, content: string): void {
    this.#setup.setAside({ topic, reason, content });
  }

  // --- writing ---

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
      if (this.#waitingLines < comfortable) {
        this.#room?.resolve();
        this.#room = undefined;
      }
    }
  }

  #next(): readonly Queued[] {
    const reserved = Math.min(this.#backfill.lines, linesPerWrite * backfillShare);
    const live = this.#live.take(linesPerWrite - reserved);
    return [...live, ...this.#backfill.take(linesPerWrite - countLines(live))];
  }

  /** Writes until the store has taken the batches, or the hub stops: then the agents resend. */
  async #write(batches: readonly Queued[]): Promise<void> {
    const { clock, entropy } = this.#platform;
    const lines = batches.flatMap((batch) => batch.lines);
    for (let attempt = 1; !this.#stop.signal.aborted; attempt += 1) {
      const started = clock.monotonic();
      try {
        const result =
          lines.length === 0
            ? { accepted: 0, rejected: [] }
            : await this.#setup.store.write(lines, this.#stop.signal);
        this.#writeMs = clock.monotonic() - started;
        this.#turn(true);
        this.#settle(batches, lines, result.rejected);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (!(error instanceof GatewayError) || error.verdict === "fatal") throw error;
        this.#turn(false, error);
        const asked = error.verdict === "config" ? configRetry : (error.retryAfterMs ?? 0);
        await sleep(clock, retryDelay(retryPolicy, attempt, entropy, asked), this.#stop.signal);
      }
    }
  }

  #turn(up: boolean, error?: GatewayError): void {
    if (this.#storeUp === up) return;
    this.#storeUp = up;
    const { log } = this.#platform;
    if (up) log.info("store recovered", { store: this.#setup.store.title });
    else log.error("store failed", { code: error?.code, why: messageOf(error) });
  }

  #settle(
    batches: readonly Queued[],
    lines: readonly Line[],
    rejected: readonly { readonly index: number; readonly reason: string }[],
  ): void {
    for (const { index, reason } of rejected) {
      this.#pointsRefused += 1;
      const line = lines[index];
      const { topic = "", stream, seq } = batchWith(batches, index) ?? {};
      this.#setup.setAside({ topic, reason, content: JSON.stringify(line), stream, seq, line });
    }
    this.#points += lines.length - rejected.length;
    if (this.#stored === 0) this.#platform.log.info("first batch stored");
    this.#stored += batches.length;
    const answers = Map.groupBy(batches, ({ answerTo, stream }) => `${answerTo} ${stream}`);
    for (const group of answers.values()) {
      const seqs = new RangeSet();
      for (const { seq, device } of group) {
        seqs.add(seq);
        this.#count(device);
      }
      const first = group[0];
      if (first !== undefined) this.#answer(first.answerTo, first.stream, seqs);
    }
  }

  #count(device: string): void {
    if (this.#storedOf.size >= maxDevices && !this.#storedOf.has(device)) return;
    this.#storedOf.set(device, this.storedOf(device) + 1);
  }

  #answer(topic: string, stream: string, seqs: RangeSet): void {
    // A lost answer costs one resend, nothing else.
    this.#setup.publish(topic, encodeStored(stream, seqs.ranges)).catch(() => undefined);
  }
}

/** Devices whose stored batches are counted one by one. */
const maxDevices = 100_000;

/** `<agent>.<id>` → the topic on which that agent hears what is stored. */
function answerTopic({ address }: ParsedTopic, stream: string): string | undefined {
  const [, agent] = /^([a-z0-9_-]{1,64})\.[0-9a-f]{1,32}$/.exec(stream) ?? [];
  if (agent === undefined) return undefined;
  return topicOf({ ...address, class: "agent", device: agent }, "stored");
}

/** The batch that holds a line, by the line's place among all of them. */
function batchWith(batches: readonly Queued[], index: number): Queued | undefined {
  let left = index;
  return batches.find(({ lines }) => (left -= lines.length) < 0);
}

function countLines(batches: readonly Queued[]): number {
  return batches.reduce((sum, { lines }) => sum + lines.length, 0);
}

/** A queue of batches that knows how many lines it holds; taking from the front is cheap. */
class Lane {
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
