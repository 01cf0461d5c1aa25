/**
 * What differs between the sources and the standalone binary: where files that came with the
 * program are found, and which version it is. Inside the binary they are assets of the executable.
 */
import sea from "node:sea";
import { Worker } from "node:worker_threads";

/** Set by `tools/build.ts`; absent when run from the sources. */
declare const RACKSTREET_VERSION: string | undefined;
declare const RACKSTREET_COMMIT: string | undefined;

export function isBinary(): boolean {
  return sea.isSea();
}

export const version: string =
  typeof RACKSTREET_VERSION === "string" ? RACKSTREET_VERSION : "0.1.0-dev";
export const commit: string = typeof RACKSTREET_COMMIT === "string" ? RACKSTREET_COMMIT : "none";

/** The worker that holds the embedded store. */
export function sqliteWorker(): Worker {
  if (isBinary())
    return new Worker(sea.getAsset("sqlite-worker.js", "utf8"), { eval: true, name: "sqlite" });
  return new Worker(new URL("../store/sqlite/worker.ts", import.meta.url), { name: "sqlite" });
}
