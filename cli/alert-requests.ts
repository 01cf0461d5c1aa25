/**
 * What clients may ask of a hub's alerts: what there is, and to acknowledge, shelve and unshelve.
 * Who acts needs the user's leave (`ask`), and may act only on alerts that the user may read.
 */
import type { ActiveAlert, AlertPick, Alerts, Shelf } from "../alerts/index.ts";
import type { AskedBy, HubRequest } from "../broker/index.ts";
import { defineRequest, mayRead } from "../broker/index.ts";
import { duration, text, v } from "../config/index.ts";
import type { DeviceAddress } from "../telemetry/index.ts";
import { GatewayError, topicOf, topicRoot } from "../telemetry/index.ts";

/** Where a part of an answer ends; the next item is 32 KiB at most, the whole may be 128 KiB. */
const enough = 65_536;

const pick = {
  rule: text,
  where: v.optional(v.record(v.string(), v.string()), {}),
  comment: v.optional(v.string(), ""),
};

const forms = {
  list: v.strictObject({}),
  pick: v.strictObject(pick),
  shelve: v.strictObject({ ...pick, for: duration }),
};

export function alertRequests(alerts: Pick<Alerts, "firing" | "acts">): readonly HubRequest[] {
  const { acts } = alerts;
  return [
    defineRequest({
      name: "alerts",
      about: "Gives what is pending, firing or unknown, what is shelved, and the alarm load.",
      args: forms.list,
      answer: (_args, by) => listed(alerts, by),
    }),
    defineRequest({
      name: "alerts-acknowledge",
      about: "Give `rule`, `where` (tags) and `comment`: you look after these until they resolve.",
      acts: true,
      args: forms.pick,
      async *answer({ rule, where, comment }, by) {
        const may = (address: DeviceAddress): boolean => mayRead(by, topicOf(address, "alert"));
        const count = await acts.acknowledge({ rule, where, may }, { by: by.name, comment });
        yield { count };
      },
    }),
    defineRequest({
      name: "alerts-shelve",
      about: "Give `rule`, `where`, `for` (as 2h, 30d at most) and `comment`.",
      acts: true,
      args: forms.shelve,
      async *answer({ rule, where, comment, for: length }, by) {
        mayPick(by, where);
        yield await acts.shelve({ rule, where }, { by: by.name, comment, length });
      },
    }),
    defineRequest({
      name: "alerts-unshelve",
      about: "Give `rule` and `where` as they were shelved.",
      acts: true,
      args: forms.pick,
      async *answer({ rule, where, comment }, by) {
        mayPick(by, where);
        yield await acts.unshelve({ rule, where }, { by: by.name, comment });
      },
    }),
  ];
}

/** What the `alerts` request gives, in parts. */
export interface AlertList {
  readonly alerts?: readonly ActiveAlert[];
  readonly shelves?: readonly Shelf[];
  readonly load?: Alerts["acts"]["load"];
}

async function* listed(alerts: Pick<Alerts, "firing" | "acts">, by: AskedBy) {
  const mine = alerts.firing().alerts.filter((one) => mayRead(by, topicOf(one.address, "alert")));
  for (const some of portions(mine)) {
    yield await Promise.resolve<AlertList>({ alerts: some });
  }
  const { shelves, load } = alerts.acts;
  const own = shelves.filter(({ where }) => mayRead(by, filterOf(where)));
  for (const some of portions(own)) yield { shelves: some } satisfies AlertList;
  // The load is of the whole hub.
  if (mayRead(by, filterOf({}))) yield { load } satisfies AlertList;
}

/** Items in portions that fit a part. */
function* portions<T>(items: readonly T[]): Generator<readonly T[]> {
  let some: T[] = [];
  let length = 0;
  for (const item of items) {
    some.push(item);
    length += JSON.stringify(item).length;
    if (length < enough) continue;
    yield some;
    [some, length] = [[], 0];
  }
  if (some.length > 0) yield some;
}

/** @throws E_ALERT_ACT when the user may not read all that would be shelved */
function mayPick(by: AskedBy, where: AlertPick["where"]): void {
  const filter = filterOf(where);
  if (mayRead(by, filter)) return;
  const why = `${by.name} may not read ${filter}; name region, org, site and device within reach`;
  throw new GatewayError("E_ALERT_ACT", why);
}

/** The topics of all alerts that may be picked so. */
function filterOf({ region, org, site, class: deviceClass, device }: AlertPick["where"]): string {
  const levels = [region, org, site, deviceClass, device].map((level) => level ?? "+");
  return `${topicRoot}/${levels.join("/")}/alert`;
}
