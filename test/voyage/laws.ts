/**
 * The laws of a voyage. At every step:
 *  1. the agent: offered = stored + queued + shed; the hub: received = stored + queued + refused +
 *     overflow;
 *  2. bounds: the spool's disk, the lines that wait at the hub, the live messages on the way;
 *  3. on each telemetry topic readings arrive in the order in which they were made.
 * At the end, when all faults have stopped and time has passed:
 *  4. every batch that was spooled rests in the store, but for those shed to make room, those that
 *     the store refused, and one for each flipped bit (in the newest record it cannot be told from
 *     a torn tail); nothing is queued;
 *  5. the store holds nothing that no device gave, and nothing twice;
 *  6. an alert fired once, and is firing.
 */
import type { Ledger } from "../../agent/index.ts";
import { writesUnderWay } from "../../broker/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { ingestLimits, limit } from "./hub.ts";
import type { VoyageState } from "./state.ts";
import { spoolSize, window } from "./state.ts";

export interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly broken: readonly string[];
}

/** Longest list of broken laws kept of one voyage. */
const mostBroken = 20;

export function breaks(voyage: VoyageState, what: string): void {
  if (voyage.broken.length < mostBroken) voyage.broken.push(what);
}

/** Laws that hold at any time. */
export function check(voyage: VoyageState): void {
  const { agent, hub, platter, wire } = voyage;
  if (agent !== undefined && !adds(agent.ledger)) {
    breaks(voyage, `law 1: the agent's ledger does not add up: ${JSON.stringify(agent.ledger)}`);
  }
  if (hub !== undefined) {
    const { received, stored, queued, refused, overflow } = hub.counts();
    if (received !== stored + queued + refused + overflow) {
      breaks(voyage, `law 1: the hub's counts do not add up: ${JSON.stringify(hub.counts())}`);
    }
    if (queued > ingestLimits.most + writesUnderWay * ingestLimits.write) {
      breaks(voyage, `law 2: ${queued} batches wait at the hub`);
    }
  }
  const bytes = platter.bytesOf(".seg");
  if (bytes > spoolSize) breaks(voyage, `law 2: the spool uses ${bytes} bytes`);
  if (wire.mostUnacknowledged > window) {
    breaks(voyage, `law 2: ${wire.mostUnacknowledged} live messages on the way`);
  }
}

function adds({ offered, stored, queued, shed }: Ledger): boolean {
  const { full, disk, damaged, large } = shed;
  return offered === stored + queued + full + disk + damaged + large;
}

/** Law 3, as live batches arrive. */
export function arrives(voyage: VoyageState, { address, points }: UnnumberedBatch): void {
  const value = points[0]?.fields["active_power_w"];
  if (typeof value !== "number") return;
  const before = voyage.newest.get(address.device) ?? 0;
  if (value < before) {
    breaks(voyage, `law 3: ${address.device} went from reading ${before} back to ${value}`);
  }
  voyage.newest.set(address.device, Math.max(before, value));
  if (voyage.weather.calm && value > limit) voyage.passed.add(address.device);
}

/** True when all that was spooled is stored, and alerts have seen each device since the storm. */
export function arrived({ agent, passed, devices }: VoyageState): boolean {
  return (
    agent !== undefined && agent.ledger.queued === 0 && devices.ids.every((id) => passed.has(id))
  );
}

/** Laws that hold at the end. */
export function judge(voyage: VoyageState): Verdict {
  const { agent, rows, shed } = voyage;
  const doubled = foreign(voyage);
  const known = keysOf(rows.byIdentity.values());
  const refused = keysOf(rows.refused.values());
  const missing = [...voyage.spooled].filter((key) => !known.has(key) && !refused.has(key));
  const lost = Math.max(0, missing.length - shed - voyage.rots);
  if (lost > 0) {
    const some = missing.slice(0, 3).join(", ");
    breaks(voyage, `law 4: ${missing.length} missing, ${shed} shed: ${some}`);
  }
  if (agent === undefined) breaks(voyage, "law 4: the agent is not up");
  else if (agent.ledger.queued > 0) breaks(voyage, `law 4: ${agent.ledger.queued} still queued`);
  alerted(voyage);
  return { lost, doubled, broken: voyage.broken };
}

interface Row {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly time: number;
}

function keysOf(rows: Iterable<Row>): Set<string> {
  const keys = new Set<string>();
  for (const { measurement, tags, time } of rows) {
    const kind = measurement === "device_event" ? "event" : "telemetry";
    keys.add(`${kind} ${tags["device"] ?? ""} ${time}`);
  }
  return keys;
}

/** Law 5; returns how many rows are there twice. */
function foreign(voyage: VoyageState): number {
  const { rows, devices, turned } = voyage;
  const seen = new Set<number>();
  let doubled = 0;
  for (const { measurement, tags, fields, time } of rows.byIdentity.values()) {
    const moment = `${tags["device"] ?? ""} ${time}`;
    if (measurement === "device_event" && !turned.has(moment)) {
      breaks(voyage, `law 5: event ${moment} never happened`);
    }
    const value = fields["active_power_w"];
    if (measurement !== "energy_meter" || typeof value !== "number") continue;
    if (seen.has(value)) {
      doubled += 1;
      breaks(voyage, `law 5: reading ${value} is stored twice`);
    } else if (!isOf(devices.given.get(value), tags["device"], time)) {
      breaks(voyage, `law 5: ${moment} never gave ${value}`);
    }
    seen.add(value);
  }
  return doubled;
}

function alerted(voyage: VoyageState): void {
  const { fired, hub, devices, jumpedBack } = voyage;
  for (const [index, device] of fired.entries()) {
    if (fired.indexOf(device) !== index) {
      breaks(voyage, `law 6: the alert of ${device} fired twice`);
    }
  }
  // Alerts judge in event time: after a jump back nothing is newer for a while.
  if (jumpedBack) return;
  const firing = new Set(hub?.alerts.firing().alerts.map(({ address }) => address.device));
  for (const id of devices.ids) {
    if (!firing.has(id)) breaks(voyage, `law 6: the alert of ${id} is not firing`);
  }
}

/** A reading in the ms of the one before is moved on by the agent (`momentAfter`). */
const movedOn = 10;

function isOf(
  given: { readonly device: string; readonly time: number } | undefined,
  device: string | undefined,
  time: number,
): boolean {
  if (given === undefined || given.device !== device) return false;
  return time >= given.time && time <= given.time + movedOn;
}
