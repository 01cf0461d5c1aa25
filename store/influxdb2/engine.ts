/**
 * The InfluxDB 2 engine: lines to /api/v2/write, Flux to /api/v2/query, answers as annotated CSV.
 * The `@influxdata/influxdb-client` package is not used: of it only the reading of CSV would be
 * (`csv.ts`, some eighty lines), its writer loses data (docs/decisions/0002). Opening touches no
 * network; a missing bucket is made at the first write that misses it.
 *
 * Limits: an empty text comes back as no value.
 */
import type { Line, Platform } from "../../telemetry/index.ts";
import { askedOf, askedSpanOf, askedSummaryOf } from "../asked.ts";
import type {
  Query,
  QuerySeries,
  Span,
  Store,
  StoreSize,
  SummaryQuery,
  SummarySeries,
  WriteResult,
} from "../contract.ts";
import { askingError, saysMissing } from "../http/asking.ts";
import { HttpLink } from "../http/link.ts";
import { pages } from "../http/pages.ts";
import { targetOf } from "../http/target.ts";
import { LineWriter } from "../http/writer.ts";
import { cleanMeasurement } from "../series.ts";
import type { Places } from "../tiers.ts";
import { allPlaces, placeOf } from "../tiers.ts";
import { createBucket } from "./admin.ts";
import { answerOf, lineOf, summariesOf } from "./answers.ts";
import type { CsvRow } from "./csv.ts";
import { rowsOf } from "./csv.ts";
import { cardinalityScript, namesScript, pageScript, summingScript } from "./flux.ts";
import type { Influxdb2Options } from "./options.ts";

/** The connection that options describe. @throws E_SECRET_MISSING */
export function influxdb2Link(options: Influxdb2Options, { clock }: Platform): HttpLink {
  const { token } = options;
  const header = token === undefined ? undefined : `Token ${token.reveal()}`;
  return new HttpLink(targetOf(options, clock, header));
}

/**
 * Opens the engine.
 * @throws E_SECRET_MISSING
 */
export function openInfluxdb2(options: Influxdb2Options, platform: Platform): Store {
  return new Influxdb2Store(influxdb2Link(options, platform), options);
}

function writePath(org: string, bucket: string): string {
  const query = new URLSearchParams({ org, bucket, precision: "ms" });
  return `/api/v2/write?${query.toString()}`;
}

class Influxdb2Store implements Store {
  readonly title: string;
  readonly #link: HttpLink;
  readonly #org: string;
  readonly #buckets: Places<string>;
  readonly #writer: LineWriter;

  constructor(link: HttpLink, options: Influxdb2Options) {
    const { org, bucket, rollupBucket, retention, rollupRetention, create } = options;
    this.title = `InfluxDB 2 at ${link.target.url.href}, bucket ${bucket}`;
    this.#link = link;
    this.#org = org;
    this.#buckets = { points: bucket, rollups: rollupBucket };
    const paths = {
      points: writePath(org, bucket),
      rollups: rollupBucket === undefined ? undefined : writePath(org, rollupBucket),
    };
    const makeAll = async (signal: AbortSignal): Promise<void> => {
      await createBucket(link, { org, name: bucket, retention }, signal);
      if (rollupBucket === undefined) return;
      await createBucket(link, { org, name: rollupBucket, retention: rollupRetention }, signal);
    };
    const holder = `bucket "${bucket}"`;
    this.#writer = new LineWriter(link, { paths, holder, create: create ? makeAll : undefined });
  }

  write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    return this.#writer.write(lines, signal);
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    const asked = askedOf(query);
    const bucket = placeOf(this.#buckets, asked.measurement);
    const texts = ["count", "first", "last"].includes(asked.aggregate);
    const { every, worstQuality } = asked;
    const script = summingScript({ ...asked, every, worstQuality, bucket, texts });
    return answerOf(asked, await this.#rows(script, signal));
  }

  async summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    const asked = askedSummaryOf(query);
    const bucket = placeOf(this.#buckets, asked.measurement);
    const groupBy = await this.#tags(asked.measurement, signal);
    const { worstQuality } = asked;
    const script = summingScript({ ...asked, worstQuality, bucket, groupBy, texts: false });
    return summariesOf(asked, groupBy, await this.#rows(script, signal));
  }

  async *scan(span: Span, signal: AbortSignal): AsyncGenerator<readonly Line[]> {
    const asked = askedSpanOf(span);
    const bucket = placeOf(this.#buckets, asked.measurement);
    const tags = new Set(await this.#tags(asked.measurement, signal));
    yield* pages(asked, async (from, limit) => {
      const rows = await this.#rows(pageScript({ ...asked, from, bucket }, limit), signal);
      return rows.map((row) => lineOf(asked.measurement, tags, row));
    });
  }

  async measurements(signal: AbortSignal): Promise<readonly string[]> {
    const names: string[] = [];
    for (const bucket of allPlaces(this.#buckets)) {
      names.push(...(await this.#names(namesScript(bucket, "measurements"), signal)));
    }
    return [...new Set(names)].toSorted();
  }

  async fields(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    const name = cleanMeasurement(measurement);
    const bucket = placeOf(this.#buckets, name);
    const script = namesScript(bucket, "measurementFieldKeys", name);
    return (await this.#names(script, signal)).toSorted();
  }

  /** A series here is measurement, tags and field. */
  async size(signal: AbortSignal): Promise<StoreSize> {
    let series = 0;
    for (const bucket of allPlaces(this.#buckets)) {
      const [row] = await this.#rows(cardinalityScript(bucket), signal);
      series += Number(row?.["_value"] ?? 0);
    }
    return { bytes: undefined, series };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#link[Symbol.dispose]();
    return Promise.resolve();
  }

  /** The tags of a measurement, without the names that Flux itself gives to columns. */
  async #tags(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    const bucket = placeOf(this.#buckets, measurement);
    const script = namesScript(bucket, "measurementTagKeys", measurement);
    const own = new Set(["_start", "_stop", "_field", "_measurement"]);
    return (await this.#names(script, signal)).filter((name) => !own.has(name)).toSorted();
  }

  async #names(script: string, signal: AbortSignal): Promise<string[]> {
    const rows = await this.#rows(script, signal);
    return rows.map((row) => String(row["_value"]));
  }

  /** The rows of an answer; a bucket that is not there has none. */
  async #rows(query: string, signal: AbortSignal): Promise<CsvRow[]> {
    const path = `/api/v2/query?${new URLSearchParams({ org: this.#org }).toString()}`;
    const dialect = { header: true, annotations: ["datatype", "default"] };
    const body = JSON.stringify({ query, type: "flux", dialect });
    const headers = { "content-type": "application/json", accept: "application/csv" };
    const answer = await this.#link.ask({ method: "POST", path, headers, body }, signal);
    if (answer.status === 200) return rowsOf(answer.body);
    if (saysMissing(answer)) return [];
    throw askingError(answer, this.#link.target.clock.now());
  }
}
