/**
 * Requests to one server over node:http: a small pool of connections, a deadline, and an answer
 * that is read up to a bound. What is sent again, and when, is not decided here.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { GatewayError, systemCode } from "../../telemetry/index.ts";
import type { Answer } from "./answers.ts";
import { within } from "./deadline.ts";
import type { HttpTarget } from "./target.ts";
import { connectionError } from "./target.ts";

/** Connections held open; a second writer gains little, a fifth nothing. */
const maxSockets = 4;
/** How much of an answer to a write is read: refused lines come back in it. @unit characters */
const maxVerdict = 4 * 1024 * 1024;
/** Longest answer to a question: some 100,000 rows. @unit characters */
const maxAnswer = 256 * 1024 * 1024;
/** Below this compressing costs more than it saves. @unit bytes */
const gzipFrom = 1024;

const compress = promisify(gzip);

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PATCH";
  /** Under the target's base path, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface FullAnswer extends Answer {
  readonly headers: http.IncomingHttpHeaders;
}

/** The connections to one server. */
export class HttpLink implements Disposable {
  readonly target: HttpTarget;
  readonly #agent: http.Agent;
  #closed = false;
  #connections = 0;

  constructor(target: HttpTarget) {
    this.target = target;
    const pool = { keepAlive: true, maxSockets };
    this.#agent = target.url.protocol === "https:" ? new https.Agent(pool) : new http.Agent(pool);
  }

  /** Connections opened so far: a new one may mean a new server. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Sends lines.
   * @throws E_STORE_DOWN, E_STORE_CONFIG when no answer came
   */
  async write(request: HttpRequest, signal: AbortSignal): Promise<FullAnswer> {
    const plain = bytesOf(request);
    if (!this.target.gzip || plain.length < gzipFrom) {
      return this.#send(request, plain, { limit: maxVerdict, signal });
    }
    const headers = { ...request.headers, "content-encoding": "gzip" };
    const body = await compress(plain, { level: 1 });
    return this.#send({ ...request, headers }, body, { limit: maxVerdict, signal });
  }

  /**
   * Asks something and reads the whole answer.
   * @throws E_STORE_DOWN, E_STORE_CONFIG when no answer came; E_QUERY when it is too long
   */
  async ask(request: HttpRequest, signal: AbortSignal): Promise<FullAnswer> {
    const body = bytesOf(request);
    const answer = await this.#send(request, body, { limit: maxAnswer, signal });
    if (answer.body.length < maxAnswer) return answer;
    throw new GatewayError("E_QUERY", "the answer is too long; ask for less time or fewer series");
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  #send(
    request: HttpRequest,
    body: Buffer,
    { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  ): Promise<FullAnswer> {
    const { clock, timeout } = this.target;
    if (this.#closed) {
      return Promise.reject(new GatewayError("E_STORE_DOWN", "the store was closed"));
    }
    return within({ clock, timeout, signal }, (inner) =>
      this.#exchange(this.#optionsOf(request, body, inner), { body, limit }),
    );
  }

  #optionsOf(request: HttpRequest, body: Buffer, signal: AbortSignal): http.RequestOptions {
    const { url, port, basePath, authorization } = this.target;
    return {
      agent: this.#agent,
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port,
      path: `${basePath}${request.path}`,
      headers: {
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
        "content-length": body.length,
      },
      signal,
    };
  }

  #exchange(
    options: http.RequestOptions,
    { body, limit }: { readonly body: Buffer; readonly limit: number },
  ): Promise<FullAnswer> {
    const { request } = options.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(connectionError(this.target, systemCode(cause) ?? cause.message, cause));
      const sent = request(options, (response) => {
        const pieces: string[] = [];
        let left = limit;
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          if (left > 0) pieces.push(piece.slice(0, left));
          left -= piece.length;
        });
        response.on("error", fail);
        response.on("end", () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, retryAfter: headers["retry-after"], headers, body: pieces.join("") });
        });
      });
      sent.on("error", fail);
      sent.on("socket", (socket) => {
        if (socket.connecting) this.#connections += 1;
      });
      sent.end(body);
    });
  }
}

function bytesOf({ body = "" }: HttpRequest): Buffer {
  return typeof body === "string" ? Buffer.from(body) : body;
}
