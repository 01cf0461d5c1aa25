/**
 * From messages to the store, and the word `stored` back (design.md section 6). Keeps no state
 * about agents: every batch that rests in the store, or can never be stored, is reported to the
 * agent that its stream names. Idempotent: a batch that comes twice is written twice to the same
 * rows and reported twice.
 *
 * Bounds: above `comfortable` points publishers are asked to wait (`room`); above `most` batches
 * are left to the agent's resend and counted. Writes: `queue.ts`.
 */
import type {
  Batch,
  DeviceAddress,
  GatewayError,
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
  linesOf,
  messageOf,
  problemOf,
  RangeSet,
  summaryProblemOf,
  topicOf,
} from "../telemetry/index.ts";
import type { Rejected, SetAside, Store } from "../store/index.ts";
import type { Forward, Forwarded } from "./federation/contract.ts";
import { isSummary } from "./federation/grants.ts";
import { LineMaker } from "./lines.ts";
import type { SeriesRefusal } from "./series.ts";
import { hashOf } from "./share.ts";
import type { Queued, QueueEvents } from "./queue.ts";
import { StoreQueue } from "./queue.ts";

export type { SetAside };

export interface IngestSetup {
  readonly store: Pick<Store, "title" | "write">;
  /** Sends a message to the broker's clients. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  /** Sets aside what can never be stored; resolves when it rests. */
  readonly setAside: (entry: SetAside) => Promise<void>;
  /** Sees each batch that is not late once it is decoded, before it is stored. */
  readonly observe: (batch: UnnumberedBatch) => void;
  /** Why a point of an agent may not be stored by its quota; left out: there is none. */
  readonly quota?: (
    address: DeviceAddress,
    stream: string,
    point: Point,
  ) => SeriesRefusal | undefined;
  /** Hands on to peers what was stored, before that is reported; left out: there are none. */
  readonly forward?: Forward | undefined;
  /** Where the hub is: summaries come from other regions alone. Left out: there come none. */
  readonly region?: string;
  /** Left out: `ingestLimits`. */
  readonly limits?: IngestLimits;
}

/** A batch whose points are looked at, and what was set aside of them. */
interface Judged {
  readonly batch: Batch;
  readonly asides: Promise<void>[];
}

/** All in lines. */
export interface IngestLimits {
  /** Of one write. */
  readonly write: number;
  /** What may wait before publishers are asked to. */
  readonly comfortable: number;
  /** What may wait at all. */
  readonly most: number;
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
  /** Duration of the newest writes, the longest of them. @unit ms */
  readonly writeMs: number;
}

/** A write as both stores take it best (facts/storage-alerting.md 1.5). */
const ingestLimits: IngestLimits = { write: 5000, comfortable: 15_000, most: 60_000 };
/** Queues to the store, each with one write: two keep it busy, four gain nothing (ibidem). */
export const writesUnderWay = 2;

/** A message as it came. */
export interface Arrived {
  readonly payload: Uint8Array;
  /** The agent, or the region's hub, that its publisher is, where that is known. */
  readonly agent?: string | undefined;
  /** It came from the hub of another region, and so is never handed on. */
  readonly peer?: boolean | undefined;
}

/** How a batch came. */
interface Arrival extends Pick<Arrived, "peer"> {
  readonly answerTo: string;
  readonly late: boolean;
}

export class Ingest implements AsyncDisposable {
  readonly #setup: IngestSetup;
  readonly #platform: Platform;
  readonly #limits: IngestLimits;
  readonly #queues: readonly StoreQueue[];
  readonly #lines = new LineMaker();
  readonly #storedOf = new Map<string, number>();
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #closed = false;
  #received = 0;
  #stored = 0;
  #refused = 0;
  #overflow = 0;
  #points = 0;
  #pointsRefused = 0;
  #garbage = 0;
  #storeUp = true;
  /** Why the store takes nothing, as it was logged last. */
  #storeWhy = "";

  constructor(setup: IngestSetup, platform: Platform) {
    this.#setup = setup;
    this.#platform = platform;
    this.#limits = setup.limits ?? ingestLimits;
    const events: QueueEvents = {
      settled: (batches, lines, rejected) => this.#settle(batches, lines, rejected),
      failed: (error) => this.#turn(false, error),
    };
    const parts = { store: setup.store, events, write: this.#limits.write };
    this.#queues = Array.from({ length: writesUnderWay }, () => new StoreQueue(parts, platform));
  }

  get counts(): IngestCounts {
    return {
      received: this.#received,
      stored: this.#stored,
      queued: this.#sum((queue) => queue.batches),
      refused: this.#refused,
      overflow: this.#overflow,
      points: this.#points,
      pointsRefused: this.#pointsRefused,
      garbage: this.#garbage,
      storeUp: this.#storeUp,
      writeMs: Math.max(...this.#queues.map((queue) => queue.writeMs)),
    };
  }

  /** Batches stored of one device since start. */
  storedOf(device: string): number {
    return this.#storedOf.get(device) ?? 0;
  }

  /** Undefined when there is room; else resolves when there is. */
  room(): Promise<void> | undefined {
    if (this.#waitingLines < this.#limits.comfortable || this.#closed) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Takes one message of kind telemetry, event or backfill. */
  take(topic: string, parsed: ParsedTopic, { payload, agent, peer }: Arrived): void {
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
    // Else one agent could have another told that its batches are stored.
    if (agent !== undefined && !decoded.ok.stream.startsWith(`${agent}.`)) {
      this.#garbage += 1;
      this.#aside(topic, `the stream is not agent ${agent}'s`, Buffer.from(payload).toString());
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
      this.#queue(batch, topic, { answerTo, late: kind === "backfill", peer });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#room?.resolve();
    await Promise.all(this.#queues.map((queue) => queue[Symbol.asyncDispose]()));
  }

  get #waitingLines(): number {
    return this.#sum((queue) => queue.lines);
  }

  #sum(count: (queue: StoreQueue) => number): number {
    return this.#queues.reduce((sum, queue) => sum + count(queue), 0);
  }

  #queue(batch: Batch, topic: string, { answerTo, late, peer }: Arrival): void {
    this.#received += 1;
    const asides: Promise<void>[] = [];
    const points = batch.points.filter((point) => this.#legal(topic, { batch, asides }, point));
    const summary = this.#isSummary(batch);
    if (!late && !summary) this.#setup.observe({ ...batch, points });
    if (this.#waitingLines + points.length > this.#limits.most) {
      this.#overflow += 1;
      return;
    }
    const { stream, seq, address } = batch;
    // A summary is a row of its hub's own, and has no number there either.
    const lines = summary
      ? linesOf(unnumbered({ ...batch, points }))
      : this.#lines.linesOf({ ...batch, points });
    const forwarded = peer === true ? undefined : this.#forwarded({ ...batch, points }, late);
    const queue = this.#queues[hashOf(address.device) % writesUnderWay];
    const aside = asides.length === 0 ? undefined : Promise.all(asides);
    const { device } = address;
    queue?.push({ stream, seq, answerTo, topic, device, lines, aside, forwarded }, { late });
  }

  #isSummary({ address }: Batch): boolean {
    const own = this.#setup.region ?? address.region;
    return address.region !== own && isSummary(address.class);
  }

  #forwarded(batch: Batch, late: boolean): Forwarded | undefined {
    const { forward } = this.#setup;
    // Whoever reads devices makes no summaries: on such a topic it is granted to nobody.
    if (isSummary(batch.address.class)) return undefined;
    if (forward?.wants(topicOf(batch.address, batch.kind)) !== true) return undefined;
    return batch.points.length === 0 ? undefined : { batch: unnumbered(batch), late };
  }

  #legal(topic: string, { batch, asides }: Judged, point: Point): boolean {
    const problem = this.#isSummary(batch) ? summaryProblemOf(point) : problemOf(point);
    const reason = problem ?? this.#overQuota(topic, batch, point);
    if (reason === undefined) return true;
    this.#pointsRefused += 1;
    const { stream, seq } = batch;
    const [line] = linesOf({ ...unnumbered(batch), points: [point] });
    const content = JSON.stringify(point);
    asides.push(this.#setup.setAside({ topic, reason, content, stream, seq, line }));
    return false;
  }

  #overQuota(topic: string, { address, stream }: Batch, point: Point): string | undefined {
    const refusal = this.#setup.quota?.(address, stream, point);
    if (refusal === undefined) return undefined;
    const [agent = ""] = stream.split(".", 1);
    const { rule, remedy, tell } = refusal;
    const denied = topicOf({ ...address, class: "agent", device: agent }, "denied");
    const message = JSON.stringify({ v: 1, refused: topic, rule, remedy });
    if (tell) this.#setup.publish(denied, message).catch(() => undefined);
    return rule;
  }

  /** Batches whose content is beyond use: set aside and called stored, or they come for ever. */
  #refuse(topic: string, answerTo: string, message: WireMessage): void {
    const { refused, stream } = message;
    if (refused.length === 0) return;
    const seqs = new RangeSet();
    const asides: Promise<void>[] = [];
    for (const { seq, problem: reason } of refused) {
      this.#received += 1;
      this.#refused += 1;
      seqs.add(seq);
      const content = `batch ${seq} of ${stream}`;
      asides.push(this.#setup.setAside({ topic, reason, content, stream, seq }));
    }
    void Promise.all(asides).then(() => this.#answer(answerTo, stream, seqs));
  }

  #aside(topic: string, reason: string, content: string): void {
    void this.#setup.setAside({ topic, reason, content });
  }

  // --- what became of it ---

  #turn(up: boolean, error?: GatewayError): void {
    if (up && (this.#storeUp || !this.#queues.every((queue) => queue.up))) return;
    // Another reason than before asks for another remedy.
    const reason = up ? "" : `${error?.code} ${messageOf(error)}`;
    if (!up && reason === this.#storeWhy) return;
    this.#storeUp = up;
    this.#storeWhy = reason;
    const { log } = this.#platform;
    if (up) log.info("store recovered", { store: this.#setup.store.title });
    else log.error("store failed", { code: error?.code, why: messageOf(error) });
  }

  #settle(batches: readonly Queued[], lines: readonly Line[], rejected: readonly Rejected[]): void {
    this.#turn(true);
    const asides = batches.flatMap(({ aside }) => (aside === undefined ? [] : [aside]));
    const owners = rejected.length === 0 ? undefined : ownersOf(batches);
    for (const { index, reason } of rejected) {
      this.#pointsRefused += 1;
      const line = lines[index];
      if (line === undefined) continue;
      const content = JSON.stringify(line);
      const { topic = "", stream, seq } = owners?.get(line) ?? {};
      asides.push(this.#setup.setAside({ topic, reason, content, stream, seq, line }));
    }
    this.#points += lines.length - rejected.length;
    if (this.#stored === 0) this.#platform.log.info("first batch stored");
    this.#stored += batches.length;
    const forwarded = batches.flatMap((batch) => batch.forwarded ?? []);
    const { forward } = this.#setup;
    if (forward !== undefined && forwarded.length > 0) asides.push(forward.take(forwarded));
    // What is set aside or a peer's must not be lost either: only then is its batch called stored.
    // What rests nowhere comes again, because it is not.
    if (asides.length === 0) this.#report(batches);
    else
      void Promise.all(asides).then(
        () => this.#report(batches),
        (error: unknown) => {
          this.#platform.log.warn("not reported stored", { why: messageOf(error) });
        },
      );
    if (this.#waitingLines >= this.#limits.comfortable) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #report(batches: readonly Queued[]): void {
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

function unnumbered({ kind, address, place, time, points, faults }: Batch): UnnumberedBatch {
  return { kind, address, place, time, points, faults };
}

/** The batch of each line. */
function ownersOf(batches: readonly Queued[]): ReadonlyMap<Line, Queued> {
  return new Map(
    batches.flatMap((batch) => batch.lines.map((line): [Line, Queued] => [line, batch])),
  );
}
