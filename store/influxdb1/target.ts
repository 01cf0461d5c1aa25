/** Where an InfluxDB 1 is, what it holds, and how lines go there. */
import type { Clock } from "../../telemetry/index.ts";
import type { HttpTarget } from "../http/target.ts";
import { basicAuth, targetOf } from "../http/target.ts";
import type { Places } from "../tiers.ts";
import type { Influxdb1Options } from "./options.ts";

export interface Target extends HttpTarget {
  readonly database: string;
  /** Retention policies; undefined is the database's default. */
  readonly policies: Places<string | undefined>;
}

/**
 * The target that options describe.
 * @throws E_SECRET_MISSING
 */
export function influxdb1Target(options: Influxdb1Options, clock: Clock): Target {
  const { username, password, database, retentionPolicy, rollupPolicy } = options;
  const basic = username === undefined ? undefined : basicAuth(username, password?.reveal() ?? "");
  return {
    ...targetOf(options, clock, basic),
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
