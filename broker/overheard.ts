/**
 * What clients of other hubs of the region publish: this hub knows their devices, and judges rules
 * about them, but stores nothing of it and turns none of them stale: that is for the hub that they
 * are connected to, while it lives.
 */
import type { UnnumberedBatch } from "../telemetry/index.ts";
import { parseTopic } from "../telemetry/index.ts";
import { isSummary } from "./federation/index.ts";
import { lookAt } from "./onlooker.ts";
import type { DeviceStates } from "./states.ts";

interface OverheardParts {
  readonly states: DeviceStates;
  /** Sees each batch that is not late. */
  readonly observe: (batch: UnnumberedBatch) => void;
}

/** What hears it; `node` is the hub it came by, undefined: it was retained, by whomever. */
export function overhearing(
  parts: OverheardParts,
): (topic: string, payload: Uint8Array, node: string | undefined) => void {
  return (topic, payload, node) => overhear(parts, { topic, payload, node });
}

function overhear(
  { states, observe }: OverheardParts,
  { topic, payload, node }: { topic: string; payload: Uint8Array; node: string | undefined },
): void {
  const parsed = parseTopic(topic);
  if (parsed === undefined) return;
  const { address, kind } = parsed;
  // What hubs say of themselves is no device's.
  if (address.class === "hub") return;
  if (kind === "meta") {
    if (payload.length === 0) states.forget(address);
    else states.meta(address, payload);
  } else if (kind === "state") {
    if (payload.length > 0) states.state(address, payload);
  } else if (node !== undefined && (kind === "telemetry" || kind === "event")) {
    if (payload.length === 0 || isSummary(address.class)) return;
    const understood = lookAt(parsed, payload, observe);
    if (understood && kind === "telemetry") states.seenBy(node, address);
  }
}
