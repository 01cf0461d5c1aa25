/** How a hub is: its row of `hub_health`. */
import type { RollupCounts } from "../store/index.ts";
import type { Fields, Point } from "../telemetry/index.ts";
import { quality } from "../telemetry/index.ts";
import type { IngestCounts } from "./ingest.ts";

/** Rows of capacity written, and turns left out. */
export interface CapacityTurns {
  readonly rows: number;
  readonly skipped: number;
}

export interface HubVitals {
  /** @unit bytes */
  readonly rss: number;
  /** @unit ms */
  readonly loopDelay: number;
}

export interface HubState {
  readonly ingest: IngestCounts;
  /** Undefined: it shares none. */
  readonly redisUp: boolean | undefined;
  readonly connections: number;
  readonly denied: number;
  /** Devices without a `meta`. */
  readonly undescribed: number;
  readonly rollups: RollupCounts | undefined;
  readonly capacity: CapacityTurns | undefined;
  readonly vitals: HubVitals;
}

export function healthPoint({ ingest, vitals, ...state }: HubState): Point {
  return {
    measurement: "hub_health",
    fields: {
      received_total: ingest.received,
      stored_total: ingest.stored,
      queued_count: ingest.queued,
      refused_total: ingest.refused,
      overflow_total: ingest.overflow,
      points_total: ingest.points,
      points_refused_total: ingest.pointsRefused,
      store_state: ingest.storeUp ? 1 : 0,
      write_ms: ingest.writeMs,
      ...(state.redisUp === undefined ? {} : { redis_state: state.redisUp ? 1 : 0 }),
      clients_count: state.connections,
      undescribed_count: state.undescribed,
      denied_total: state.denied,
      ...rollupFields(state.rollups),
      ...capacityFields(state.capacity),
      loop_delay_ms: vitals.loopDelay,
      rss_bytes: vitals.rss,
      q: quality.good,
    },
  };
}

function rollupFields(counts: RollupCounts | undefined): Fields {
  if (counts === undefined) return {};
  const { lag, dirty, rows, failures } = counts;
  return {
    rollup_lag_s: lag / 1000,
    rollup_dirty_count: dirty,
    rollup_rows_total: rows,
    rollup_failures_total: failures,
  };
}

function capacityFields(counts: CapacityTurns | undefined): Fields {
  if (counts === undefined) return {};
  return { capacity_rows_total: counts.rows, capacity_skipped_total: counts.skipped };
}
