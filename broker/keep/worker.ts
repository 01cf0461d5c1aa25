/**
 * The thread that keeps the broker's retained messages and sessions in a file, since node:sqlite is
 * synchronous. What it is told in one message is one transaction. Bundled alone, this file runs
 * inside the single binary.
 */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { v } from "../../config/index.ts";
import { messageOf } from "../../telemetry/index.ts";
import type { Change, Entry, FromKeeper, Table } from "./messages.ts";
import { tables, toKeeper } from "./messages.ts";

/** Entries told at once when the file is opened. */
const atOnce = 500;

let database: DatabaseSync | undefined;

function say(message: FromKeeper): void {
  parentPort?.postMessage(message);
}

parentPort?.on("message", (message: unknown) => {
  const parsed = v.safeParse(toKeeper, message);
  if (!parsed.success) return;
  try {
    const request = parsed.output;
    if (request.kind === "open") open(request.path);
    else if (request.kind === "change") {
      change(request.changes.map((one) => ({ ...one, value: one.value })));
      say({ kind: "kept", id: request.id });
    } else {
      database?.close();
      say({ kind: "closed" });
      parentPort?.close();
    }
  } catch (error) {
    say({ kind: "failed", why: messageOf(error) });
  }
});

function open(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  let opened: DatabaseSync;
  try {
    opened = prepared(path);
  } catch (error) {
    // A hub without memory is better than none: agents tell all that is retained again.
    if (!damages.has(errorCode(error))) throw error;
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    for (const besides of ["-wal", "-shm"]) rmSync(path + besides, { force: true });
    say({ kind: "damaged", aside, why: messageOf(error) });
    opened = prepared(path);
  }
  database = opened;
  for (const table of tables) tell(opened, table);
  say({ kind: "ready" });
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const damages: ReadonlySet<unknown> = new Set([11, 26]);

function errorCode(error: unknown): unknown {
  return error instanceof Error && "errcode" in error ? error.errcode : undefined;
}

function prepared(path: string): DatabaseSync {
  const opened = new DatabaseSync(path);
  try {
    // A power cut may cost the newest moments, never the file.
    opened.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    const columns = "key TEXT PRIMARY KEY, value BLOB NOT NULL";
    for (const table of tables) {
      opened.exec(`CREATE TABLE IF NOT EXISTS ${table} (${columns}) WITHOUT ROWID`);
    }
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

function tell(opened: DatabaseSync, table: Table): void {
  let entries: Entry[] = [];
  for (const { key, value } of opened
    .prepare(`SELECT key, value FROM ${table} ORDER BY key`)
    .iterate()) {
    if (typeof key === "string" && value instanceof Uint8Array) entries.push({ table, key, value });
    if (entries.length < atOnce) continue;
    say({ kind: "entries", entries });
    entries = [];
  }
  if (entries.length > 0) say({ kind: "entries", entries });
}

function change(changes: readonly Change[]): void {
  if (database === undefined) throw new Error("the file is not open");
  database.exec("BEGIN");
  try {
    for (const { table, key, value } of changes) {
      if (value === undefined) database.prepare(`DELETE FROM ${table} WHERE key = ?`).run(key);
      else {
        const upsert = `INSERT OR REPLACE INTO ${table} (key, value) VALUES (?, ?)`;
        database.prepare(upsert).run(key, value);
      }
    }
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
