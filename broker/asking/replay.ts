/**
 * `replay`: batches of devices as they rest in the store, by time or by their numbers, to who asked
 * for them alone. A reader of `telemetry` takes nothing old for current.
 *
 * Bounds: 100 devices, 100,000 batches and ten minutes a request, 20 parts of 64 KiB a second, two
 * replays at once on a hub, each part no sooner than the client has taken the one before.
 */
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import type { Clock, DeviceAddress, Line, Point } from "../../telemetry/index.ts";
import {
  GatewayError,
  isRecord,
  measurementEntry,
  numberingFields,
  sleep,
  topicOf,
} from "../../telemetry/index.ts";
import type { AskedBy, HubRequest } from "./request.ts";
import { AskProblem, defineRequest } from "./request.ts";
import type { Found, Retained } from "./retained.ts";
import { bodyOf, filterForm, filtersFor, foundIn } from "./retained.ts";
import { momentsOf } from "./rows.ts";

export interface ReplayParts {
  readonly retained: Retained;
  readonly store: Pick<Store, "scan" | "measurements">;
  /** Whether the store answers now. */
  readonly storeUp: () => boolean;
  readonly clock: Pick<Clock, "now" | "after">;
}

/** A batch as it rests. */
export interface ReplayedBatch {
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  /** Its number, and the last 8 digits of the stream that it is in; absent where none is stored. */
  readonly seq?: number;
  readonly stream?: string;
  readonly points: readonly Point[];
}

const most = { devices: 100, batches: 100_000, atOnce: 2 } as const;
/** @unit ms */
const within = 600_000;
/** Between two parts at least. @unit ms */
const pace = 50;
/** What a part holds. @unit bytes */
const partBytes = 65_536;
/** How far back numbers are looked for where no time is given. @unit ms */
const usualSpan = 86_400_000;

const time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4_102_444_800_000));
const number = v.pipe(v.number(), v.integer(), v.minValue(1));
const args = v.strictObject({
  filter: filterForm,
  from: v.optional(time),
  to: v.optional(time),
  seq: v.optional(v.strictTuple([number, number])),
  stream: v.optional(v.pipe(v.string(), v.regex(/[0-9a-f]{8}$/, "must end in 8 hex digits"))),
  most: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most.batches))),
});
type Args = v.InferOutput<typeof args>;

/** The parts are `{topic, batches}`; the last says how many there were: `{batches, all}`. */
export function replayRequest(parts: ReplayParts): HubRequest {
  let running = 0;
  return defineRequest({
    name: "replay",
    about: 'give "filter" and "from" (ms UTC), or "filter" and "seq": [first, last]',
    args,
    within,
    async *answer(asked, by, signal) {
      if (!parts.storeUp()) throw new GatewayError("E_STORE_DOWN", "the store is down");
      if (running >= most.atOnce) {
        throw new AskProblem(`${running} replays are under way`, "ask again later", "busy");
      }
      running += 1;
      try {
        yield* replay(asked, { ...parts, by, signal });
      } finally {
        running -= 1;
      }
    },
  });
}

interface Asked extends ReplayParts {
  readonly by: AskedBy;
  readonly signal: AbortSignal;
}

async function* replay(asked: Args, parts: Asked): AsyncGenerator<object> {
  const { signal, clock } = parts;
  const { to = clock.now() + 1, seq, most: limit = most.batches } = asked;
  const from = asked.from ?? (seq === undefined ? undefined : to - usualSpan);
  if (from === undefined || from >= to) {
    throw new AskProblem("there is no time in this", 'give "from", and "to" after it', "arguments");
  }
  let count = 0;
  for (const found of devicesWithin(asked.filter, parts)) {
    const batches = batchesOf(found.address, { from, to }, parts);
    for await (const list of listed(batches, asked, limit - count)) {
      if (signal.aborted) return;
      count += list.length;
      yield { topic: found.topic, batches: list };
      await sleep(clock, pace, signal);
    }
    if (count >= limit) break;
  }
  yield { batches: count, all: count < limit };
}

/** @throws AskProblem, E_ACCESS */
function devicesWithin(filter: string, { retained, by }: Asked): readonly Found[] {
  const found: Found[] = [];
  for (const device of foundIn(retained, filtersFor(by, filter), "telemetry")) {
    found.push(device);
    if (found.length <= most.devices) continue;
    throw new AskProblem(`more than ${most.devices} devices`, "narrow the filter", "arguments");
  }
  return found;
}

async function* batchesOf(
  address: DeviceAddress,
  span: { readonly from: number; readonly to: number },
  { retained, store, signal }: Asked,
): AsyncGenerator<ReplayedBatch> {
  const { region, org, site, device } = address;
  const [said] = retained(topicOf(address, "meta"));
  const described = said && bodyOf(said.payload)?.["measurements"];
  const all = isRecord(described) ? Object.keys(described) : await store.measurements(signal);
  const known = all.filter((name) => measurementEntry(name) !== undefined);
  const where = { region, org, site, device };
  const scans = known.map((measurement) => store.scan({ measurement, ...span, where }, signal));
  for await (const rows of momentsOf(scans)) yield batchOf(rows);
}

const identity: ReadonlySet<string> = new Set(["region", "org", "site", "zone", "rack", "device"]);

function batchOf(rows: readonly Line[]): ReplayedBatch {
  const numbers = rows.find(({ fields }) => "seq" in fields)?.fields ?? {};
  const points = rows.map(({ measurement, tags, fields }) => ({
    measurement,
    tags: without(tags, identity),
    fields: without(fields, numberingFields),
  }));
  const { seq, stream } = numbers;
  return {
    time: rows[0]?.time ?? 0,
    ...(typeof seq === "number" ? { seq } : {}),
    ...(typeof stream === "number" ? { stream: stream.toString(16).padStart(8, "0") } : {}),
    points,
  };
}

function without<T>(
  entries: Readonly<Record<string, T>>,
  names: ReadonlySet<string>,
): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).filter(([name]) => !names.has(name)));
}

/** What is asked for of the batches, in lists for parts. */
async function* listed(
  batches: AsyncIterable<ReplayedBatch>,
  { seq: [first, last] = [1, Number.POSITIVE_INFINITY], seq, stream }: Args,
  limit: number,
): AsyncGenerator<readonly ReplayedBatch[]> {
  let list: ReplayedBatch[] = [];
  let [bytes, count] = [0, 0];
  for await (const batch of batches) {
    const { seq: number = 0 } = batch;
    if (seq !== undefined && (number < first || number > last)) continue;
    if (stream !== undefined && batch.stream?.endsWith(stream.slice(-8)) !== true) continue;
    list.push(batch);
    count += 1;
    bytes += JSON.stringify(batch).length;
    if (bytes < partBytes && count < limit) continue;
    yield list;
    list = [];
    bytes = 0;
    if (count >= limit) return;
  }
  if (list.length > 0) yield list;
}
