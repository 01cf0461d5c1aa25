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

/** A connection that is followed is tested by TCP after so much silence. @unit ms */
const keepAliveAfter = 30_000;

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

/** Who reads an answer piece by piece. */
export interface Follower {
  /** What either throws ends the answer, and is what `follow` rejects with. */
  head(answer: Omit<DeviceAnswer, "body">): void;
  data(piece: Uint8Array): void;
}

export class HttpClient implements Disposable {
  readonly #options: HttpDeviceOptions;
  readonly #clock: Pick<Clock, "after">;
  readonly #url: URL;
  #agent: http.Agent | undefined;
  #closed = false;

  constructor(options: HttpDeviceOptions, clock: Pick<Clock, "after">) {
    this.#options = options;
    this.#clock = clock;
    this.#url = new URL(options.url);
  }

  /** Host and port, for messages. */
  get name(): string {
    return this.#url.host;
  }

  /**
   * Asks, and reads the whole answer, whatever its status. One at a time: a second waits for the
   * first, and its deadline runs meanwhile.
   * @throws E_CONNECT, E_DISCONNECTED, E_CERTIFICATE, E_DEVICE_TIMEOUT, E_DEVICE_FRAME when the
   *   answer is too long or no HTTP, E_SECRET_MISSING, E_CONFIG when the file of certificates
   *   cannot be read
   */
  ask(request: DeviceRequest, signal: AbortSignal): Promise<DeviceAnswer> {
    return this.#withDeadline(signal, async (ending) => {
      const response = await this.#open(request, ending);
      return this.#whole(request, response);
    });
  }

  /**
   * Asks, and hands over the body piece by piece until it ends: for answers that never do. The
   * deadline is for the head alone; `limit` does not count. It keeps the client's one connection.
   * @throws as `ask`
   */
  async follow(request: DeviceRequest, follower: Follower, signal: AbortSignal): Promise<void> {
    const cut = new AbortController();
    const either = AbortSignal.any([signal, cut.signal]);
    const response = await this.#withDeadline(signal, (ending) => {
      ending.addEventListener("abort", () => cut.abort(), { once: true });
      return this.#open(request, either);
    });
    await new Promise<void>((resolve, reject) => {
      response.on("error", (cause) => {
        reject(
          signal.aborted
            ? this.#error("E_DISCONNECTED", "the request was given up")
            : this.#translated(cause),
        );
      });
      response.on("end", resolve);
      // It may be silent for days; else nobody would notice that the other side has gone.
      response.socket.setKeepAlive(true, keepAliveAfter);
      const { statusCode: status = 0, headers } = response;
      follower.head({ status, headers });
      response.on("data", (piece: Buffer) => {
        try {
          follower.data(piece);
        } catch (error) {
          reject(error);
          response.destroy();
        }
      });
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#agent?.destroy();
  }

  #error(
    code: "E_CONNECT" | "E_DISCONNECTED" | "E_CERTIFICATE" | "E_DEVICE_TIMEOUT" | "E_DEVICE_FRAME",
    why: string,
    cause?: unknown,
  ): GatewayError {
    return new GatewayError(code, `${this.name}: ${why}`, { cause });
  }

  #withDeadline<T>(signal: AbortSignal, work: (ending: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed || signal.aborted) {
      return Promise.reject(this.#error("E_DISCONNECTED", "the request was given up"));
    }
    const ending = new AbortController();
    return new Promise((resolve, reject) => {
      const end = (error: GatewayError): void => {
        reject(error);
        ending.abort();
        if (this.#agent instanceof PinnedAgent) this.#agent.giveUp();
      };
      const giveUp = (): void => end(this.#error("E_DISCONNECTED", "the request was given up"));
      const { timeout } = this.#options;
      const timer = this.#clock.after(timeout, () =>
        end(this.#error("E_DEVICE_TIMEOUT", `no answer within ${timeout / 1000} s`)),
      );
      signal.addEventListener("abort", giveUp, { once: true });
      work(ending.signal)
        .then(resolve, reject)
        .finally(() => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
        });
    });
  }

  /** Async, so that a secret that is missing rejects. */
  async #open(request: DeviceRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { body = "" } = request;
    const options = this.#requestOf(request, Buffer.byteLength(body), signal);
    const { request: send } = options.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(this.#translated(cause));
      try {
        const sent = send(options, resolve);
        sent.on("error", fail);
        sent.end(body);
      } catch (cause) {
        // Characters that no path or header may have.
        fail(cause);
      }
    });
  }

  #whole(request: DeviceRequest, response: http.IncomingMessage): Promise<DeviceAnswer> {
    const { limit = usualLimit } = request;
    return new Promise((resolve, reject) => {
      const { statusCode: status = 0, headers } = response;
      const refuse = (why: string): void => {
        reject(this.#error("E_DEVICE_FRAME", `${request.path}: ${why}`));
        response.destroy();
      };
      const pieces: Buffer[] = [];
      let length = 0;
      response.on("error", (cause) => reject(this.#translated(cause)));
      response.on("end", () => {
        resolve({ status, headers, body: Buffer.concat(pieces).toString("utf8") });
      });
      const { "content-encoding": coding = "identity" } = headers;
      if (coding !== "identity") return refuse(`answers in ${coding}, which nobody asked for`);
      response.on("data", (piece: Buffer) => {
        pieces.push(piece);
        length += piece.length;
        if (length > limit) refuse(`more than ${limit} bytes came`);
      });
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
      // Not before it is needed: a file that is missing is this device's failure alone.
      agent: (this.#agent ??= agentOf(this.#options, this.#url)),
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
    if (code.startsWith("HPE_") || unsayable.has(code)) {
      return this.#error("E_DEVICE_FRAME", `no HTTP: ${why}`, cause);
    }
    if (notThere.has(code) || code.startsWith("ERR_SSL_"))
      return this.#error("E_CONNECT", why, cause);
    return this.#error("E_DISCONNECTED", why, cause);
  }
}

/** What a person must see to: no waiting makes a certificate right. */
const certificate =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)$)/;

/** What Node refuses to write into a request. */
const unsayable: ReadonlySet<string> = new Set(["ERR_UNESCAPED_CHARACTERS", "ERR_INVALID_CHAR"]);

const notThere: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  // No TLS there, or none that both sides know; `ERR_SSL_…` says which.
  "EPROTO",
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
  // A session that is resumed shows no certificate anew.
  const pinned = { ...pool, rejectUnauthorized: false, maxCachedSessions: 0 };
  return new PinnedAgent(pinned, fingerprint);
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
  /** Connections whose certificate has not been seen; no request knows them yet. */
  readonly #unproven = new Set<TLSSocket>();

  constructor(options: https.AgentOptions, fingerprint: string) {
    super(options);
    this.#fingerprint = fingerprint;
  }

  override createConnection(
    ...[options, callback]: Parameters<https.Agent["createConnection"]>
  ): undefined {
    const socket = super.createConnection(options);
    invariant(socket instanceof TLSSocket && callback !== undefined, "https gives no TLS socket");
    this.#unproven.add(socket);
    socket.once("close", () => this.#unproven.delete(socket));
    const failed = (error: Error): void => callback(error, socket);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.off("error", failed);
      this.#unproven.delete(socket);
      const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "");
      if (shown?.toLowerCase() === this.#fingerprint) return callback(null, socket);
      socket.destroy();
      const host = options.host ?? "the server";
      const why = `${host}: the certificate's fingerprint is ${shown?.toLowerCase() ?? "unknown"}`;
      callback(new GatewayError("E_CERTIFICATE", why), socket);
    });
    return undefined;
  }

  /** Hangs up on who has not shown a certificate. */
  giveUp(): void {
    for (const socket of this.#unproven) socket.destroy(new Error("the connection was given up"));
  }

  override destroy(): void {
    this.giveUp();
    super.destroy();
  }
}
