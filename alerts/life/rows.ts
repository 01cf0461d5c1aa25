/** What the store keeps of acts: rows of `alert_event` that say no state, because none changed. */
import type { DeviceAddress, Line, Tags } from "../../telemetry/index.ts";
import type { Group } from "../groups.ts";
import { channelOf, spelled } from "../transition.ts";
import type { Act, Shelf } from "./acts.ts";

/** Where a row is, in the store and on its device. */
interface Place {
  readonly tags: Tags;
  readonly channel: Tags;
  /** When the shelf ends. @unit ms since 1970-01-01 UTC */
  readonly until?: number;
}

export interface ActRow extends Act, Place {
  readonly act: "acknowledged" | "shelved" | "unshelved" | "shelf ended";
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

export function lineOfAct({ act, by, comment, tags, channel, time, until }: ActRow): Line {
  const said = spelled(channel);
  return {
    measurement: "alert_event",
    tags,
    fields: {
      act,
      act_by: by,
      ...(comment === "" ? {} : { comment }),
      ...(until === undefined ? {} : { until_ms: until }),
      ...(said === "" ? {} : { channel: said }),
      q: 0,
    },
    time,
  };
}

export function placeOfAlert({ rule, address, place, tags }: Group): Place {
  const { region, org, site, device } = address;
  const own = { region, org, site, ...place, device, rule: rule.id };
  return { tags: own, channel: channelOf(tags, address) };
}

/** A shelf's rows are those of the device that it names, else of the hub. */
export function placeOfShelf({ rule, where, until }: Shelf, hub: DeviceAddress): Place {
  const { region, org, site, device } = { ...hub, ...where };
  const tags: Tags = { region, org, site, device, rule };
  const channel = Object.entries(where).filter(([name]) => tags[name] === undefined);
  return { tags, channel: Object.fromEntries(channel), until };
}
