/** What the parts of the store exam share: lines of one place, questions about them. */
import type { Aggregate, Query, QuerySeries, Store } from "../../store/index.ts";
import type { FieldValue, Line, Tags } from "../../telemetry/index.ts";

/** One empty store, and how to end it and what holds it. */
export interface ExamStore extends AsyncDisposable {
  readonly store: Store;
  /** Set where an engine cannot say how many series it holds: then it must not guess. */
  readonly seriesUnknown?: true;
}

export type OpenStore = () => Promise<ExamStore>;

export const signal = new AbortController().signal;

/** 2026-01-02T00:00Z: a day begins here, so that a query crosses days. */
export const midnight = Date.UTC(2026, 0, 2);
export const minute = 60_000;

export const place: Tags = {
  region: "local",
  org: "main",
  site: "hall",
  rack: "r1",
  device: "pdu-1",
};

export function power(time: number, fields: Record<string, FieldValue>, tags: Tags = {}): Line {
  return { measurement: "rack_power", tags: { ...place, ...tags }, fields, time };
}

export const day: Pick<Query, "measurement" | "from" | "to"> = {
  measurement: "rack_power",
  from: midnight - 86_400_000,
  to: midnight + 86_400_000,
};

export function watts(aggregate: Aggregate, more: Partial<Query> = {}): Query {
  return { ...day, fields: ["active_power_w"], aggregate, ...more };
}

export async function ask(store: Store, query: Query): Promise<readonly QuerySeries[]> {
  return store.query(query, signal);
}

/** Runs a test against a fresh store. */
export function withStore(
  open: OpenStore,
  run: (store: Store, exam: ExamStore) => Promise<void>,
): () => Promise<void> {
  return async () => {
    await using exam = await open();
    await run(exam.store, exam);
  };
}
