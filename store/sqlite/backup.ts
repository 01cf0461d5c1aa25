/**
 * What a backup is, whoever copies the pages: made beside its place, checked, and put there as a
 * whole. The source is read as it was at the beginning, whatever is written meanwhile.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { GatewayError } from "../../telemetry/index.ts";
import type { Sql } from "./schema.ts";
import { refuseForeign } from "./schema.ts";

const unfinished = ".part";

/** The two databases of a backup; `worker.ts` holds the real ones. */
export interface BackupDoors<Database extends Sql> {
  /** Opens a file and runs with it. */
  readonly within: (path: string, run: (sql: Database) => Promise<void> | void) => Promise<void>;
  /** Copies all pages of an open database into a file. */
  readonly copy: (sql: Database, target: string) => Promise<void>;
}

/**
 * Copies a store's file; returns the size of the copy.
 * @throws E_STORE_CONFIG, E_STORE_DOWN
 */
export async function backUp<Database extends Sql>(
  { path, target }: { readonly path: string; readonly target: string },
  { within, copy }: BackupDoors<Database>,
): Promise<number> {
  refuseUseless(path, target);
  const part = `${target}${unfinished}`;
  rmSync(part, { force: true });
  try {
    await within(path, async (sql) => {
      refuseForeign(sql, path);
      // An open reading transaction: without it each foreign write would begin the copy anew.
      sql.exec("BEGIN");
      sql.prepare("SELECT count(*) FROM sqlite_master").get();
      await copy(sql, part);
    });
    await within(part, checkCopy);
    sync(part);
    renameSync(part, target);
    sync(dirname(target));
    return statSync(target).size;
  } finally {
    for (const ending of ["", "-wal", "-shm", "-journal"])
      rmSync(`${part}${ending}`, { force: true });
  }
}

function refuseUseless(path: string, target: string): void {
  if (!existsSync(path)) throw new GatewayError("E_STORE_CONFIG", `${path}: there is no such file`);
  if (resolve(path) === resolve(target)) {
    throw new GatewayError("E_STORE_CONFIG", `${target} is the store itself; give another path`);
  }
  if (existsSync(dirname(resolve(target)))) return;
  throw new GatewayError("E_STORE_CONFIG", `${dirname(target)}: there is no such folder`);
}

function checkCopy(sql: Sql): void {
  // One file, without a log beside it.
  sql.prepare("PRAGMA journal_mode = DELETE").get();
  const [found] = sql.prepare("PRAGMA integrity_check(1)").all();
  const verdict = String(found?.["integrity_check"]);
  if (verdict !== "ok") {
    throw new GatewayError("E_STORE_CONFIG", `the copy is damaged, and so is the file: ${verdict}`);
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
