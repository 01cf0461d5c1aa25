/** The arguments of `rackstreet query` as a question to the store, with complaints that help. */
import { duration, nearest, v, whole } from "../config/index.ts";
import type { Aggregate, Query, QuerySeries, Store } from "../store/index.ts";
import { aggregates } from "../store/index.ts";
import type { Tags } from "../telemetry/index.ts";
import {
  channelTagOf,
  fieldFacts,
  GatewayError,
  isStoredName,
  numberingFields,
  placeTags,
  rolledFieldOf,
  rollupAggregates,
  rollupOf,
  rollupWindows,
} from "../telemetry/index.ts";
import { durationArgument, parsedArgument } from "./command.ts";
import { shownAge } from "./values.ts";

export interface QueryArguments {
  readonly field: readonly string[];
  readonly aggregate: string;
  readonly since: string;
  readonly until: string;
  readonly every: string | undefined;
  readonly where: readonly string[];
  readonly by: readonly string[] | undefined;
  readonly quality: number | undefined;
}

interface Asking {
  readonly given: QueryArguments;
  /** @unit ms since 1970-01-01 UTC */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** @throws E_USAGE, E_QUERY */
export async function queryOf(
  store: Store,
  measurement: string,
  { given, now, signal }: Asking,
): Promise<Query> {
  if (!isStoredName(measurement)) {
    refuseUnknown(measurement, await store.measurements(signal), "measurement");
  }
  const stored = await store.fields(measurement, signal);
  const telling = stored.filter((field) => isTelling(measurement, field));
  const fields = given.field.length > 0 ? given.field : telling;
  const rollup = rollupOf(measurement);
  for (const field of fields) {
    if (fieldFacts(measurement, field) === undefined) refuseUnknown(field, stored, "field");
  }
  const from = momentArgument("since", given.since, now);
  const to = momentArgument("until", given.until, now);
  if (from >= to) {
    const why = `--since ${given.since} must lie further back than --until ${given.until}`;
    throw new GatewayError("E_USAGE", why);
  }
  return {
    measurement,
    fields,
    aggregate: aggregateOf(given.aggregate),
    from,
    to,
    // Of a roll-up every row is wanted, not the last one.
    every:
      given.every === undefined
        ? rollup && rollupWindows[rollup.window]
        : durationArgument("every", given.every),
    where: Object.fromEntries(given.where.map((text) => tagOf(text, measurement))),
    groupBy: (given.by ?? ["device", ...channelTags(measurement)]).map((tag) =>
      knownTag("by", tag, measurement),
    ),
    worstQuality:
      given.quality === undefined
        ? undefined
        : parsedArgument("quality", given.quality, whole(0, 4)),
  };
}

/** What is shown unless fields are named: of a roll-up one value of each, mean, rise or last. */
function isTelling(measurement: string, name: string): boolean {
  if (name === "q" || numberingFields.has(name)) return false;
  const rollup = rollupOf(measurement);
  if (rollup === undefined) return true;
  const rolled = rolledFieldOf(rollup.of, name);
  if (rolled === undefined) return false;
  const kept = rollupAggregates(rolled.field);
  const best = (["mean", "delta", "last"] as const).find((aggregate) => kept.includes(aggregate));
  return rolled.aggregate === best;
}

/** The channel tag of a measurement in a list, which is empty where it has none. */
export function channelTags(measurement: string): string[] {
  const channel = channelTagOf(measurement);
  return channel === undefined ? [] : [channel];
}

/** The channel of a row, or "". */
export function channelIn(measurement: string, tags: Tags): string {
  const [tag] = channelTags(measurement);
  return tag === undefined ? "" : (tags[tag] ?? "");
}

/** Every tag that a line of a measurement may have. */
export function lineTags(measurement: string): string[] {
  return [...placeTags, ...channelTags(measurement)];
}

const moment =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * A moment: how far back (`5m`), a date (its beginning in UTC) or an ISO 8601 instant, in UTC
 * where it names no zone. @unit ms since 1970-01-01 UTC
 * @throws E_USAGE
 */
export function momentArgument(name: string, text: string, now: number): number {
  const back = v.safeParse(duration, text);
  if (back.success) return now - back.output;
  const [, year = "", month = "", day = "", clock = "00:00", zone = "Z"] = moment.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${clock}${zone}`);
  // Date takes the 30th of February for the second of March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (!Number.isNaN(time) && date.getUTCDate() === Number(day)) return time;
  const why = `"${text}" is neither a duration (5m, 7d) nor a date nor an ISO 8601 instant`;
  throw new GatewayError("E_USAGE", `--${name}: ${why}, as in 2026-11-24 or 2026-11-24T08:00:00Z`);
}

function aggregateOf(name: string): Aggregate {
  const found = aggregates.find((aggregate) => aggregate === name);
  if (found !== undefined) return found;
  throw new GatewayError("E_USAGE", `--aggregate: one of ${aggregates.join(", ")}`);
}

/** A name of the register may be empty for now; any other is asked for only where it is stored. */
function refuseUnknown(name: string, stored: readonly string[], what: string): void {
  if (stored.length === 0 || stored.includes(name)) return;
  throw new GatewayError("E_QUERY", `no ${what} ${name} is stored; ${hintOf(name, stored)}`);
}

/** Names that a complaint lists. */
const shownNames = 50;

function hintOf(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  const more = known.length > shownNames ? " …" : "";
  return `there are ${known.slice(0, shownNames).join(", ")}${more}`;
}

function tagOf(text: string, measurement: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new GatewayError("E_USAGE", `--where ${text}: write TAG=VALUE`);
  return [knownTag("where", text.slice(0, at), measurement), text.slice(at + 1)];
}

/** Every row has the same tags: a place, and the channel of its measurement. */
function knownTag(option: string, tag: string, measurement: string): string {
  const known = lineTags(measurement);
  // What is not in the register was written by others, with tags of their own.
  if (known.includes(tag) || !isStoredName(measurement)) return tag;
  throw new GatewayError(
    "E_USAGE",
    `--${option} ${tag}: ${measurement} has no such tag; ${hintOf(tag, known)}`,
  );
}

/** Most rows that a store answers. */
const maxRows = 100_000;

/**
 * Asks the store.
 * @throws E_QUERY with what to do about an answer that is too long
 */
export async function answerOf(
  store: Pick<Store, "query">,
  query: Query,
  signal: AbortSignal,
): Promise<readonly QuerySeries[]> {
  if (query.fields.length === 0) return [];
  try {
    return await store.query(query, signal);
  } catch (cause) {
    const { from, to, every = to - from } = query;
    const windows = Math.ceil((to - from) / every);
    const long = cause instanceof GatewayError && cause.code === "E_QUERY" && windows > maxRows;
    if (!long) throw cause;
    const size = `--every ${shownAge(every)} over ${shownAge(to - from)} is up to ${windows}`;
    throw new GatewayError("E_QUERY", `${cause.message}: ${size} windows a series`, { cause });
  }
}

/** Why an answer is empty, as far as it can be told: a value of --where that nobody has. */
export async function emptinessOf(
  store: Store,
  query: Query,
  signal: AbortSignal,
): Promise<string> {
  const { measurement, fields, from, to, where = {} } = query;
  const nothing = `nothing in ${measurement} in this time`;
  const tags = Object.keys(where);
  if (tags.length === 0 || fields.length === 0) return nothing;
  const asked = { measurement, fields, from, to, groupBy: tags, aggregate: "count" as const };
  const there = await store.query(asked, signal);
  for (const [tag, value] of Object.entries(where)) {
    const values = [...new Set(there.map(({ tags }) => tags[tag] ?? ""))].filter(Boolean);
    if (values.length === 0 || values.includes(value)) continue;
    return `${nothing} with ${tag}=${value}; ${hintOf(value, values)}`;
  }
  return nothing;
}
