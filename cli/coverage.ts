/**
 * How many rows stand behind an aggregate, and how many should: a device that is read every 5 s
 * has twelve rows in a minute. A group expects the sum of its devices and channels; where one of
 * them does not say how often it is read, nothing is expected of the whole.
 */
import type { Tags } from "../telemetry/index.ts";
import type { Query, QueryRow, QuerySeries, Store } from "../store/index.ts";
import type { Provenances } from "./provenance.ts";
import { deviceKey, paceOf } from "./provenance.ts";
import { channelIn, channelTags } from "./query-ask.ts";

/** A row with the number of rows that each of its values should stand on, where it is known. */
export interface CoveredRow extends QueryRow {
  readonly expected?: Readonly<Record<string, number>>;
}

export interface CoveredSeries extends QuerySeries {
  readonly rows: readonly CoveredRow[];
}

/** One channel of one device in the time asked for, with its fields. */
export interface Member {
  readonly tags: Tags;
  readonly fields: ReadonlySet<string>;
}

/** Every channel of every device that has a row in the time asked for, whatever its quality. */
export async function membersOf(
  store: Store,
  query: Query,
  signal: AbortSignal,
): Promise<readonly Member[]> {
  const { measurement, fields, from, to, where, groupBy = [] } = query;
  const identity = ["region", "org", "site", "device", ...channelTags(measurement)];
  const by = [...new Set([...groupBy, ...identity])];
  const asked = { measurement, fields, from, to, where, groupBy: by, aggregate: "count" as const };
  const series = await store.query(asked, signal);
  return series.map(({ tags, rows }) => ({
    tags,
    fields: new Set(rows.flatMap(({ values }) => Object.keys(values))),
  }));
}

/** The answer of a query with what each value should stand on. */
export function covered(
  query: Query,
  series: readonly QuerySeries[],
  { members, known }: { readonly members: readonly Member[]; readonly known: Provenances },
): CoveredSeries[] {
  const { groupBy = [] } = query;
  const groups = Map.groupBy(members, ({ tags }) => groupKey(tags, groupBy));
  return series.map(({ tags, rows }) => {
    const group = groups.get(groupKey(tags, groupBy)) ?? [];
    const paces = new Map(
      query.fields.map((field) => [field, pacesOf(query, field, { group, known })]),
    );
    return { tags, rows: rows.map((row) => coveredRow(query, row, paces)) };
  });
}

function groupKey(tags: Tags, groupBy: readonly string[]): string {
  return JSON.stringify(groupBy.map((tag) => tags[tag] ?? ""));
}

/** How often each member of a group gives a field; undefined when one does not say it. */
function pacesOf(
  { measurement }: Query,
  field: string,
  { group, known }: { readonly group: readonly Member[]; readonly known: Provenances },
): readonly number[] | undefined {
  const paces = group
    .filter(({ fields }) => fields.has(field))
    .map(({ tags }) => {
      const device = known.get(deviceKey(tags));
      const channel = channelIn(measurement, tags);
      return device && paceOf(device, { measurement, channel, field });
    });
  const given = paces.filter((pace) => pace !== undefined);
  return given.length === paces.length && paces.length > 0 ? given : undefined;
}

function coveredRow(
  { from, to, every }: Query,
  row: QueryRow,
  paces: ReadonlyMap<string, readonly number[] | undefined>,
): CoveredRow {
  const begin = every === undefined ? from : Math.max(from, row.time);
  const end = every === undefined ? to : Math.min(to, row.time + every);
  const expected: Record<string, number> = {};
  for (const field of Object.keys(row.values)) {
    const given = paces.get(field);
    if (given === undefined) continue;
    // Rounded down, so that a window that has all it can have is never called short.
    expected[field] = given.reduce(
      (sum, pace) => sum + Math.max(1, Math.floor((end - begin) / pace)),
      0,
    );
  }
  return Object.keys(expected).length === 0 ? row : { ...row, expected };
}

/** Which share of its rows a value has, at most 1; undefined when nothing is expected. */
export function shareOf({ counts, expected }: CoveredRow, field: string): number | undefined {
  const all = expected?.[field];
  return all === undefined ? undefined : Math.min(1, (counts[field] ?? 0) / all);
}

/** The answer without values whose share is less, and how many were left out. */
export function leaveOut(
  series: readonly CoveredSeries[],
  least: number,
): { readonly series: readonly CoveredSeries[]; readonly left: number; readonly unknown: boolean } {
  let left = 0;
  let unknown = false;
  const kept = series.map(({ tags, rows }) => ({
    tags,
    rows: rows.flatMap((row) => {
      const values = Object.entries(row.values).filter(([field]) => {
        const share = shareOf(row, field);
        unknown ||= share === undefined;
        return share !== undefined && share >= least;
      });
      left += Object.keys(row.values).length - values.length;
      return values.length === 0 ? [] : [{ ...row, values: Object.fromEntries(values) }];
    }),
  }));
  return { series: kept.filter(({ rows }) => rows.length > 0), left, unknown };
}
