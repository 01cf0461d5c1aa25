/**
 * What the engine and its worker thread say to each other. Values travel as typed arrays, which
 * are handed over without copying; a series with the fields of a line is spelled out once and then
 * goes by its handle, a number that holds within one epoch.
 */
import type { LogFields, Tags } from "../../telemetry/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import type { AskedQuery, AskedSpan, AskedSummary } from "../asked.ts";
import type { QuerySeries, Rejected, StoreSize, SummarySeries } from "../contract.ts";
import type { ScannedRows } from "./scanned.ts";

export interface OpenRequest extends Bounds {
  readonly kind: "open";
  readonly path: string;
  readonly tuning: Tuning;
}

/** What the file may hold. */
export interface Bounds {
  /** @unit ms */
  readonly retention: number;
  /** Of roll-ups. @unit ms */
  readonly rollupRetention: number;
  /** @unit bytes */
  readonly maxSize: number;
  /** Space that others shall find on the disk. */
  readonly minFree: FreeSpace;
}

/** A number of bytes, or a part of the whole disk. */
export type FreeSpace = { readonly bytes: number } | { readonly percent: number };

/** When rows are sealed; tests seal much sooner. */
export interface Tuning {
  /** Memory of the rows that are not sealed. @unit bytes */
  readonly headBytes: number;
  /** Age of the oldest row that is not sealed. @unit ms */
  readonly sealAfter: number;
}

/** The fields of a line of a series, as they are spelled out when they get their handle. */
export interface NewShape {
  readonly handle: number;
  /** Identifies the series: its line protocol. */
  readonly series: string;
  readonly measurement: string;
  readonly tags: Tags;
  /** That of a text stands behind an apostrophe. */
  readonly names: readonly string[];
}

/**
 * Lines in columns: line i has `times[i]`, a handle, and as many values as that handle has names;
 * the value of a text is its place in `texts`.
 */
export interface WriteRequest {
  readonly kind: "write";
  /** Handles of an older epoch are forgotten when a newer one begins. */
  readonly epoch: number;
  /** Wall clock of the engine. @unit ms since 1970-01-01 UTC */
  readonly now: number;
  readonly fresh: readonly NewShape[];
  readonly times: Float64Array<ArrayBuffer>;
  readonly handles: Uint32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly texts: readonly string[];
}

/** A copy of the file, made while others may write to it. */
export interface BackupRequest {
  readonly kind: "backup";
  readonly path: string;
  readonly target: string;
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
  | BackupRequest
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
  | { readonly kind: "series"; readonly series: readonly QuerySeries[] }
  | { readonly kind: "summaries"; readonly series: readonly SummarySeries[] }
  | { readonly kind: "rows"; readonly rows: ScannedRows; readonly next: number | undefined }
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "size"; readonly size: StoreSize }
  | { readonly kind: "copied"; readonly bytes: number }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface Failure {
  readonly code: "E_STORE_DOWN" | "E_STORE_CONFIG" | "E_QUERY" | "E_BUG";
  readonly message: string;
}

export type FromWorker =
  | { readonly id: number; readonly reply: Reply }
  | { readonly id: undefined; readonly warned: string; readonly fields: LogFields }
  /** How far a backup is. @range 0 to 1 */
  | { readonly id: undefined; readonly copied: number };

/** The worker is ours; this only tells its messages from those of a foreign thread. */
export function isFromWorker(message: unknown): message is FromWorker {
  if (!isRecord(message) || !("id" in message)) return false;
  return "reply" in message || "warned" in message || "copied" in message;
}

/** The same towards the worker. */
export function isToWorker(message: unknown): message is ToWorker {
  return isRecord(message) && typeof message["id"] === "number" && "kind" in message;
}
