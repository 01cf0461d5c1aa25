/**
 * Requests to a device's HTTP server: the drivers' door to HTTP (the store has one of its own).
 * One connection that is kept, so that a small controller is never asked two things at once by one
 * client; a deadline; an answer that is bounded; and a certificate that is pinned, or signed by an
 * authority of your own or a public one, never just accepted. What is asked again, and when, is
 * not decided here; redirects are answers like any other.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { TLSSocket } from "node:tls";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, invariant, messageOf, systemCode } from "../../telemetry/index.ts";
import type { HttpDeviceOptions } from "./http-options.ts";

/** Longest answer, unless asked for otherwise. @unit bytes */
const usualLimit = 8 * 1024 * 1024;

export interface DeviceRequest {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** Under the path of the URL, with its query: `/redfish/v1`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Longest answer. @unit bytes */
  readonly limit?: number;
}

export interface DeviceAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export class HttpClient implements Disposable {
  readonly #options: HttpDeviceOptions;
  readonly #clock: Pick<Clock, "after">;
  readonly #url: URL;
  readonly #agent: http.Agent;
  #closed = false;

  /** @throws E_CONFIG when the file of certificates cannot be read */
  constructor(options: HttpDeviceOptions, clock: Pick<Clock, "after">) {
    this.#options = options;
    this.#clock = clock;
    this.#url = new URL(options.url);
    this.#agent = agentOf(options, this.#url);
  }

  /** Host and port, for messages. */
  get name(): string {
    return this.#url.host;
  }

  /**
   * Asks, and reads the whole answer, whatever its status.
   * @throws E_CONNECT, E_DISCONNECTED, E_CERTIFICATE, E_DEVICE_TIMEOUT, E_DEVICE_FRAME when the
   *   answer is too long or no HTTP, E_SECRET_MISSING
   */
  ask(request: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer> {
    if (this.#closed || signal.aborted) {
      return Promise.reject(this.#error("E_DISCONNECTED", "the request was given up"));
    }
    const ending = new AbortController();
    return new Promise((resolve, reject) => {
      const end = (error: GatewayError): void => {
        reject(error);
        ending.abort();
      };
      const giveUp = (): void => end(this.#error("E_DISCONNECTED", "the request was given up"));
      const { timeout } = this.#options;
      const timer = this.#clock.after(timeout, () =>
        end(this.#error("E_DEVICE_TIMEOUT", `no answer within ${timeout / 1000} s`)),
      );
      signal.addEventListener("abort", giveUp, { once: true });
      this.#exchange(request, ending.signal)
        .then(resolve, reject)
        .finally(() => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
        });
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  #error(
    code: "E_CONNECT" | "E_DISCONNECTED" | "E_CERTIFICATE" | "E_DEVICE_TIMEOUT" | "E_DEVICE_FRAME",
    why: string,
    cause?: unknown,
  ): GatewayError {
    return new GatewayError(code, `${this.name}: ${why}`, { cause });
  }

  /** Async, so that a secret that is missing rejects. */
  async #exchange(request: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer> {
    const { body = "", limit = usualLimit } = request;
    const options = this.#requestOf(request, Buffer.byteLength(body), signal);
    const { request: send } = options.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(this.#translated(cause));
      const sent = send(options, (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on("data", (piece: Buffer) => {
          pieces.push(piece);
          length += piece.length;
          if (length <= limit) return;
          reject(this.#error("E_DEVICE_FRAME", `${request.path}: more than ${limit} bytes came`));
          response.destroy();
        });
        response.on("error", fail);
        response.on("end", () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body: Buffer.concat(pieces).toString("utf8") });
        });
      });
      sent.on("error", fail);
      sent.end(body);
    });
  }

  #requestOf(
    { method = "GET", path, headers }: DeviceRequest,
    length: number,
    signal: AbortSignal,
  ): http.RequestOptions {
    const { protocol, hostname, port, pathname } = this.#url;
    const authorization = authorizationOf(this.#options);
    return {
      agent: this.#agent,
      method,
      protocol,
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      path: `${pathname.replace(/\/+$/, "")}${path}`,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        "content-length": length,
        ...headers,
      },
      signal,
    };
  }

  #translated(cause: unknown): GatewayError {
    if (cause instanceof GatewayError) return cause;
    const code = systemCode(cause) ?? "";
    const why = messageOf(cause);
    if (certificate.test(code)) return this.#error("E_CERTIFICATE", why, cause);
    if (code.startsWith("HPE_")) return this.#error("E_DEVICE_FRAME", `no HTTP: ${why}`, cause);
    if (notThere.has(code)) return this.#error("E_CONNECT", why, cause);
    return this.#error("E_DISCONNECTED", why, cause);
  }
}

/** What a person must see to: no waiting makes a certificate right. */
const certificate = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/;

const notThere: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
]);

/** The value of an Authorization header. @throws E_SECRET_MISSING */
function authorizationOf({ user, password, token }: HttpDeviceOptions): string | undefined {
  if (token !== undefined) return `Bearer ${token.reveal()}`;
  if (user === undefined) return undefined;
  const pair = `${user}:${password?.reveal() ?? ""}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function agentOf({ ca, fingerprint }: HttpDeviceOptions, url: URL): http.Agent {
  const pool = { keepAlive: true, maxSockets: 1 };
  if (url.protocol !== "https:") return new http.Agent(pool);
  const trusted = ca === undefined ? {} : { ca: certificates(ca) };
  if (fingerprint === undefined) return new https.Agent({ ...pool, ...trusted });
  return new PinnedAgent({ ...pool, rejectUnauthorized: false }, fingerprint);
}

function certificates(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GatewayError("E_CONFIG", `ca: ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Trusts one certificate alone: nothing is sent to a server that shows another. */
class PinnedAgent extends https.Agent {
  readonly #fingerprint: string;

  constructor(options: https.AgentOptions, fingerprint: string) {
    super(options);
    this.#fingerprint = fingerprint;
  }

  override createConnection(
    ...[options, callback]: Parameters<https.Agent["createConnection"]>
  ): undefined {
    const socket = super.createConnection(options);
    invariant(socket instanceof TLSSocket && callback !== undefined, "https gives no TLS socket");
    const failed = (error: Error): void => callback(error, socket);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.off("error", failed);
      const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "");
      if (shown?.toLowerCase() === this.#fingerprint) return callback(null, socket);
      socket.destroy();
      const host = options.host ?? "the server";
      const why = `${host}: the certificate's fingerprint is ${shown?.toLowerCase() ?? "unknown"}`;
      callback(new GatewayError("E_CERTIFICATE", why), socket);
    });
  }
}
