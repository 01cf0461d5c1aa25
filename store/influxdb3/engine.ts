/**
 * The InfluxDB 3 engine: lines to /api/v3/write_lp, SQL to /api/v3/query_sql, answers as JSON
 * lines. A database makes itself with the first line written to it. Opening touches no network.
 *
 * Limits of the product: two values written for one row shortly after each other may end either
 * way (the same one twice is harmless). Core reaches back some 72 hours in one question
 * (query-file-limit), has five databases and 500 columns a table.
 */
import type { Line, Platform } from "../../telemetry/index.ts";
import { GatewayError, isRecord } from "../../telemetry/index.ts";
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
import type { SqlRow, TableColumns } from "./columns.ts";
import { columnsOf, columnsSql, tablesSql } from "./columns.ts";
import type { Influxdb3Options } from "./options.ts";
import { answerOf, querySql, summariesOf, summarySql } from "./query.ts";
import { lineOf, pageColumns, pageSql } from "./scan.ts";

/** The connection that options describe. @throws E_SECRET_MISSING */
export function influxdb3Link(options: Influxdb3Options, { clock }: Platform): HttpLink {
  const { token } = options;
  const bearer = token === undefined ? undefined : `Bearer ${token.reveal()}`;
  return new HttpLink(targetOf(options, clock, bearer));
}

/**
 * Opens the engine.
 * @throws E_SECRET_MISSING
 */
export function openInfluxdb3(options: Influxdb3Options, platform: Platform): Store {
  const { database, rollupDatabase } = options;
  const link = influxdb3Link(options, platform);
  return new Influxdb3Store(link, { points: database, rollups: rollupDatabase });
}

/** A write is durable when it is answered: `no_sync` is never asked for. */
function writePath(database: string): string {
  const query = new URLSearchParams({
    db: database,
    precision: "millisecond",
    accept_partial: "true",
  });
  return `/api/v3/write_lp?${query.toString()}`;
}

class Influxdb3Store implements Store {
  readonly title: string;
  readonly #link: HttpLink;
  readonly #databases: Places<string>;
  readonly #writer: LineWriter;

  constructor(link: HttpLink, databases: Places<string>) {
    const { points, rollups } = databases;
    this.title = `InfluxDB 3 at ${link.target.url.href}, database ${points}`;
    this.#link = link;
    this.#databases = databases;
    const paths = {
      points: writePath(points),
      rollups: rollups === undefined ? undefined : writePath(rollups),
    };
    this.#writer = new LineWriter(link, { paths, holder: `database "${points}"` });
  }

  write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    return this.#writer.write(lines, signal);
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    const asked = askedOf(query);
    const columns = await this.#columns(asked.measurement, signal);
    const sql = querySql(asked, columns);
    return sql === undefined ? [] : answerOf(asked, await this.#rowsOf(asked, sql, signal));
  }

  async summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    const asked = askedSummaryOf(query);
    const columns = await this.#columns(asked.measurement, signal);
    const sql = summarySql(asked, columns);
    if (sql === undefined) return [];
    return summariesOf(asked, columns, await this.#rowsOf(asked, sql, signal));
  }

  async *scan(span: Span, signal: AbortSignal): AsyncGenerator<readonly Line[]> {
    const asked = askedSpanOf(span);
    const columns = await this.#columns(asked.measurement, signal);
    const page = pageColumns(asked, columns);
    yield* pages(asked, async (from, limit) => {
      const sql = pageSql({ ...asked, from }, columns, { page, limit });
      if (sql === undefined) return [];
      const rows = await this.#rowsOf(asked, sql, signal);
      return rows.map((row) => lineOf(asked.measurement, page, row));
    });
  }

  async measurements(signal: AbortSignal): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const database of allPlaces(this.#databases)) {
      for (const row of await this.#rows(database, tablesSql, signal)) {
        names.add(String(row["table_name"]));
      }
    }
    return [...names].toSorted();
  }

  async fields(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    const { numbers, texts } = await this.#columns(cleanMeasurement(measurement), signal);
    return [...numbers, ...texts].toSorted();
  }

  /** It says neither over SQL. */
  size(): Promise<StoreSize> {
    return Promise.resolve({ bytes: undefined, series: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#link[Symbol.dispose]();
    return Promise.resolve();
  }

  async #columns(measurement: string, signal: AbortSignal): Promise<TableColumns> {
    const sql = columnsSql(measurement);
    return columnsOf(await this.#rowsOf({ measurement }, sql, signal));
  }

  #rowsOf(
    { measurement }: { readonly measurement: string },
    sql: string,
    signal: AbortSignal,
  ): Promise<readonly SqlRow[]> {
    return this.#rows(placeOf(this.#databases, measurement), sql, signal);
  }

  /** The rows of an answer; a database that is not there has none. */
  async #rows(database: string, sql: string, signal: AbortSignal): Promise<readonly SqlRow[]> {
    const headers = { "content-type": "application/json", accept: "application/jsonl" };
    const body = JSON.stringify({ db: database, q: sql, format: "jsonl" });
    const path = "/api/v3/query_sql";
    const answer = await this.#link.ask({ method: "POST", path, headers, body }, signal);
    if (answer.status === 200) return rowsIn(answer.body);
    if (saysMissing(answer)) return [];
    throw askingError(answer, this.#link.target.clock.now());
  }
}

/** The rows of JSON lines. @throws E_STORE_CONFIG */
function rowsIn(text: string): SqlRow[] {
  try {
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line))
      .filter(isRecord);
  } catch (cause) {
    const sentence = "this is no answer of an InfluxDB 3; check the url";
    throw new GatewayError("E_STORE_CONFIG", sentence, { cause });
  }
}
