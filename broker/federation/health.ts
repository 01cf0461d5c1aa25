/** What a hub says of a bridge: a row of `hub_peer`. */
import type { Point } from "../../telemetry/index.ts";
import { quality } from "../../telemetry/index.ts";
import type { BridgeView } from "./bridge.ts";

/** How a bridge is, as a point. */
export function pointOfPeer({ peer, up, items, denied, ...ledger }: BridgeView): Point {
  const { full, disk, damaged, large, revoked = 0 } = ledger.shed;
  return {
    measurement: "hub_peer",
    tags: { peer },
    fields: {
      link_state: up ? 1 : 0,
      items_count: items,
      offered_total: ledger.offered,
      stored_total: ledger.stored,
      queued_count: ledger.queued,
      shed_total: full + disk + damaged + large,
      revoked_total: revoked,
      denied_total: denied,
      q: quality.good,
    },
  };
}
