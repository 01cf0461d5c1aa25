/** Where an InfluxDB 1 is and how to enter it: options parsed once, secrets revealed once. */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Influxdb1Options } from "./options.ts";

export interface Target {
  readonly clock: Clock;
  readonly url: URL;
  readonly port: number;
  /** The URL's path without its closing slash. */
  readonly basePath: string;
  readonly database: string;
  readonly retentionPolicy: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly gzip: boolean;
  /** @unit ms */
  readonly timeout: number;
}

const usualPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * The target that options describe.
 * @throws E_SECRET_MISSING
 */
export function targetOf(options: Influxdb1Options, clock: Clock): Target {
  const url = new URL(options.url);
  return {
    clock,
    url,
    port: Number(url.port === "" ? usualPorts[url.protocol] : url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
    database: options.database,
    retentionPolicy: options.retentionPolicy,
    username: options.username,
    password: options.password?.reveal(),
    gzip: options.gzip,
    timeout: options.timeout,
  };
}

/** Failures of certificates: a person must act, waiting does not help. */
const certificate = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS)/;

/** A failed connection as our error: refused, reset, unknown host, or a bad certificate. */
export function connectionError(target: Target, code: string, cause: unknown): GatewayError {
  const kind = certificate.test(code) ? "E_STORE_CONFIG" : "E_STORE_DOWN";
  return new GatewayError(kind, `${target.url.host}: connection failed (${code})`, { cause });
}
