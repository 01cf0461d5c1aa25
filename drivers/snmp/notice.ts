/** One device's traps and informs as readings. */
import { v } from "../../config/index.ts";
import type { Clock, Point } from "../../telemetry/index.ts";
import { maxText, quality } from "../../telemetry/index.ts";
import type { Heard, Trace } from "../contract.ts";
import type { Understood } from "../transport/hearing.ts";
import { Allowance } from "../transport/hearing.ts";
import { Cells } from "./cells.ts";
import { isMissing } from "./door.ts";
import type { SnmpProfile } from "./profile.ts";
import type { PlannedRow } from "./rows.ts";
import { pointsOf, rowsOf, wantedOf } from "./rows.ts";

/** More a device with a flapping contact does not tell. */
const allowed = { burst: 100, perSecond: 5 };
/** An inform comes again until its answer arrives. */
const keptInforms = 64;
const mostVarbinds = 128;

const snmpTrapOid = "1.3.6.1.6.3.1.1.4.1.0";
const genericTraps = "1.3.6.1.6.3.1.1.5";

/** Kinds of notification. [RFC 3416 3] [RFC 1157 4.1.6] */
const kinds = { trapV1: 0xa4, inform: 0xa6 } as const;

const varbind = v.object({ oid: v.string(), type: v.number(), value: v.unknown() });
const notification = v.object({
  pdu: v.object({
    type: v.number(),
    id: v.optional(v.number()),
    enterprise: v.optional(v.string()),
    generic: v.optional(v.number()),
    specific: v.optional(v.number()),
    varbinds: v.pipe(v.array(varbind), v.maxLength(mostVarbinds)),
  }),
});
type Notification = v.InferOutput<typeof notification>["pdu"];

export interface NoticeParts {
  readonly profile: SnmpProfile;
  readonly clock: Clock;
}

export function noticeEar(
  { profile, clock }: NoticeParts,
  heard: (heard: Heard) => void,
): (message: unknown) => Understood {
  const allowance = new Allowance(clock, allowed);
  const rows = rowsOf(profile);
  const informs = new Set<string>();
  return (message) => {
    const parsed = v.safeParse(notification, message);
    if (!parsed.success) return "noise";
    const { pdu } = parsed.output;
    const name = nameOf(pdu);
    if (name === undefined) return "noise";
    if (pdu.type === kinds.inform && wasHeard(informs, `${pdu.id} ${name}`)) return "said";
    if (!allowance.take()) return "noise";
    heard(heardOf(pdu, { name, rows, profile, time: clock.now() }));
    return "said";
  };
}

/** The name of what happened; for v1 made as RFC 3584 3.1 has it. */
function nameOf({ type, enterprise, generic, specific, varbinds }: Notification) {
  if (type !== kinds.trapV1) {
    const value = varbinds.find(({ oid }) => oid === snmpTrapOid)?.value;
    return typeof value === "string" ? value : undefined;
  }
  if (generic === undefined) return undefined;
  if (generic < 6) return `${genericTraps}.${generic + 1}`;
  return enterprise === undefined ? undefined : `${enterprise}.0.${specific ?? 0}`;
}

interface Noticed {
  readonly name: string;
  readonly rows: readonly PlannedRow[];
  readonly profile: SnmpProfile;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

function heardOf({ varbinds }: Notification, { name, rows, profile, time }: Noticed): Heard {
  const traces: Trace[] = [];
  const message = (profile.header.notices[name] ?? name).slice(0, maxText);
  const event: Point = { measurement: "device_event", fields: { message, q: quality.good } };
  const place = { measurement: "device_event", channel: "", field: "message", at: "trap" };
  traces.push({ ...place, raw: name });
  const cells = new Cells();
  const { columns } = wantedOf(rows);
  for (const one of varbinds) {
    if (isMissing(one)) continue;
    cells.put(one);
    for (const column of columns) cells.putBelow(column, one);
  }
  const values = pointsOf(rows, {
    collected: { cells, absent: new Set(), faults: [] },
    time,
    trace: (one) => traces.push(one),
    fault: () => undefined,
  });
  return { reading: { points: [event, ...values], faults: [] }, traces };
}

function wasHeard(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return true;
  seen.add(key);
  for (const oldest of seen) {
    if (seen.size <= keptInforms) break;
    seen.delete(oldest);
  }
  return false;
}
