/**
 * Rows of roll-ups as batches for peers. A row knows no class of device, so its topic is of the
 * class of its window (`grants.ts`). A window that is rolled up anew is one row again: the newer
 * batch stands for the older, and all go behind what is live, in order.
 */
import type {
  DeviceAddress,
  Line,
  Place,
  Point,
  RollupWindow,
  UnnumberedBatch,
} from "../../telemetry/index.ts";
import { topicOf } from "../../telemetry/index.ts";
import type { Forwarded } from "./contract.ts";
import { summaryClassOf } from "./grants.ts";

/** A batch for each device, place and window start; rows of other regions are left out. */
export function summariesOf(
  window: RollupWindow,
  lines: readonly Line[],
  region: string,
): readonly Forwarded[] {
  const own = lines.filter(({ tags }) => tags["region"] === region);
  const groups = Map.groupBy(own, (line) => {
    const { org, site, zone, rack, device } = line.tags;
    return JSON.stringify([line.measurement, org, site, zone, rack, device, line.time]);
  });
  return [...groups].flatMap(([key, rows]) => {
    const batch = batchOf(rows, summaryClassOf(window));
    return batch === undefined ? [] : [{ batch, late: true, stands: key }];
  });
}

function batchOf(rows: readonly Line[], deviceClass: string): UnnumberedBatch | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { region = "", org = "", site = "", device = "", zone, rack } = first.tags;
  const address: DeviceAddress = { region, org, site, class: deviceClass, device };
  const place: Place = {
    ...(zone === undefined ? {} : { zone }),
    ...(rack === undefined ? {} : { rack }),
  };
  const points = rows.map((row) => pointOf(row));
  return { kind: "telemetry", address, place, time: first.time, points, faults: [] };
}

const placeTags: ReadonlySet<string> = new Set(["region", "org", "site", "zone", "rack", "device"]);

function pointOf({ measurement, tags, fields }: Line): Point {
  const channel = Object.entries(tags).filter(([name]) => !placeTags.has(name));
  return channel.length === 0
    ? { measurement, fields }
    : { measurement, tags: Object.fromEntries(channel), fields };
}

/** The topic by which a batch is judged. */
export function judgedBy({ address, kind }: UnnumberedBatch): string {
  return topicOf(address, kind);
}
