/** `latest` and `catalog`: what is live now, of many devices in one request. */
import { levelName, v } from "../../config/index.ts";
import type { DeviceAddress, TopicKind } from "../../telemetry/index.ts";
import { isRecord, topicOf } from "../../telemetry/index.ts";
import { refusePublish } from "../access.ts";
import type { AskedBy, HubRequest } from "./request.ts";
import { defineRequest, mayRead } from "./request.ts";
import type { Found, Retained } from "./retained.ts";
import { bodyOf, filterForm, filtersFor, foundIn, inParts, saidOf } from "./retained.ts";

const args = v.strictObject({ filter: v.optional(filterForm) });
const latestArgs = v.strictObject({
  filter: v.optional(filterForm),
  device: v.optional(levelName),
  with: v.optional(v.literal("meta")),
});
const about = 'give "filter", a topic filter within what you may read, or nothing for all of that';
/** @unit ms */
const within = 300_000;

/**
 * The newest batch of each device: `[{topic, state, message}]`, `message` as it was published on
 * the topic, `state` as on the device's `state` topic; with `"with": "meta"` also `meta`, as
 * `catalog` has it; `device` is the name of the only one wanted.
 */
export function latestRequest(retained: Retained): HubRequest {
  return defineRequest({
    name: "latest",
    about,
    args: latestArgs,
    within,
    async *answer({ filter, device, with: more }, by) {
      const filters = filtersFor(by, filter);
      yield* inParts(latestOf(retained, filters, { by, device, describes: more === "meta" }));
    },
  });
}

/**
 * Which devices there are: `[{topic, kinds, state, meta}]`, `topic` without its last level, `kinds`
 * that its asker may hear or, `set`, write; `meta` without where each value comes from.
 */
export function catalogRequest(retained: Retained): HubRequest {
  return defineRequest({
    name: "catalog",
    about,
    args,
    within,
    async *answer({ filter }, by) {
      yield* inParts(catalogOf(retained, filtersFor(by, filter), by));
    },
  });
}

interface Wanted {
  readonly by: AskedBy;
  readonly device: string | undefined;
  readonly describes: boolean;
}

function* latestOf(
  retained: Retained,
  filters: readonly string[],
  { by, device, describes }: Wanted,
): Generator<readonly [object, number]> {
  for (const { address, topic, payload } of foundIn(retained, filters, "telemetry")) {
    if (device !== undefined && address.device !== device) continue;
    const message = bodyOf(payload);
    if (message === undefined) continue;
    const state = saidOf(retained, { address, kind: "state", by });
    const whole = describes ? saidOf(retained, { address, kind: "meta", by }) : undefined;
    const meta = whole && withoutSources(whole);
    const size = payload.length + (meta === undefined ? 0 : JSON.stringify(meta).length);
    const told = { ...(state === undefined ? {} : { state }), ...(meta && { meta }) };
    yield [{ topic, ...told, message }, size];
  }
}

/** Kinds that may come of a device. */
const heard = ["telemetry", "backfill", "event", "meta", "state", "alert"] as const;
/** And of a hub. */
const heardOfHub = ["telemetry", "meta", "alert"] as const;
/** And those that are about what may be set on it. */
const setting = ["set", "result"] as const;

function* catalogOf(
  retained: Retained,
  filters: readonly string[],
  by: AskedBy,
): Generator<readonly [object, number]> {
  for (const found of foundIn(retained, filters, "telemetry")) yield entryOf(retained, found, by);
  for (const found of foundIn(retained, filters, "meta")) {
    const [live] = retained(topicOf(found.address, "telemetry"));
    const listed = live !== undefined && mayRead(by, live.topic);
    if (!listed) yield entryOf(retained, found, by);
  }
}

function entryOf(
  retained: Retained,
  { address, topic }: Found,
  by: AskedBy,
): readonly [object, number] {
  const state = saidOf(retained, { address, kind: "state", by });
  const whole = saidOf(retained, { address, kind: "meta", by });
  const meta = whole && withoutSources(whole);
  const entry = {
    topic: topic.slice(0, topic.lastIndexOf("/")),
    kinds: kindsOf(address, meta, by),
    state: state ?? null,
    meta: meta ?? null,
  };
  return [entry, JSON.stringify(entry).length];
}

function kindsOf(
  address: DeviceAddress,
  meta: Record<string, unknown> | undefined,
  by: AskedBy,
): readonly TopicKind[] {
  const mayHear = (kind: TopicKind): boolean => mayRead(by, topicOf(address, kind));
  const settable =
    meta?.["settings"] !== undefined &&
    refusePublish(by.grant, topicOf(address, "set")) === undefined;
  const own = setting.filter((kind) => settable && (kind === "set" || mayHear(kind)));
  const kinds = address.class === "hub" ? heardOfHub : heard;
  return [...kinds.filter(mayHear), ...own];
}

/** Where values come from is of no use to who only reads them, and most of a `meta`. */
function withoutSources(meta: Record<string, unknown>): Record<string, unknown> {
  const { measurements } = meta;
  if (!isRecord(measurements)) return meta;
  const plain = Object.entries(measurements).map(([name, entry]) => {
    const fields = isRecord(entry) ? entry["fields"] : undefined;
    if (!isRecord(entry) || !isRecord(fields)) return [name, entry];
    const described = Object.entries(fields).map(([field, about]) => {
      if (!isRecord(about)) return [field, about];
      const { source: _, ...rest } = about;
      return [field, rest];
    });
    return [name, { ...entry, fields: Object.fromEntries(described) }];
  });
  return { ...meta, measurements: Object.fromEntries(plain) };
}
