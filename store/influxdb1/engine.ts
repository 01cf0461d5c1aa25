/**
 * The InfluxDB 1 engine: our own writer, the `influx` package for questions. Opening touches no
 * network, so that a hub starts while its database is down; a missing database is created at the
 * first call that misses it.
 */
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { AskedSummary } from "../asked.ts";
import { askedOf, askedSpanOf, askedSummaryOf, queryLimits } from "../asked.ts";
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
import type { Line } from "../../telemetry/index.ts";
import { HttpLink } from "../http/link.ts";
import { pages } from "../http/pages.ts";
import { LineWriter } from "../http/writer.ts";
import { cleanMeasurement } from "../series.ts";
import { LineSums } from "../sum-lines.ts";
import type { ResultSeries } from "./client.ts";
import { Client, databaseNotFound } from "./client.ts";
import type { Influxdb1Options } from "./options.ts";
import { answerOf, sourceOf, statementsOf } from "./query.ts";
import { columnStatements, linesOfPage, pageStatement } from "./scan.ts";
import { riseStatement, summariesOf, summaryStatement, withRises } from "./summaries.ts";
import type { Target } from "./target.ts";
import { influxdb1Target, writePaths } from "./target.ts";

/**
 * Opens the engine.
 * @throws E_SECRET_MISSING
 */
export function openInfluxdb1(options: Influxdb1Options, { clock }: Platform): Store {
  return new Influxdb1Store(influxdb1Target(options, clock), options);
}

class Influxdb1Store implements Store {
  readonly title: string;
  readonly sumsRises = true;
  readonly #target: Target;
  readonly #client: Client;
  readonly #link: HttpLink;
  readonly #writer: LineWriter;
  readonly #create: boolean;
  #disposed = false;

  constructor(target: Target, { create, consistency }: Influxdb1Options) {
    this.title = `InfluxDB 1 at ${target.url.href}, database ${target.database}`;
    this.#target = target;
    this.#create = create;
    this.#client = new Client(target);
    this.#link = new HttpLink(target);
    this.#writer = new LineWriter(this.#link, {
      paths: writePaths(target, consistency),
      holder: `database "${target.database}"`,
      create: create ? (signal) => this.#client.createDatabase(signal) : undefined,
    });
  }

  write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    return this.#disposed ? Promise.reject(closed()) : this.#writer.write(lines, signal);
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    const asked = askedOf(query);
    const statements = statementsOf(asked, this.#target.policies);
    return answerOf(asked, await this.#ask(statements, signal));
  }

  async summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    const asked = askedSummaryOf(query);
    if (isShort(asked)) return this.#sumRows(asked, signal);
    const { policies } = this.#target;
    const rises = riseStatement(asked, policies);
    const statements = [summaryStatement(asked, policies), ...(rises === undefined ? [] : [rises])];
    const [sums = [], steps = []] = await this.#ask(statements, signal);
    const summaries = summariesOf(asked, sums);
    return rises === undefined ? summaries : withRises(asked, summaries, steps);
  }

  async #sumRows(query: AskedSummary, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    const { measurement, fields, from, to, where, worstQuality } = query;
    const sums = new LineSums(query);
    const read = worstQuality === undefined ? fields : [...fields, "q"];
    for await (const lines of this.scan({ measurement, fields: read, from, to, where }, signal)) {
      sums.add(lines);
    }
    return sums.series;
  }

  async *scan(span: Span, signal: AbortSignal): AsyncGenerator<readonly Line[]> {
    const asked = askedSpanOf(span);
    const { policies } = this.#target;
    const statements = columnStatements(asked.measurement, policies);
    const [tags, fields] = await this.#ask(statements, signal);
    const stored = firstColumn([fields ?? []]);
    const columns = {
      tags: firstColumn([tags ?? []]),
      fields: asked.fields?.filter((field) => stored.includes(field)) ?? stored,
    };
    if (columns.fields.length === 0) return;
    yield* pages(asked, async (from, limit) => {
      const statement = pageStatement({ ...asked, from }, columns, { policies, limit });
      const answer = (await this.#ask([statement], signal)).flat();
      return linesOfPage(asked.measurement, columns, answer);
    });
  }

  async measurements(signal: AbortSignal): Promise<readonly string[]> {
    return firstColumn(await this.#ask(["SHOW MEASUREMENTS"], signal));
  }

  async fields(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    const source = sourceOf(cleanMeasurement(measurement), this.#target.policies);
    return firstColumn(await this.#ask([`SHOW FIELD KEYS FROM ${source}`], signal));
  }

  async size(signal: AbortSignal): Promise<StoreSize> {
    const [series] = await this.#ask(["SHOW SERIES CARDINALITY"], signal);
    const count = series?.[0]?.values[0]?.[0];
    return { bytes: undefined, series: typeof count === "number" ? count : undefined };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#link[Symbol.dispose]();
    return Promise.resolve();
  }

  async #ask(statements: readonly string[], signal: AbortSignal): Promise<ResultSeries[][]> {
    if (this.#disposed) throw closed();
    try {
      return await this.#client.ask(statements, signal);
    } catch (error) {
      const missing = error instanceof GatewayError && error.message.startsWith(databaseNotFound);
      if (!missing || !this.#create) throw error;
      await this.#client.createDatabase(signal);
      return this.#client.ask(statements, signal);
    }
  }
}

/**
 * An aggregate costs InfluxDB 1.6 some 85 µs for each field of each series, and six are asked for:
 * with few rows a window, reading them costs a third of that.
 */
const fewWindows = 2;

function isShort({ from, to, every, fields }: AskedSummary): boolean {
  return to - from <= fewWindows * every && fields.length < queryLimits.fields;
}

function closed(): GatewayError {
  return new GatewayError("E_STORE_DOWN", "the store was closed");
}

function firstColumn(results: readonly ResultSeries[][]): string[] {
  const names = results.flat().flatMap(({ values }) => values.map(([name]) => String(name)));
  return [...new Set(names)].toSorted();
}
