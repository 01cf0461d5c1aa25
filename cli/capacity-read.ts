/** Capacity of a configured site: its topology and what its store holds of it. */
import type { Days, SiteAsk } from "../alerts/index.ts";
import {
  inOneGo,
  longestSpan,
  readDays,
  rolledEvery,
  coverage as shareOf,
} from "../alerts/index.ts";
import type { Topology } from "../config/index.ts";
import type { Store } from "../store/index.ts";
import { openStore } from "../store/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { sqliteWorker } from "./assets.ts";
import { durationArgument, openPlatform, parsedArgument } from "./command.ts";
import { Progress } from "./progress.ts";
import { momentArgument } from "./query-ask.ts";
import { siteOf } from "./run-agent.ts";
import { neededTopology } from "./site-topology.ts";

/** Reading months of a large site from slow disks may take so long. @unit ms */
const patience = 600_000;

/** What they are when left out stands in the configuration, as for the rows that the hub writes. */
export const capacityFlags = {
  since: {
    type: "string",
    describe: "What is used: now, p95 and peak of this time. Default: capacity.since, 7d.",
  },
  trend: {
    type: "string",
    describe: "How far back days to full look. Default: capacity.trend, 28d.",
  },
  until: {
    type: "string",
    default: "0s",
    describe: "Up to when: how far back, a date or an ISO 8601 instant, in UTC.",
  },
  coverage: {
    type: "number",
    describe:
      "Least share of 5 min windows with a row; below it nothing is told. " +
      "Default: capacity.coverage, 0.5.",
  },
} as const;

export interface CapacityArguments {
  readonly since: string | undefined;
  readonly trend: string | undefined;
  readonly until: string;
  readonly coverage: number | undefined;
}

/** Reads of a site what a command needs: `readSite`, or `readPower`. */
type Read<Found> = (
  topology: Topology,
  store: Store,
  ask: SiteAsk & { readonly days: Days },
) => Promise<Found>;

/** @throws E_USAGE, E_CONFIG, E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function readCapacity<Found>(
  config: string,
  { since, trend, until, coverage }: CapacityArguments,
  read: Read<Found>,
): Promise<Found & { readonly topology: Topology }> {
  const { loaded, platform } = await openPlatform(config, "error");
  const topology = neededTopology(loaded, config);
  const { capacity } = loaded.config;
  const used = since === undefined ? capacity.since : spanArgument("since", since);
  const span = trend === undefined ? capacity.trend : spanArgument("trend", trend);
  const least = parsedArgument("coverage", coverage ?? capacity.coverage, shareOf);
  const to = momentArgument("until", until, platform.clock.now());
  await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
  using progress = new Progress(platform.clock);
  const ask: SiteAsk = {
    to,
    since: used,
    trend: Math.max(used, span),
    least,
    tags: { ...siteOf(loaded) },
    progress: (done, all) => {
      progress.show(`${done} of ${all} meters read`);
    },
    pace: inOneGo,
    signal: AbortSignal.timeout(patience),
  };
  const days = await readDays(topology, store, ask);
  return { topology, ...(await read(topology, store, { ...ask, days })) };
}

/** @throws E_USAGE */
export function spanArgument(name: string, text: string): number {
  const ms = durationArgument(name, text);
  if (ms >= rolledEvery && ms <= longestSpan) return ms;
  throw new GatewayError("E_USAGE", `--${name} ${text}: from 5m to 300d`);
}
