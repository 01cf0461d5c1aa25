/** Capacity of a configured site: its topology and what its store holds of it. */
import type { Capacity, Measured, Pue } from "../alerts/index.ts";
import { capacityOf, frameOf, pueOf, readMeasured, rolledEvery } from "../alerts/index.ts";
import type { Topology } from "../config/index.ts";
import { v } from "../config/index.ts";
import { openStore } from "../store/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { sqliteWorker } from "./assets.ts";
import { durationArgument, openPlatform, parsedArgument } from "./command.ts";
import { Progress } from "./progress.ts";
import { momentArgument } from "./query-ask.ts";
import { siteOf } from "./run-agent.ts";
import { siteTopology } from "./site-topology.ts";

/** Reading months of a large site from slow disks may take so long. @unit ms */
const patience = 600_000;

/** More windows than a store answers at once. @unit ms */
const longest = 300 * 86_400_000;

export const capacityOptions = {
  since: {
    type: "string",
    default: "7d",
    describe: "What is used: now, p95 and peak of this time.",
  },
  trend: {
    type: "string",
    default: "28d",
    describe: "How far back days to full look; at least two weeks.",
  },
  until: {
    type: "string",
    default: "0s",
    describe: "Up to when: how far back, a date or an ISO 8601 instant, in UTC.",
  },
  coverage: {
    type: "number",
    default: 0.5,
    describe: "Least share of 5 min windows with a row; below it nothing is told.",
  },
} as const;

export interface CapacityArguments {
  readonly since: string;
  readonly trend: string;
  readonly until: string;
  readonly coverage: number;
}

export interface SiteCapacity {
  readonly topology: Topology;
  readonly measured: Measured;
  readonly capacity: Capacity;
  readonly pue: Pue;
}

const share = v.pipe(
  v.number("must be a number from 0 to 1"),
  v.minValue(0, "must be a number from 0 to 1"),
  v.maxValue(1, "must be a number from 0 to 1"),
);

/** @throws E_USAGE, E_CONFIG, E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function readCapacity(
  config: string,
  { since, trend, until, coverage }: CapacityArguments,
): Promise<SiteCapacity> {
  const { loaded, platform } = await openPlatform(config, "error");
  const topology = siteTopology(loaded);
  if (topology === undefined) {
    throw new GatewayError("E_USAGE", `${config} has no topology; docs/topology.md begins one`);
  }
  const used = spanArgument("since", since);
  const span = Math.max(used, spanArgument("trend", trend));
  const least = parsedArgument("coverage", coverage, share);
  const to = momentArgument("until", until, platform.clock.now());
  await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
  using progress = new Progress(platform.clock);
  const reading = {
    frame: frameOf({ from: to - span, to, every: rolledEvery }),
    since: used,
    least,
    tags: { ...siteOf(loaded) },
    progress: (done: number, all: number): void => {
      progress.show(`${done} of ${all} meters read`);
    },
  };
  const signal = AbortSignal.timeout(patience);
  const measured = await readMeasured(topology, store, { reading, signal });
  const pue = await pueOf(topology, store, { reading, signal });
  return { topology, measured, pue, capacity: capacityOf(topology, measured) };
}

/** @throws E_USAGE */
function spanArgument(name: string, text: string): number {
  const ms = durationArgument(name, text);
  if (ms >= rolledEvery && ms <= longest) return ms;
  throw new GatewayError("E_USAGE", `--${name} ${text}: from 5m to 300d`);
}
