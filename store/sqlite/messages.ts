/**
 * What the engine and its worker thread say to each other. Values travel as typed arrays, which
 * are handed over without copying; a series and its fields are spelled out once and then go by
 * their handle, a number that holds within one epoch.
 */
import type { Line, LogFields, Tags } from "../../telemetry/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import type { AskedQuery, AskedSpan, AskedSummary } from "../asked.ts";
import type { QuerySeries, Rejected, StoreSize, SummarySeries } from "../contract.ts";

export interface OpenRequest {
  readonly kind: "open";
  readonly path: string;
  /** @unit ms */
  readonly retention: number;
  /** @unit bytes */
  readonly maxSize: number;
}

/** A field of a series, as it is spelled out when its handle is given. */
export interface NewField {
  readonly handle: number;
  /** Identifies the series: its line protocol. */
  readonly series: string;
  readonly measurement: string;
  readonly tags: Tags;
  readonly field: string;
  readonly text: boolean;
}

/**
 * Lines in columns. Line i has time `times[i]` and the values `ends[i-1]` to `ends[i]`, each with
 * a handle; the value of a text field is its place in `texts`.
 */
export interface WriteRequest {
  readonly kind: "write";
  /** Handles of an older epoch are forgotten when a newer one begins. */
  readonly epoch: number;
  /** Wall clock of the engine. @unit ms since 1970-01-01 UTC */
  readonly now: number;
  readonly fresh: readonly NewField[];
  readonly times: Float64Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly handles: Uint32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly texts: readonly string[];
}

/** What takes long and pauses, so that writes get in between. */
export type Question =
  | { readonly kind: "query"; readonly query: AskedQuery }
  | { readonly kind: "summarize"; readonly query: AskedSummary }
  /** One piece of a span; `next` of its reply is where the rest begins. */
  | { readonly kind: "scan"; readonly span: AskedSpan };

export type Request =
  | OpenRequest
  | WriteRequest
  | Question
  | { readonly kind: "measurements" }
  | { readonly kind: "fields"; readonly measurement: string }
  | { readonly kind: "size" }
  | { readonly kind: "close" };

export type ToWorker =
  | (Request & { readonly id: number })
  | { readonly kind: "cancel"; readonly id: number };

export type Reply =
  | { readonly kind: "done" }
  | { readonly kind: "written"; readonly rejected: readonly Rejected[] }
  /** The worker forgot handles: spell all of them out in a new epoch. */
  | { readonly kind: "again" }
  | { readonly kind: "series"; readonly series: readonly QuerySeries[] }
  | { readonly kind: "summaries"; readonly series: readonly SummarySeries[] }
  | { readonly kind: "lines"; readonly lines: readonly Line[]; readonly next: number | undefined }
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "size"; readonly size: StoreSize }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface Failure {
  readonly code: "E_STORE_DOWN" | "E_STORE_CONFIG" | "E_QUERY" | "E_BUG";
  readonly message: string;
}

export type FromWorker =
  | { readonly id: number; readonly reply: Reply }
  | { readonly id: undefined; readonly warned: string; readonly fields: LogFields };

/** The worker is ours; this only tells its messages from those of a foreign thread. */
export function isFromWorker(message: unknown): message is FromWorker {
  return isRecord(message) && "id" in message && ("reply" in message || "warned" in message);
}

/** The same towards the worker. */
export function isToWorker(message: unknown): message is ToWorker {
  return isRecord(message) && typeof message["id"] === "number" && "kind" in message;
}
