/**
 * Which generation of InfluxDB listens somewhere: asked at the first call, so that a hub starts
 * while its database is down, and remembered in memory only.
 *
 *   GET /ping    204 or 200, X-Influxdb-Version: 1.6.7 | v2.7.1 | 3.2.0
 *                InfluxDB 3 says it in a body too, and to nobody without a token
 *   GET /health  {"name":"influxdb","status":"pass","version":"v2.7.1", …}; 404 on 1.6
 */
import { option, secret, text, v } from "../config/index.ts";
import type { Line, Platform } from "../telemetry/index.ts";
import { assertNever, GatewayError, isRecord } from "../telemetry/index.ts";
import type {
  Query,
  QuerySeries,
  Span,
  Store,
  StoreSize,
  SummaryQuery,
  SummarySeries,
  WriteResult,
} from "./contract.ts";
import { askingError } from "./http/asking.ts";
import type { FullAnswer } from "./http/link.ts";
import { HttpLink } from "./http/link.ts";
import { createOption, httpOptions, retentionOptions, storeName } from "./http/options.ts";
import { basicAuth, targetOf } from "./http/target.ts";
import type { Influxdb1Options } from "./influxdb1/options.ts";
import type { Influxdb2Options } from "./influxdb2/options.ts";
import type { Influxdb3Options } from "./influxdb3/options.ts";

export const influxOptions = v.strictObject({
  engine: option(v.literal("influx"), {
    about: "Any InfluxDB: which one is asked at the first call; `generation` answers for it.",
  }),
  ...httpOptions,
  generation: v.optional(
    option(v.picklist(["auto", "1", "2", "3"]), {
      about: "Which InfluxDB it is; auto asks it.",
      example: "2",
    }),
    "auto",
  ),
  database: v.optional(
    option(storeName, { about: "Database or bucket of the points.", example: "rackstreet" }),
    "rackstreet",
  ),
  rollups: v.optional(
    option(storeName, {
      about: "Retention policy (1), bucket (2) or database (3) of roll-ups.",
      example: "rollups",
    }),
  ),
  org: v.optional(
    option(storeName, { about: "Organisation, where it is an InfluxDB 2.", example: "power" }),
    "rackstreet",
  ),
  ...retentionOptions,
  username: v.optional(option(text, { about: "User of an InfluxDB 1.", example: "hub" })),
  password: v.optional(
    option(secret, { about: "Password of that user.", example: "${INFLUX_PASSWORD}" }),
  ),
  token: v.optional(
    option(secret, { about: "Token of an InfluxDB 2 or 3.", example: "${INFLUX_TOKEN}" }),
  ),
  create: createOption,
});

export type InfluxOptions = v.InferOutput<typeof influxOptions>;

export type Generation = "1" | "2" | "3";

type Decided = Influxdb1Options | Influxdb2Options | Influxdb3Options;

/** The options of the engine that a generation has. */
export function decidedOptions(options: InfluxOptions, generation: Generation): Decided {
  const { url, auth, gzip, timeout, retention, rollupRetention } = options;
  const { database, rollups, org, username, password, token, create } = options;
  const common = { url, auth, gzip, timeout, retention, rollupRetention };
  switch (generation) {
    case "1": {
      const own = { database, rollupPolicy: rollups, username, password, create };
      return { engine: "influxdb1", ...common, ...own };
    }
    case "2": {
      const own = { org, bucket: database, rollupBucket: rollups, token, create };
      return { engine: "influxdb2", ...common, ...own };
    }
    case "3":
      return { engine: "influxdb3", ...common, database, rollupDatabase: rollups, token };
    default:
      return assertNever(generation);
  }
}

/**
 * Asks a server which generation it is.
 * @throws E_STORE_DOWN, E_STORE_CONFIG
 */
export async function detect(
  options: InfluxOptions,
  { clock }: Platform,
  signal: AbortSignal,
): Promise<Generation> {
  const { username, password, token } = options;
  const basic = username === undefined ? undefined : basicAuth(username, password?.reveal() ?? "");
  const header = token === undefined ? basic : `Token ${token.reveal()}`;
  const target = targetOf(options, clock, header);
  using link = new HttpLink(target);
  let refused: FullAnswer | undefined;
  for (const path of ["/ping", "/health"]) {
    const answer = await link.ask({ method: "GET", path }, signal);
    const found = generationIn(answer);
    if (found !== undefined) return found;
    if (answer.status >= 500 || answer.status === 429) throw askingError(answer, clock.now());
    if (answer.status === 401 || answer.status === 403) refused = answer;
  }
  if (refused !== undefined) throw askingError(refused, clock.now());
  const sentence =
    `${target.url.host} does not say which InfluxDB it is; give \`generation\`, or ` +
    "`engine: lines` if it only takes lines";
  throw new GatewayError("E_STORE_CONFIG", sentence);
}

/** The generation that an answer to /ping or /health names. */
export function generationIn({ headers, body }: FullAnswer): Generation | undefined {
  const header = headers["x-influxdb-version"];
  const version = typeof header === "string" ? header : versionIn(body);
  const [, first] = /^v?([123])\./.exec(version) ?? [];
  return first === "1" || first === "2" || first === "3" ? first : undefined;
}

function versionIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    const version = isRecord(parsed) ? parsed["version"] : undefined;
    return typeof version === "string" ? version : "";
  } catch {
    return "";
  }
}

/** Opens the engine that is found; everything waits for that, and asks again after a failure. */
export function openInflux(
  options: InfluxOptions,
  platform: Platform,
  open: (options: Decided) => Store,
): Store {
  const { generation } = options;
  if (generation !== "auto") return open(decidedOptions(options, generation));
  return new DetectedStore(new URL(options.url), async (signal) => {
    const found = await detect(options, platform, signal);
    const store = open(decidedOptions(options, found));
    platform.log.info("store detected", { generation: found, store: store.title });
    return store;
  });
}

class DetectedStore implements Store {
  readonly #url: URL;
  readonly #detect: (signal: AbortSignal) => Promise<Store>;
  #store: Store | undefined;
  #closed = false;

  constructor(url: URL, detectStore: (signal: AbortSignal) => Promise<Store>) {
    this.#url = url;
    this.#detect = detectStore;
  }

  get sumsRises(): true | undefined {
    return this.#store?.sumsRises;
  }

  get title(): string {
    return this.#store?.title ?? `InfluxDB at ${this.#url.href}`;
  }

  async write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    return (await this.#found(signal)).write(lines, signal);
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    return (await this.#found(signal)).query(query, signal);
  }

  async summarize(query: SummaryQuery, signal: AbortSignal): Promise<readonly SummarySeries[]> {
    return (await this.#found(signal)).summarize(query, signal);
  }

  async *scan(span: Span, signal: AbortSignal): AsyncGenerator<readonly Line[]> {
    yield* (await this.#found(signal)).scan(span, signal);
  }

  async measurements(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#found(signal)).measurements(signal);
  }

  async fields(measurement: string, signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#found(signal)).fields(measurement, signal);
  }

  async size(signal: AbortSignal): Promise<StoreSize> {
    return (await this.#found(signal)).size(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#store?.[Symbol.asyncDispose]();
  }

  /** Two first calls at once ask twice; the engine of the first answer stays. */
  async #found(signal: AbortSignal): Promise<Store> {
    if (this.#closed) throw new GatewayError("E_STORE_DOWN", "the store was closed");
    if (this.#store !== undefined) return this.#store;
    const store = await this.#detect(signal);
    this.#store ??= store;
    if (this.#store !== store) await store[Symbol.asyncDispose]();
    return this.#store;
  }
}
