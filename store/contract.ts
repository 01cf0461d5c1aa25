/**
 * The contract of a store engine. A write returns what was accepted and what was rejected, by
 * index, as a value; only "the store cannot take anything now" is thrown. Writes are idempotent:
 * measurement + tags + time identify a row, a second write of it merges fields, new value wins.
 *
 * Adding an engine: one file (or folder) that passes the exam in `test/contract/store.ts`.
 */
import type { Line, Tags } from "../telemetry/index.ts";

export interface Rejected {
  /** Which of the lines given. */
  readonly index: number;
  readonly reason: string;
}

export interface WriteResult {
  /** How many lines are durable now. */
  readonly accepted: number;
  /** Lines that this store will never take. */
  readonly rejected: readonly Rejected[];
  /** Fields that were left out of accepted lines because they were not finite; absent: none. */
  readonly droppedFields?: number;
}

export const aggregates = ["count", "sum", "min", "max", "mean", "first", "last"] as const;
export type Aggregate = (typeof aggregates)[number];

/**
 * A neutral windowed query: the same answer from every engine. Windows begin at multiples of
 * `every` since 1970-01-01 UTC and hold `start ≤ time < start + every`; a window with no row is
 * left out. Without `every` the whole span is one window that starts at `from`.
 */
export interface Query {
  readonly measurement: string;
  /** At least one. Numeric fields; `count`, `first` and `last` also take text. */
  readonly fields: readonly string[];
  readonly aggregate: Aggregate;
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** Length of a window. @unit ms */
  readonly every?: number | undefined;
  /** Only rows whose tags have these values. */
  readonly where?: Tags | undefined;
  /** One series in the answer for each combination of these tags. */
  readonly groupBy?: readonly string[] | undefined;
  /** Only rows whose `q` is at most this; a row without `q` counts as 0. Default: any. */
  readonly worstQuality?: number | undefined;
}

export interface QueryRow {
  /** Start of the window; for `first` and `last` without `every`, the row's own time. @unit ms */
  readonly time: number;
  /** By field; a field with no value in the window is absent. */
  readonly values: Readonly<Record<string, number | string>>;
  /** How many rows stand behind each value: its coverage. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface QuerySeries {
  /** The `groupBy` tags; a series without one of them has "" there. */
  readonly tags: Tags;
  /** In order of time. */
  readonly rows: readonly QueryRow[];
}

/** Which rows are summed up: like a query, but series by series and every aggregate at once. */
export interface SummaryQuery {
  readonly measurement: string;
  /** Numeric fields, at least one. */
  readonly fields: readonly string[];
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** Length of a window; windows begin at its multiples. @unit ms */
  readonly every: number;
  /** Only rows whose tags have these values. */
  readonly where?: Tags | undefined;
  /** As in `Query`. */
  readonly worstQuality?: number | undefined;
}

/** All aggregates of one field in one window; the mean is `sum / count`. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  /**
   * How much was risen from row to row, falls not counted; of engines that say `sumsRises`. It
   * cannot be told from the rest.
   */
  readonly rise?: number;
}

export interface SummaryRow {
  /** Start of the window. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  /** By field; a field with no value in the window is absent. */
  readonly fields: Readonly<Record<string, Summary>>;
}

/** One stored series with all its tags. */
export interface SummarySeries {
  readonly tags: Tags;
  /** In order of time; windows with no row are left out. */
  readonly rows: readonly SummaryRow[];
}

/** Which rows are read back as they rest. */
export interface Span {
  readonly measurement: string;
  /** Absent: all. A row with none of them is left out. */
  readonly fields?: readonly string[] | undefined;
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
  /** Only rows whose tags have these values. */
  readonly where?: Tags | undefined;
}

export interface StoreSize {
  readonly bytes: number | undefined;
  readonly series: number | undefined;
  /** Days given up for want of space or age since it was opened; engines that never do: absent. */
  readonly droppedDays?: number;
}

export interface Store extends AsyncDisposable {
  /** Name of the engine and where it is, without secrets. */
  readonly title: string;
  /** Takes lines and answers no question: each is refused with E_QUERY. */
  readonly linesOnly?: true;
  /** Summaries tell rises; of others roll-ups read counters row by row, at twice the cost. */
  readonly sumsRises?: true | undefined;
  /**
   * Writes lines and returns once they are durable. A call given up by its signal throws
   * E_STORE_DOWN like one that failed.
   * @throws E_STORE_DOWN, E_STORE_CONFIG: nothing is known to be stored; keep and try again
   */
  write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult>;
  /**
   * Answers a query; series in order of their tags.
   * @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG
   */
  query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]>;
  /**
   * Sums rows up, series by series, in order of their tags: what roll-ups are made of.
   * @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG
   */
  summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]>;
  /**
   * Reads rows back as lines, in order of time, in pieces of a few thousand: for copies and
   * audits. What is written meanwhile may or may not be seen; nothing else is left out.
   * @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG
   */
  scan(span: Span, signal: AbortSignal): AsyncIterable<readonly Line[]>;
  /** Measurement names that hold data, in order. */
  measurements(signal: AbortSignal): Promise<readonly string[]>;
  /** Field names of a measurement, in order. */
  fields(measurement: string, signal: AbortSignal): Promise<readonly string[]>;
  size(signal: AbortSignal): Promise<StoreSize>;
}
