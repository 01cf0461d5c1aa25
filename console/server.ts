/**
 * The HTTP server of a process: `/health` for whoever watches over it, `/metrics` for Prometheus.
 * Nothing can be changed by it.
 *
 *   GET /health    200 {"status":"ok"} or 503 {"status":"degraded","failing":["store"]}
 *   GET /metrics   200, with the token where there is one
 *   GET /api/v1/…  what a hub is asked (`api.ts`), and by `/ngsi-ld/v1/…` (`ngsi-ld/answer.ts`)
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Address } from "../config/index.ts";
import { addressText } from "../config/index.ts";
import { GatewayError, messageOf, systemCode } from "../telemetry/index.ts";
import type { Api } from "./api.ts";
import { answerApi, requestIn } from "./api.ts";
import { answerNgsiLd, ngsiLdIn } from "./ngsi-ld/answer.ts";
import type { ConsoleOptions } from "./options.ts";
import { consoleAddress } from "./options.ts";

/** What is served. */
export interface ConsoleSource {
  /** The page of `/metrics`. */
  metrics(): string;
  /** What does not work now, by name; none: all does. */
  failing(): readonly string[];
  /** What a hub can be asked; left out: there is none. */
  readonly api?: Api | undefined;
}

export interface Console extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: string;
}

/** Connections at once; Prometheus needs one. */
const mostConnections = 64;
/** Time for the head of a request. @unit ms */
const headersWithin = 10_000;
/** Time in which something must be sent or taken. @unit ms */
const silenceWithin = 60_000;

/**
 * Serves; undefined where the configuration names no address.
 * @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_SECRET_MISSING
 */
export async function openConsole(
  { listen, token }: ConsoleOptions,
  source: ConsoleSource,
): Promise<Console | undefined> {
  if (listen === undefined) return undefined;
  const wanted = token === undefined ? undefined : digestOf(`Bearer ${token.reveal()}`);
  const server = createServer({ headersTimeout: headersWithin }, (request, response) => {
    answer(request, response, { source, wanted });
  });
  server.maxConnections = mostConnections;
  server.timeout = silenceWithin;
  const port = await bind(server, listen);
  return {
    address: consoleAddress(listen, port),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Serving {
  readonly source: ConsoleSource;
  /** Digest of the header that must be shown. */
  readonly wanted: Buffer | undefined;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { source, wanted }: Serving,
): void {
  const { method = "", url = "", headers } = request;
  const [path = ""] = url.split("?", 1);
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  const answered = source.api && answerFor(source.api, path);
  if (path !== "/health" && path !== "/metrics" && answered === undefined)
    return end(response, 404, "no such page\n");
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    return end(response, 405, "only GET\n");
  }
  if (answered !== undefined) {
    void answered({ incoming: request, response });
    return;
  }
  if (path === "/health") return health(response, source.failing());
  const shown = digestOf(headers.authorization ?? "");
  if (wanted !== undefined && !timingSafeEqual(shown, wanted)) {
    response.setHeader("www-authenticate", "Bearer");
    return end(response, 401, "give the token\n");
  }
  response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
  end(response, 200, source.metrics());
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

/** What answers a path that a hub is asked by. */
function answerFor(api: Api, path: string): ((exchange: Exchange) => Promise<void>) | undefined {
  const request = requestIn(path);
  if (request !== undefined) return (exchange) => answerApi(api, request, exchange);
  const asked = ngsiLdIn(path);
  return asked && ((exchange) => answerNgsiLd(api, asked, exchange));
}

function health(response: ServerResponse, failing: readonly string[]): void {
  response.setHeader("content-type", "application/json");
  const [status, body] =
    failing.length === 0
      ? ([200, { status: "ok" }] as const)
      : ([503, { status: "degraded", failing }] as const);
  end(response, status, `${JSON.stringify(body)}\n`);
}

function end(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status;
  response.end(body);
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function bind(server: Server, listen: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const taken = systemCode(cause) === "EADDRINUSE";
      const why = `${addressText(listen)}: ${messageOf(cause)}`;
      reject(new GatewayError(taken ? "E_ADDRESS_IN_USE" : "E_ADDRESS_REFUSED", why, { cause }));
    });
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.removeAllListeners("error").on("error", () => undefined);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : listen.port);
    });
  });
}
