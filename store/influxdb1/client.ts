/**
 * The only door to the `influx` package: InfluxQL and administration. Its host pool would put the
 * one host aside after a failure and refuse calls to a server that is back, so the pool waits
 * zero; it leaves a promise open for ever when an answer breaks off, so `within` ends it; errors
 * come inside HTTP 200 and are found here.
 */
import { InfluxDB } from "influx";
import { GatewayError, isRecord, messageOf, systemCode } from "../../telemetry/index.ts";
import { within } from "../http/deadline.ts";
import { connectionError } from "../http/target.ts";
import type { Target } from "./target.ts";

/** One series of an answer, as InfluxDB sends it. */
export interface ResultSeries {
  readonly tags: Readonly<Record<string, unknown>>;
  readonly columns: readonly unknown[];
  readonly values: readonly (readonly unknown[])[];
}

interface ZeroBackoff {
  getDelay(): number;
  next(): ZeroBackoff;
  reset(): ZeroBackoff;
}

/** A delay of zero keeps the host in the pool. */
const noBackoff: ZeroBackoff = {
  getDelay: () => 0,
  next: () => noBackoff,
  reset: () => noBackoff,
};

/** Queries of one target. */
export class Client {
  readonly #target: Target;
  readonly #influx: InfluxDB;

  constructor(target: Target) {
    const { url, basePath, database, credentials = {}, timeout } = target;
    const secure = url.protocol === "https:";
    this.#target = target;
    this.#influx = new InfluxDB({
      hosts: [
        {
          protocol: secure ? "https" : "http",
          host: url.hostname,
          port: target.port,
          path: basePath,
          options: {},
        },
      ],
      database,
      ...credentials,
      pool: { maxRetries: 0, requestTimeout: timeout, backoff: noBackoff },
    });
  }

  /**
   * The series of each statement.
   * @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG
   */
  async ask(statements: readonly string[], signal: AbortSignal): Promise<ResultSeries[][]> {
    const { clock, timeout } = this.#target;
    const answer: unknown = await within({ clock, timeout, signal }, async (inner) => {
      try {
        return await this.#influx.queryRaw(statements.join("; "), {
          precision: "ms",
          method: "POST",
          signal: inner,
        });
      } catch (error) {
        throw this.#translated(error);
      }
    });
    return resultsOf(answer).map((result) => seriesOf(result));
  }

  /**
   * Creates the database; nothing happens when it is there.
   * @throws E_STORE_DOWN, E_STORE_CONFIG
   */
  async createDatabase(signal: AbortSignal): Promise<void> {
    const { clock, timeout, database } = this.#target;
    await within({ clock, timeout, signal }, async () => {
      try {
        await this.#influx.createDatabase(database);
      } catch (error) {
        const translated = this.#translated(error);
        if (translated.code === "E_STORE_DOWN") throw translated;
        const sentence = `database "${database}" cannot be created: ${messageOf(error)}`;
        throw new GatewayError("E_STORE_CONFIG", sentence, { cause: error });
      }
    });
  }

  #translated(error: unknown): GatewayError {
    const status = statusOf(error);
    const said = messageOf(error);
    if (status === undefined) {
      return connectionError(this.#target, systemCode(error) ?? said, error);
    }
    if (status === 400) return new GatewayError("E_QUERY", said, { cause: error });
    const kind = status === 408 || status === 429 ? "E_STORE_DOWN" : "E_STORE_CONFIG";
    return new GatewayError(kind, said, { cause: error });
  }
}

/** The HTTP status behind an error of the package: 3xx and 4xx carry the response. */
function statusOf(error: unknown): number | undefined {
  if (!isRecord(error) || !isRecord(error["res"])) return undefined;
  const status = error["res"]["statusCode"];
  return typeof status === "number" ? status : undefined;
}

function resultsOf(answer: unknown): readonly unknown[] {
  const results = isRecord(answer) ? answer["results"] : undefined;
  if (Array.isArray(results)) return results;
  throw new GatewayError("E_STORE_CONFIG", "this is no answer of an InfluxDB 1; check the url");
}

function seriesOf(result: unknown): ResultSeries[] {
  if (!isRecord(result)) return [];
  if (typeof result["error"] === "string") throw errorOf(result["error"]);
  const series = result["series"];
  if (!Array.isArray(series)) return [];
  if (series.some((one) => isRecord(one) && one["partial"] === true)) {
    throw new GatewayError("E_QUERY", "the server cut the answer (max-row-limit)");
  }
  return series.filter(isRecord).map((one) => ({
    tags: isRecord(one["tags"]) ? one["tags"] : {},
    columns: Array.isArray(one["columns"]) ? one["columns"] : [],
    values: Array.isArray(one["values"]) ? one["values"].filter((row) => Array.isArray(row)) : [],
  }));
}

/** The sentence of a missing database, which the engine may answer by creating it. */
export const databaseNotFound = "database not found";

function errorOf(said: string): GatewayError {
  if (/timeout|shutting down|too many|max-concurrent/.test(said)) {
    return new GatewayError("E_STORE_DOWN", said);
  }
  const config = /not found|authoriz|permission|privilege/.test(said);
  return new GatewayError(config ? "E_STORE_CONFIG" : "E_QUERY", said);
}
