/**
 * The embedded engine, seen from the main thread: lines become typed arrays (`encode.ts`), go to
 * a worker thread (`worker.ts`), and are on disk when the write returns.
 *
 * Limits: 4 messages in flight, 1,000 callers waiting; a thread that ended is started anew by the
 * next call.
 */
import { Worker } from "node:worker_threads";
import type { Line, Log, Platform } from "../../telemetry/index.ts";
import { GatewayError, invariant } from "../../telemetry/index.ts";
import { writeResult } from "../admission.ts";
import type { WriteProgress } from "../admission.ts";
import { askedOf, askedSpanOf, askedSummaryOf } from "../asked.ts";
import type {
  Query,
  QuerySeries,
  Span,
  Store,
  StoreSize,
  SummaryQuery,
  SummarySeries,
  WriteResult,
} from "../contract.ts";
import { cleanMeasurement } from "../series.ts";
import type { EncodedLines } from "./encode.ts";
import { Encoder } from "./encode.ts";
import { WorkerLink } from "./link.ts";
import type { OpenRequest, Reply, Request, Tuning } from "./messages.ts";
import type { SqliteOptions } from "./options.ts";
import { linesOf } from "./scanned.ts";
import { givenUp, Slots } from "./slots.ts";

/** Messages in flight: the thread is never idle, and memory stays small. */
const places = 4;
/** Callers who may wait for a place. */
const waiting = 1_000;
/** Rows rest in memory and log until they take this much, or are this old. */
const usualTuning: Tuning = { headBytes: 48 * 1024 ** 2, sealAfter: 2 * 3_600_000 };

export interface SqliteWorker {
  /** Starts the thread; the binary makes it from an embedded text. */
  readonly worker?: () => Worker;
  /** For tests. */
  readonly tuning?: Partial<Tuning>;
}

/**
 * Opens the file, making it and its folder when they are not there.
 * @throws E_STORE_CONFIG, E_STORE_DOWN
 */
export async function openSqlite(
  options: Omit<SqliteOptions, "engine">,
  platform: Platform,
  { worker = sourceWorker, tuning = {} }: SqliteWorker = {},
): Promise<Store> {
  const open: OpenRequest = { kind: "open", ...options, tuning: { ...usualTuning, ...tuning } };
  const store = new SqliteStore(open, platform, worker);
  await store.open();
  return store;
}

/** A copy of a store's file that is being made. */
export interface Backup {
  readonly path: string;
  /** Where the copy goes; what is there is replaced once the copy is whole and checked. */
  readonly target: string;
  /** Hears how far it is. @range 0 to 1 */
  readonly onProgress?: (part: number) => void;
}

/**
 * Copies the file of a store, which another process may be writing to meanwhile; returns the
 * copy's size in bytes.
 * @throws E_STORE_CONFIG, E_STORE_DOWN
 */
export async function backUpSqlite(
  { path, target, onProgress }: Backup,
  log: Log,
  { worker = sourceWorker }: SqliteWorker = {},
): Promise<number> {
  const link = new WorkerLink(worker(), log);
  if (onProgress !== undefined) link.onCopied = onProgress;
  try {
    const reply = await link.call({ kind: "backup", path, target }, never);
    return reply.kind === "copied" ? reply.bytes : unexpected(reply);
  } finally {
    await link.terminate();
  }
}

function sourceWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url));
}

/** A thread and the handles that it knows. */
interface Connection {
  readonly link: WorkerLink;
  readonly encoder: Encoder;
}

/** One call of `write` on its way. */
interface Writing extends WriteProgress {
  readonly lines: readonly Line[];
  /** The first line that was not sent yet. */
  next: number;
}

class SqliteStore implements Store {
  readonly title: string;
  readonly sumsRises = true;
  readonly #open: OpenRequest;
  readonly #platform: Platform;
  readonly #startWorker: () => Worker;
  readonly #slots = new Slots({ places, waiting });
  #connection: Promise<Connection> | undefined;
  #closing: Promise<void> | undefined;

  constructor(open: OpenRequest, platform: Platform, startWorker: () => Worker) {
    this.title = `SQLite file ${open.path}`;
    this.#open = open;
    this.#platform = platform;
    this.#startWorker = startWorker;
  }

  async open(): Promise<void> {
    await this.#connected();
  }

  async write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    const work: Writing = { lines, next: 0, rejected: [], droppedFields: 0 };
    while (work.next < lines.length) {
      await this.#slots.within(signal, () => this.#writeSome(work, signal));
    }
    return writeResult(work);
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    const reply = await this.#call({ kind: "query", query: askedOf(query) }, signal);
    return reply.kind === "series" ? reply.series : unexpected(reply);
  }

  async summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    const reply = await this.#call({ kind: "summarize", query: askedSummaryOf(query) }, signal);
    return reply.kind === "summaries" ? reply.series : unexpected(reply);
  }

  async *scan(span: Span, signal: AbortSignal): AsyncGenerator<readonly Line[]> {
    const asked = askedSpanOf(span);
    for (let from: number | undefined = asked.from; from !== undefined;) {
      const reply: Reply = await this.#call({ kind: "scan", span: { ...asked, from } }, signal);
      invariant(reply.kind === "rows", `the store's thread answered ${reply.kind}`);
      const lines = linesOf(reply.rows);
      if (lines.length > 0) yield lines;
      from = reply.next;
    }
  }

  measurements(signal: AbortSignal): Promise<readonly string[]> {
    return this.#names({ kind: "measurements" }, signal);
  }

  fields(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    return this.#names({ kind: "fields", measurement: cleanMeasurement(measurement) }, signal);
  }

  async size(signal: AbortSignal): Promise<StoreSize> {
    const reply = await this.#call({ kind: "size" }, signal);
    return reply.kind === "size" ? reply.size : unexpected(reply);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    if (connection === undefined) return;
    const { link } = connection;
    // Closing checkpoints the file; when the thread has ended there is nothing to close.
    if (!link.dead) await link.call({ kind: "close" }, never).catch(() => undefined);
    await link.terminate();
  }

  /** Writes one message's worth of lines. */
  async #writeSome(work: Writing, signal: AbortSignal): Promise<void> {
    const { link, encoder } = await this.#connected();
    // Encoded and posted in one go, or neither: handles must reach the thread, and in order.
    if (signal.aborted) throw givenUp(signal);
    const encoded = encoder.encode(work.lines, work.next, this.#platform.clock.now());
    const reply = await send(link, encoded, signal);
    if (reply.kind !== "written") return unexpected(reply);
    work.rejected.push(...encoded.rejected);
    for (const { index, reason } of reply.rejected) {
      work.rejected.push({ index: encoded.indexes[index] ?? 0, reason });
    }
    work.droppedFields += encoded.droppedFields;
    work.next = encoded.next;
  }

  async #names(request: Request, signal: AbortSignal): Promise<readonly string[]> {
    const reply = await this.#call(request, signal);
    return reply.kind === "names" ? reply.names : unexpected(reply);
  }

  async #call(request: Request, signal: AbortSignal): Promise<Reply> {
    const { link } = await this.#connected();
    return link.call(request, signal);
  }

  async #connected(): Promise<Connection> {
    if (this.#closing !== undefined) throw closed();
    const pending = this.#connection ?? this.#connect();
    this.#connection = pending;
    const connection = await pending.catch((error: unknown) => {
      this.#forget(pending);
      throw error;
    });
    if (!connection.link.dead) return connection;
    this.#forget(pending);
    return this.#connected();
  }

  #forget(connection: Promise<Connection>): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  async #connect(): Promise<Connection> {
    const link = new WorkerLink(this.#startWorker(), this.#platform.log);
    try {
      await link.call(this.#open, never);
      return { link, encoder: new Encoder() };
    } catch (error) {
      await link.terminate();
      throw error;
    }
  }
}

/** For calls that nobody gives up. */
const never = new AbortController().signal;

function send(
  link: WorkerLink,
  { request, indexes }: EncodedLines,
  signal: AbortSignal,
): Promise<Reply> {
  if (indexes.length === 0) return Promise.resolve({ kind: "written", rejected: [] });
  const { times, handles, values } = request;
  return link.call(request, signal, [times.buffer, handles.buffer, values.buffer]);
}

function closed(): GatewayError {
  return new GatewayError("E_STORE_DOWN", "the store was closed");
}

function unexpected(reply: Reply): never {
  invariant(false, `the store's thread answered ${reply.kind}`);
}
