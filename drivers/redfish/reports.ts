/**
 * Metric reports of the TelemetryService: one of them brings the readings of many resources, by
 * their paths. A report counts only while it is renewed; a service whose reports stand still is
 * read resource by resource. [DSP0266 metric reports]
 */
import type { Clock } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import { list, pathOf, plainPath, textOf } from "./json.ts";
import type { Row, Value } from "./row.ts";

/** Reports looked at, and values taken of one. */
export const maxReports = 24;
const maxValues = 4000;

/** A report that is not renewed for so long is not believed. @unit ms */
const longest = 300_000;

/** A report is worth its request when it saves more than itself. */
const leastSaved = 2;

/** What a report says, by `path#/property`. */
export type Metrics = ReadonlyMap<string, unknown>;

export function metricsOf(report: Json): Metrics {
  const metrics = new Map<string, unknown>();
  for (const one of list(report["MetricValues"], maxValues)) {
    const { MetricProperty: property, MetricValue: value } = { ...asRecord(one) };
    const path = pathOf(property);
    if (path === undefined || typeof property !== "string") continue;
    const pointer = property.split("#")[1]?.replace(/^\/+/, "");
    // Some name the sensor alone.
    metrics.set(
      `${plainPath(path)}#/${pointer === undefined || pointer === "" ? "Reading" : pointer}`,
      value,
    );
  }
  return metrics;
}

function asRecord(value: unknown): { MetricProperty?: unknown; MetricValue?: unknown } {
  return typeof value === "object" && value !== null ? value : {};
}

/** What a report says of a value, directly or of the sensor it is an excerpt of. */
export function metricFor({ at, source }: Value, metrics: Metrics): unknown {
  const [path = "", pointer = ""] = at.split("#");
  const own = `${plainPath(path)}#${pointer}`;
  const direct = metrics.get(own) ?? metrics.get(own.replace(/\/Reading$/, ""));
  if (direct !== undefined || source === undefined) return direct;
  return metrics.get(`${plainPath(source)}#/Reading`);
}

/** The rows with what the report says, or undefined when it lacks one of their readings. */
export function renewed(rows: readonly Row[], metrics: Metrics): Row[] | undefined {
  let found = 0;
  const all: Row[] = [];
  for (const row of rows) {
    const values: Record<string, Value> = {};
    for (const [field, value] of Object.entries(row.values)) {
      const raw = value.state ? undefined : metricFor(value, metrics);
      const number = raw === undefined ? undefined : value.read(raw);
      if (number === undefined && !value.state) return undefined;
      if (number !== undefined) found += 1;
      values[field] = number === undefined ? value : { ...value, value: number, raw: String(raw) };
    }
    all.push({ ...row, values });
  }
  return found === 0 ? undefined : all;
}

/** Reports worth their request: each saves at least two resources that none before it saves. */
export function worthwhile(
  reports: readonly { readonly path: string; readonly metrics: Metrics }[],
  resources: readonly (readonly Row[])[],
): string[] {
  const left = new Set(resources);
  const chosen: string[] = [];
  const largest = reports.toSorted((a, b) => b.metrics.size - a.metrics.size);
  for (const { path, metrics } of largest) {
    const saved = [...left].filter((rows) => renewed(rows, metrics) !== undefined);
    if (saved.length < leastSaved) continue;
    chosen.push(path);
    for (const rows of saved) left.delete(rows);
  }
  return chosen;
}

/** Watches whether reports are renewed. */
export class Freshness {
  readonly #clock: Clock;
  /** Bounded by the reports chosen. */
  readonly #seen = new Map<string, { readonly mark: string; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a report has been renewed within its time; one without a mark never is. */
  isFresh(path: string, report: Json): boolean {
    const mark = `${textOf(report["ReportSequence"]) ?? ""} ${textOf(report["Timestamp"]) ?? ""}`;
    const now = this.#clock.monotonic();
    const before = this.#seen.get(path);
    if (mark === " ") return false;
    if (before?.mark !== mark) {
      this.#seen.set(path, { mark, since: now });
      return true;
    }
    return now - before.since <= longest;
  }
}
