/** Where an InfluxDB 1 is, what it holds, and how lines go there. */
import { Buffer } from "node:buffer";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { HttpTarget } from "../http/target.ts";
import { basicAuth, targetOf } from "../http/target.ts";
import type { Places } from "../tiers.ts";
import type { Influxdb1Options } from "./options.ts";

export interface Target extends HttpTarget {
  readonly database: string;
  /** For the `influx` package, which knows no header of its own. */
  readonly credentials: Credentials | undefined;
  /** Retention policies; undefined is the database's default. */
  readonly policies: Places<string | undefined>;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The target that options describe.
 * @throws E_SECRET_MISSING, E_STORE_CONFIG
 */
export function influxdb1Target(options: Influxdb1Options, clock: Clock): Target {
  const { username, password, database, retentionPolicy, rollupPolicy } = options;
  const given =
    username === undefined ? undefined : { username, password: password?.reveal() ?? "" };
  const basic = given === undefined ? undefined : basicAuth(given.username, given.password);
  const target = targetOf(options, clock, basic);
  const { authorization } = target;
  return {
    ...target,
    credentials: authorization === basic ? given : credentialsIn(authorization ?? ""),
    database,
    policies: { points: retentionPolicy, rollups: rollupPolicy },
  };
}

/** The paths of writes: `precision=ms`, as in all of 1.x. */
export function writePaths({ database, policies }: Target, consistency?: string): Places<string> {
  const path = (policy: string | undefined): string => {
    const query = new URLSearchParams({ db: database, precision: "ms" });
    if (policy !== undefined) query.set("rp", policy);
    if (consistency !== undefined) query.set("consistency", consistency);
    return `/write?${query.toString()}`;
  };
  const { points, rollups } = policies;
  return { points: path(points), rollups: rollups === undefined ? undefined : path(rollups) };
}

/** `Basic <base64>` or `Token user:password`: the two headers that InfluxDB 1 knows. */
function credentialsIn(header: string): Credentials {
  const [, scheme = "", text = ""] = /^(Basic|Token) (.+)$/i.exec(header) ?? [];
  const pair = scheme.toLowerCase() === "basic" ? Buffer.from(text, "base64").toString() : text;
  const at = pair.indexOf(":");
  if (at > 0) return { username: pair.slice(0, at), password: pair.slice(at + 1) };
  const sentence = "auth must be `Basic …` or `Token user:password` here; other servers that take";
  throw new GatewayError("E_STORE_CONFIG", `${sentence} lines have \`engine: lines\``);
}
