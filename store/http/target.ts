/** Where an HTTP engine is and how to enter it: options parsed once, secrets revealed once. */
import { Buffer } from "node:buffer";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { HttpOptions } from "./options.ts";

export interface HttpTarget {
  readonly clock: Clock;
  readonly url: URL;
  readonly port: number;
  /** The URL's path without its closing slash. */
  readonly basePath: string;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  readonly gzip: boolean;
  /** @unit ms */
  readonly timeout: number;
}

const usualPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * The target that options describe; `authorization` is used where they name no header themselves.
 * @throws E_SECRET_MISSING
 */
export function targetOf(options: HttpOptions, clock: Clock, authorization?: string): HttpTarget {
  const url = new URL(options.url);
  return {
    clock,
    url,
    port: Number(url.port === "" ? usualPorts[url.protocol] : url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
    authorization: options.auth?.reveal() ?? authorization,
    gzip: options.gzip,
    timeout: options.timeout,
  };
}

/** The value of a Basic Authorization header, [RFC 7617 §2]. */
export function basicAuth(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Failures of certificates: a person must act, waiting does not help. */
const certificate = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS)/;

/** A failed connection as our error: refused, reset, unknown host, or a bad certificate. */
export function connectionError({ url }: HttpTarget, code: string, cause: unknown): GatewayError {
  const kind = certificate.test(code) ? "E_STORE_CONFIG" : "E_STORE_DOWN";
  return new GatewayError(kind, `${url.host}: connection failed (${code})`, { cause });
}
