/** What the store's tests share: real time, a log that is kept, temporary folders. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogFields, Platform } from "../../telemetry/index.ts";

/** Bounds that no test reaches by accident. */
export const wideBounds = {
  retention: 2 * 36_500 * 86_400_000,
  rollupRetention: 2 * 36_500 * 86_400_000,
  maxSize: 2 ** 34,
  minFree: { bytes: 0 },
};

export interface Said {
  readonly event: string;
  readonly fields: LogFields | undefined;
}

/** Real time and chance; warnings are kept in `said`. */
export function realPlatform(said: Said[] = [], now: () => number = Date.now): Platform {
  const keep = (event: string, fields?: LogFields): void => {
    said.push({ event, fields });
  };
  return {
    clock: {
      now,
      monotonic: () => performance.now(),
      after(ms, run) {
        const timer = setTimeout(run, ms);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    entropy: { id: () => randomBytes(8).toString("hex"), random: Math.random },
    log: { debug: keep, info: keep, warn: keep, error: keep },
  };
}

/** A folder that is gone at the end of its scope. */
export interface Folder extends AsyncDisposable {
  file(name: string): string;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "rackstreet-store-"));
  return {
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
