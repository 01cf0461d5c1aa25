/**
 * The worker thread of the embedded store, and the only door to node:sqlite, which is synchronous
 * and must not run on the main thread. Questions are answered one at a time and pause between
 * slices; writes go between them. Bundled alone, this file runs inside the single binary.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { assertNever, GatewayError, isRecord, messageOf } from "../../telemetry/index.ts";
import type { Failure, FromWorker, OpenRequest, Question, Reply, Request } from "./messages.ts";
import { isToWorker } from "./messages.ts";
import { read, summarize } from "./read.ts";
import { Rows } from "./rows.ts";
import { scan } from "./scan.ts";
import { numberOf, prepareSchema, usedBytes } from "./schema.ts";

interface Opened {
  readonly database: DatabaseSync;
  readonly rows: Rows;
}

let opened: Opened | undefined;
let path = "";
/** The question that is being answered; the next one waits for it. */
let reading: Promise<unknown> = Promise.resolve();
const cancelled = new Set<number>();
/** Questions waiting or being answered. */
const asked = new Set<number>();

function say(message: FromWorker): void {
  parentPort?.postMessage(message);
}

parentPort?.on("message", (message: unknown) => {
  if (!isToWorker(message)) return;
  if (message.kind === "cancel") {
    if (asked.has(message.id)) cancelled.add(message.id);
    return;
  }
  if (message.kind === "query" || message.kind === "summarize" || message.kind === "scan") {
    asked.add(message.id);
    reading = reading.then(() => answerLater(message.id, message));
    return;
  }
  say({ id: message.id, reply: attempt(message) });
});

function attempt(request: Exclude<Request, Question>): Reply {
  try {
    return answer(request);
  } catch (error) {
    return { kind: "failed", failure: failureOf(error) };
  }
}

function answer(request: Exclude<Request, Question>): Reply {
  switch (request.kind) {
    case "open":
      open(request);
      return { kind: "done" };
    case "write":
      return needed().rows.write(request);
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

async function answerLater(id: number, question: Question): Promise<void> {
  const pause = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (cancelled.has(id)) throw new GatewayError("E_STORE_DOWN", "the question was taken back");
  };
  try {
    say({ id, reply: await answered(question, pause) });
  } catch (error) {
    say({ id, reply: { kind: "failed", failure: failureOf(error) } });
  } finally {
    asked.delete(id);
    cancelled.delete(id);
  }
}

async function answered(question: Question, pause: () => Promise<void>): Promise<Reply> {
  const { database } = needed();
  switch (question.kind) {
    case "query":
      return { kind: "series", series: await read(database, question.query, pause) };
    case "summarize":
      return { kind: "summaries", series: await summarize(database, question.query, pause) };
    case "scan":
      return { kind: "lines", ...(await scan(database, question.span, pause)) };
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
    const rows = new Rows(database, request, (warned, fields) => {
      say({ id: undefined, warned, fields });
    });
    opened = { database, rows };
  } catch (error) {
    database.close();
    throw error;
  }
}

function needed(): Opened {
  if (opened === undefined) throw new GatewayError("E_STORE_DOWN", `${path}: not open`);
  return opened;
}

const measurementNames = `SELECT DISTINCT s.measurement AS name FROM series s
  WHERE EXISTS (SELECT 1 FROM field f WHERE f.series_id = s.id AND f.seen >= 0)`;
const fieldNames = `SELECT DISTINCT f.name AS name FROM field f JOIN series s ON s.id = f.series_id
  WHERE s.measurement = ? AND f.seen >= 0`;

function namesOf(query: string, values: readonly string[]): string[] {
  const rows = needed()
    .database.prepare(query)
    .all(...values);
  return rows.map(({ name }) => String(name)).toSorted();
}

function sizeOf(): { bytes: number; series: number; droppedDays: number } {
  const { database, rows } = needed();
  return {
    bytes: usedBytes(database),
    series: numberOf(database, "SELECT count(*) FROM series"),
    droppedDays: rows.droppedDays,
  };
}

/** SQLite's result codes: https://www.sqlite.org/rescode.html */
const sqlite = { busy: 5, readOnly: 8, io: 10, corrupt: 11, full: 13, cantOpen: 14, notADb: 26 };

function failureOf(error: unknown): Failure {
  if (error instanceof GatewayError) {
    const { code, message } = error;
    if (code === "E_QUERY" || code === "E_STORE_DOWN" || code === "E_STORE_CONFIG") {
      return { code, message };
    }
  }
  const said = messageOf(error);
  const result = isRecord(error) ? Number(error["errcode"] ?? 0) & 0xff : 0;
  switch (result) {
    case sqlite.full:
      return { code: "E_STORE_DOWN", message: `${path}: the disk is full` };
    case sqlite.busy:
    case sqlite.io:
      return { code: "E_STORE_DOWN", message: `${path}: ${said}` };
    case sqlite.corrupt:
    case sqlite.notADb: {
      const todo = "move the file away; a new one is made at the next start";
      return { code: "E_STORE_CONFIG", message: `${path} is damaged (${said}): ${todo}` };
    }
    case sqlite.readOnly:
    case sqlite.cantOpen: {
      const todo = "check that its folder exists and that this user may write there";
      return { code: "E_STORE_CONFIG", message: `${path}: ${said}; ${todo}` };
    }
    default:
      return systemFailure(error, said);
  }
}

/** The folder could not be made; anything else is our own bug. */
function systemFailure(error: unknown, said: string): Failure {
  const code = isRecord(error) ? error["code"] : undefined;
  if (code === "ENOSPC") return { code: "E_STORE_DOWN", message: `${path}: the disk is full` };
  const folder = code === "EACCES" || code === "EROFS" || code === "EEXIST" || code === "ENOTDIR";
  if (folder) return { code: "E_STORE_CONFIG", message: `${path}: ${said}` };
  return { code: "E_BUG", message: `${path}: ${said}` };
}
