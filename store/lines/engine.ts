/**
 * Lines only: servers that take line protocol and answer none of our languages, such as
 * VictoriaMetrics, QuestDB, GreptimeDB or TDengine. A hub runs on one; questions are refused with
 * a sentence that says what to use.
 *
 * A server that says yes before its disk has the lines may be given `resend`: the lines of the
 * last moments are sent again when it may have died, that is after a failure or over a new
 * connection. What it and the hub lose in the same moments is lost.
 *
 * Limits: what such a server makes of a line is its own. VictoriaMetrics stores text as 0, keeps
 * a line that was sent twice twice unless it is told -dedup.minScrapeInterval=1ms; QuestDB needs
 * DEDUP UPSERT KEYS for the same.
 */
import type { Clock, Line, Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Store, StoreSize, WriteResult } from "../contract.ts";
import { HttpLink } from "../http/link.ts";
import { targetOf } from "../http/target.ts";
import { LineWriter } from "../http/writer.ts";
import { DropWatch } from "./drops.ts";
import type { LinesOptions } from "./options.ts";
import { Recent } from "./recent.ts";

/** Path, word for milliseconds, and name of the database of each dialect. */
const dialects = {
  influxdb1: { path: "/write", precision: "ms", database: "db" },
  influxdb2: { path: "/api/v2/write", precision: "ms", database: "bucket" },
  influxdb3: { path: "/api/v3/write_lp", precision: "millisecond", database: "db" },
} as const;

/**
 * Opens the engine.
 * @throws E_SECRET_MISSING
 */
export function openLines(options: LinesOptions, platform: Platform): Store {
  return new LinesStore(options, platform);
}

function writePath({ dialect, parameters }: LinesOptions, database: string | undefined): string {
  const words = dialects[dialect];
  const query = new URLSearchParams({ precision: words.precision });
  if (database !== undefined) query.set(words.database, database);
  for (const [name, value] of Object.entries(parameters)) query.set(name, value);
  return `${words.path}?${query.toString()}`;
}

class LinesStore implements Store {
  readonly title: string;
  readonly linesOnly = true;
  readonly #link: HttpLink;
  readonly #writer: LineWriter;
  readonly #drops: DropWatch | undefined;
  readonly #clock: Clock;
  readonly #recent: Recent;
  /** Whether the server may have died since the last write that it took. */
  #suspect = false;

  constructor(options: LinesOptions, platform: Platform) {
    const { database, rollupDatabase, metrics } = options;
    const target = targetOf(options, platform.clock);
    this.#clock = platform.clock;
    this.#recent = new Recent(options.resend);
    this.title = `lines at ${target.url.href}`;
    this.#link = new HttpLink(target);
    const paths = {
      points: writePath(options, database),
      rollups: rollupDatabase === undefined ? undefined : writePath(options, rollupDatabase),
    };
    this.#writer = new LineWriter(this.#link, { paths, holder: `database "${database ?? ""}"` });
    if (metrics !== undefined) {
      this.#drops = new DropWatch(new HttpLink({ ...target, basePath: "" }), metrics, platform);
    }
  }

  async write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    const { connections } = this.#link;
    try {
      const result = await this.#writer.write(lines, signal);
      if (this.#suspect || this.#link.connections !== connections) {
        await this.#writer.write(this.#recent.lines(this.#clock.monotonic()), signal);
      }
      this.#suspect = false;
      this.#recent.add(lines, this.#clock.monotonic());
      await this.#drops?.look(signal);
      return result;
    } catch (error) {
      this.#suspect = true;
      throw error;
    }
  }

  query(): Promise<never> {
    return this.#refuse();
  }

  summarize(): Promise<never> {
    return this.#refuse();
  }

  scan(): AsyncIterable<readonly Line[]> {
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#refuse() }) };
  }

  measurements(): Promise<never> {
    return this.#refuse();
  }

  fields(): Promise<never> {
    return this.#refuse();
  }

  size(): Promise<StoreSize> {
    return Promise.resolve({ bytes: undefined, series: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#link[Symbol.dispose]();
    this.#drops?.[Symbol.dispose]();
    return Promise.resolve();
  }

  #refuse(): Promise<never> {
    const sentence =
      `${this.title}: this store takes lines and answers no question of ours; ask it in its own ` +
      "language (VictoriaMetrics PromQL, QuestDB and GreptimeDB SQL), or use engine sqlite, " +
      "influxdb1, influxdb2 or influxdb3";
    return Promise.reject(new GatewayError("E_QUERY", sentence));
  }
}
