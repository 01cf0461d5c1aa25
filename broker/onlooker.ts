/**
 * Sees what comes where others store it: batches that are not late are shown on, by the same rules
 * as where they are stored; what is wrong with one is for those others to say and count.
 */
import type { ParsedTopic, UnnumberedBatch } from "../telemetry/index.ts";
import { decodeMessage, problemOf } from "../telemetry/index.ts";

/** @returns whether it was understood */
export function lookAt(
  { address, kind }: ParsedTopic,
  payload: Uint8Array,
  observe: (batch: UnnumberedBatch) => void,
): boolean {
  if (kind !== "telemetry" && kind !== "event") return false;
  const decoded = decodeMessage(payload, kind);
  if (!("ok" in decoded)) return false;
  const { batches, place } = decoded.ok;
  for (const { time, points, faults } of batches) {
    const legal = points.filter((point) => problemOf(point) === undefined);
    observe({ kind, address, place, time, points: legal, faults });
  }
  return true;
}
