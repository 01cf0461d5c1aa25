/**
 * Posts to an HTTP server: the notifiers' door to HTTP (drivers and store have one of their own).
 * A connection a request, an answer that is bounded; redirects are answers like any other, and
 * certificates are never just accepted. Messages name the host only: paths may hold secrets.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { Secret } from "../../config/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** File with the certificates to trust. */
  readonly ca?: string | undefined;
}

/** Of an answer, for the message; the rest is not read. @unit bytes */
const mostRead = 500;

/** Statuses of the 4xx that time may heal. */
const passing: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Resolves when the server took it (2xx).
 * @throws E_NOTIFY, E_CERTIFICATE, E_CONFIG; E_NOTIFY_REFUSED for 4xx but 408, 425 and 429
 */
export async function post(request: Post, signal: AbortSignal): Promise<void> {
  const { url } = request;
  const { status, after, said } = await exchanged(request, signal);
  if (status >= 200 && status < 300) return;
  const words = said === "" ? "" : `: ${said}`;
  const refused = status >= 400 && status < 500 && !passing.has(status);
  const details = after === undefined ? {} : { retryAfterMs: after };
  const code = refused ? "E_NOTIFY_REFUSED" : "E_NOTIFY";
  throw new GatewayError(code, `${url.host} answered ${status}${words}`, details);
}

export interface Login {
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly token?: Secret | undefined;
}

/** The headers that log in. @throws E_SECRET_MISSING */
export function loginHeaders({ user, password, token }: Login): Readonly<Record<string, string>> {
  if (token !== undefined) return { authorization: `Bearer ${token.reveal()}` };
  if (user === undefined) return {};
  const pair = Buffer.from(`${user}:${password?.reveal() ?? ""}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}

/** @throws E_CONFIG when the file cannot be read */
export function certificatesIn(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GatewayError("E_CONFIG", `ca: ${path}: ${messageOf(cause)}`, { cause });
  }
}

interface Answer {
  readonly status: number;
  /** How long it asks to wait. @unit ms */
  readonly after: number | undefined;
  /** How its body begins. */
  readonly said: string;
}

function exchanged({ url, headers, body, ca }: Post, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const fail = (cause: unknown): void => reject(translated(url, cause));
  try {
    const { request } = url.protocol === "https:" ? https : http;
    const length = Buffer.byteLength(body);
    const sent = request(url, {
      method: "POST",
      agent: false,
      signal,
      headers: { "content-type": "application/json", ...headers, "content-length": length },
      ...(ca === undefined ? {} : { ca: certificatesIn(ca) }),
    });
    sent.on("error", fail);
    sent.on("response", (response) => {
      const { statusCode: status = 0, headers: heads } = response;
      const seconds = Number(heads["retry-after"]);
      const after = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
      let read = Buffer.alloc(0);
      const done = (): void => {
        resolve({ status, after, said: oneLine(read.toString("utf8")) });
        sent.destroy();
      };
      response.on("error", fail);
      response.on("end", done);
      response.on("data", (piece: Buffer) => {
        read = Buffer.concat([read, piece.subarray(0, mostRead - read.length)]);
        if (read.length >= mostRead) done();
      });
    });
    sent.end(body);
  } catch (cause) {
    // Characters that no path or header may have, or a file that is not there.
    fail(cause);
  }
  return promise;
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

const certificate =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)$)/;

function translated(url: URL, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return connectionError(url.host, cause);
}

/** What a connection that failed is told by; also for what is not HTTP. */
export function connectionError(host: string, cause: unknown): GatewayError {
  const code = certificate.test(systemCode(cause) ?? "") ? "E_CERTIFICATE" : "E_NOTIFY";
  return new GatewayError(code, `${host}: ${messageOf(cause)}`, { cause });
}
