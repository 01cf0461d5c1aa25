/**
 * The worker thread of the embedded store, and the only door to node:sqlite, which is synchronous
 * and must not run on the main thread. Questions are answered one at a time and pause between
 * slices; writes go between them, and upkeep between all. Bundled alone, this file runs inside the
 * single binary.
 */
import { mkdirSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import type { Transferable } from "node:worker_threads";
import { parentPort } from "node:worker_threads";
import { assertNever, GatewayError } from "../../telemetry/index.ts";
import { backUp } from "./backup.ts";
import type { Warn } from "./bounds.ts";
import { Bounded } from "./bounds.ts";
import { failureOf } from "./failures.ts";
import { StoreFile } from "./file.ts";
import type {
  BackupRequest,
  FromWorker,
  OpenRequest,
  Question,
  Reply,
  Request,
  Tuning,
} from "./messages.ts";
import { isToWorker } from "./messages.ts";
import { migrate } from "./migrate.ts";
import { read, summarize } from "./read.ts";
import { Rows } from "./rows.ts";
import { Scanner } from "./scan.ts";
import { buffersOf } from "./scanned.ts";
import { busyTimeout, prepareSchema, usedBytesOf } from "./schema.ts";
import { Upkeep } from "./upkeep.ts";

interface Opened {
  readonly database: DatabaseSync;
  readonly file: StoreFile;
  readonly rows: Rows;
  readonly bounded: Bounded;
  readonly upkeep: Upkeep;
  readonly scanner: Scanner;
}

/** What is answered at once; the others take long. */
type QuickRequest = Exclude<Request, Question | BackupRequest>;

let opened: Opened | undefined;
let path = "";
/** The question that is being answered; the next one waits for it. */
let reading: Promise<unknown> = Promise.resolve();
const cancelled = new Set<number>();
/** Questions waiting or being answered. */
const asked = new Set<number>();
let resting = true;

function say(message: FromWorker, transfer: readonly Transferable[] = []): void {
  parentPort?.postMessage(message, transfer);
}

const warn: Warn = (warned, fields) => say({ id: undefined, warned, fields });

parentPort?.on("message", (message: unknown) => {
  if (!isToWorker(message)) return;
  if (message.kind === "cancel") {
    if (asked.has(message.id)) cancelled.add(message.id);
    return;
  }
  if (takesLong(message)) {
    asked.add(message.id);
    reading = reading.then(() => answerLater(message.id, message));
    return;
  }
  say({ id: message.id, reply: attempt(message) });
  // Who only asks changes nothing: there may be a hub at work on the same file.
  if (message.kind === "write") keepUp();
});

function takesLong(request: Request): request is Question | BackupRequest {
  const { kind } = request;
  return kind === "query" || kind === "summarize" || kind === "scan" || kind === "backup";
}

/** Does the upkeep that is due, a step at a time. */
function keepUp(): void {
  if (!resting) return;
  resting = false;
  const step = (): void => {
    if (opened?.upkeep.step() === true) setImmediate(step);
    else resting = true;
  };
  setImmediate(step);
}

function attempt(request: QuickRequest): Reply {
  try {
    return answer(request);
  } catch (error) {
    return { kind: "failed", failure: failureOf(error, path) };
  }
}

function answer(request: QuickRequest): Reply {
  switch (request.kind) {
    case "open":
      open(request);
      return { kind: "done" };
    case "write": {
      const { upkeep, rows } = needed();
      upkeep.beforeWrite(request.now);
      return rows.write(request);
    }
    case "measurements":
      return { kind: "names", names: namesOf(measurementNames, []) };
    case "fields":
      return { kind: "names", names: namesOf(fieldNames, [request.measurement]) };
    case "size":
      return { kind: "size", size: sizeOf() };
    case "close":
      opened?.database.close();
      opened = undefined;
      return { kind: "done" };
    default:
      return assertNever(request);
  }
}

async function answerLater(id: number, question: Question | BackupRequest): Promise<void> {
  const pause = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (cancelled.has(id)) throw new GatewayError("E_STORE_DOWN", "the question was taken back");
  };
  try {
    const reply = await answered(question, pause);
    say({ id, reply }, reply.kind === "rows" ? buffersOf(reply.rows) : []);
  } catch (error) {
    say({ id, reply: { kind: "failed", failure: failureOf(error, path) } });
  } finally {
    asked.delete(id);
    cancelled.delete(id);
  }
}

async function answered(
  question: Question | BackupRequest,
  pause: () => Promise<void>,
): Promise<Reply> {
  if (question.kind === "backup") return { kind: "copied", bytes: await copied(question) };
  const { file, scanner } = needed();
  file.refresh();
  switch (question.kind) {
    case "query":
      return { kind: "series", series: await read(file, question.query, pause) };
    case "summarize":
      return { kind: "summaries", series: await summarize(file, question.query, pause) };
    case "scan":
      return { kind: "rows", ...(await scanner.scan(question.span, pause)) };
    default:
      return assertNever(question);
  }
}

function open(request: OpenRequest): void {
  path = request.path;
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    prepareSchema(database, path);
    migrate(database, warn);
    const file = new StoreFile(database);
    file.refresh();
    const bounded = new Bounded(file, request, { warn, space });
    const upkeep = new Upkeep(file, { bounded, tuning: tuningOf(request), warn });
    const rows = new Rows(file, bounded);
    opened = { database, file, rows, bounded, upkeep, scanner: new Scanner(file) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What is not sealed takes a small part of the space, or dropping days would not help. */
function tuningOf({ tuning, maxSize }: OpenRequest): Tuning {
  return { ...tuning, headBytes: Math.min(tuning.headBytes, maxSize / 16) };
}

function space(): { free: number; total: number } {
  try {
    const { bavail, blocks, bsize } = statfsSync(dirname(path));
    return { free: bavail * bsize, total: blocks * bsize };
  } catch {
    // A file system that does not say is not short of space as far as is known.
    return { free: Number.POSITIVE_INFINITY, total: 0 };
  }
}

function needed(): Opened {
  if (opened === undefined) throw new GatewayError("E_STORE_DOWN", `${path}: not open`);
  return opened;
}

const measurementNames = `SELECT DISTINCT s.measurement AS name FROM series s
  WHERE EXISTS (SELECT 1 FROM field f WHERE f.series_id = s.id)`;
const fieldNames = `SELECT DISTINCT f.name AS name FROM field f JOIN series s ON s.id = f.series_id
  WHERE s.measurement = ?`;

function namesOf(query: string, values: readonly string[]): string[] {
  const rows = needed()
    .database.prepare(query)
    .all(...values);
  return rows.map(({ name }) => String(name)).toSorted();
}

function sizeOf(): { bytes: number; series: number; droppedDays: number } {
  const { database, bounded, file } = needed();
  const { droppedDays } = bounded;
  return { bytes: usedBytesOf(database)(), series: file.catalog.seriesCount, droppedDays };
}

/** Pages copied between two looks at other work. */
const pagesAtOnce = 500;

async function copied(request: BackupRequest): Promise<number> {
  path = request.path;
  return backUp<DatabaseSync>(request, {
    async within(file, run) {
      using database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
      database.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
      await run(database);
    },
    async copy(database, target) {
      // What goes wrong from here on goes wrong with the copy.
      path = request.target;
      await backup(database, target, {
        rate: pagesAtOnce,
        progress({ totalPages, remainingPages }) {
          say({ id: undefined, copied: 1 - remainingPages / Math.max(1, totalPages) });
        },
      });
    },
  });
}
