/** A store that says which windows its writes fell into, before it says that they are stored. */
import type { Line } from "../../telemetry/index.ts";
import { measurementEntry } from "../../telemetry/index.ts";
import { latestTime } from "../admission.ts";
import type { Store } from "../contract.ts";

/** Windows by measurement. */
export type Windows = ReadonlyMap<string, ReadonlySet<number>>;

export interface Noting {
  /** Length of a window. @unit ms */
  readonly length: number;
  readonly except: readonly string[];
  /** Takes note; the promise, if any, is awaited before the write is called done. */
  readonly note: (windows: Windows) => Promise<void> | undefined;
}

/** The same store; what it is given is noted after it was written, even if that failed in part. */
export function notingStore(store: Store, noting: Noting): Store {
  const except = new Set(noting.except);
  return {
    title: store.title,
    async write(lines, signal) {
      const windows = windowsOf(lines, except, noting.length);
      // Noted afterwards: a window rolled up meanwhile may lack these lines, so it is dirty again.
      const result = await store.write(lines, signal).catch((error: unknown) => {
        void noting.note(windows)?.catch(() => undefined);
        throw error;
      });
      await noting.note(windows);
      return result;
    },
    query: (query, signal) => store.query(query, signal),
    summarize: (query, signal) => store.summarize(query, signal),
    scan: (span, signal) => store.scan(span, signal),
    measurements: (signal) => store.measurements(signal),
    fields: (measurement, signal) => store.fields(measurement, signal),
    size: (signal) => store.size(signal),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function windowsOf(lines: readonly Line[], except: ReadonlySet<string>, length: number): Windows {
  const found = new Map<string, Set<number>>();
  for (const { measurement, time } of lines) {
    if (!(time >= 0 && time <= latestTime)) continue;
    let windows = found.get(measurement);
    if (windows === undefined) {
      if (except.has(measurement) || measurementEntry(measurement) === undefined) continue;
      windows = new Set();
      found.set(measurement, windows);
    }
    windows.add(Math.floor(time / length));
  }
  return found;
}
