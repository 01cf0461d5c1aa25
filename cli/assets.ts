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
  return workerOf("sqlite", "../store/sqlite/worker.ts");
}

/** The worker that keeps the broker's retained messages and sessions. */
export function keeperWorker(): Worker {
  return workerOf("keeper", "../broker/keep/worker.ts");
}

function workerOf(name: string, source: string): Worker {
  if (isBinary()) {
    return new Worker(sea.getAsset(`${name}-worker.js`, "utf8"), { eval: true, name });
  }
  return new Worker(new URL(source, import.meta.url), { name });
}
