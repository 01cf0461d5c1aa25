/**
 * `rackstreet query --explain`: from a value back to where it came from. The store keeps no raw
 * words: they are worked out through the profile in reverse, and read anew with --live.
 */
import type { Place, Step, Trace } from "../drivers/index.ts";
import { drivers } from "../drivers/index.ts";
import type { Query, QueryRow, Store } from "../store/index.ts";
import type { FieldValue, Tags } from "../telemetry/index.ts";
import { fieldFacts, GatewayError, quality, topicOf } from "../telemetry/index.ts";
import type { CoveredRow } from "./coverage.ts";
import { covered } from "./coverage.ts";
import type { LinedSource, Provenance, Provenances } from "./provenance.ts";
import { deviceKey, sourceIn } from "./provenance.ts";
import { channelIn, lineTags } from "./query-ask.ts";
import type { Arrangement } from "./query-show.ts";
import { arranged } from "./query-show.ts";
import type { ReadOnce } from "./read-device.ts";

/** Most values explained at once: each is asked for by itself. */
const maxExplained = 24;

/** What stands behind one value. All of it is JSON; what is not known is absent. */
export interface Explained {
  readonly measurement: string;
  readonly field: string;
  readonly value: FieldValue;
  /** UCUM. */
  readonly unit: string | undefined;
  readonly aggregate: string;
  readonly tags: Tags;
  /** The row's own time, for a value that is one row's. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
  /** What was summed up. @unit ms since 1970-01-01 UTC */
  readonly window: { readonly from: number; readonly to: number };
  /** Rows behind it, and how many there should be. */
  readonly rows: number;
  readonly expected: number | undefined;
  /** Quality of the row, or the worst in the window. */
  readonly q: number | undefined;
  readonly quality: string | undefined;
  /** Who said the rest; absent: nobody knows the device. */
  readonly told: Provenance["told"] | undefined;
  readonly agent: string | undefined;
  readonly class: string | undefined;
  readonly topic: string | undefined;
  readonly driver: string | undefined;
  readonly interval_ms: number | undefined;
  readonly endpoint: Provenance["endpoint"] | undefined;
  readonly profile: ExplainedProfile | undefined;
  readonly source: ExplainedSource | undefined;
  readonly raw: ExplainedRaw | undefined;
  /** From the wire to the stored value. */
  readonly steps: readonly Step[] | undefined;
  readonly live: ExplainedLive | undefined;
}

interface ExplainedProfile {
  readonly id: string;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  readonly documents: readonly string[];
  readonly caveats: readonly string[];
  /** `eastron-sdm630.yaml:61` */
  readonly line: string | undefined;
}

interface ExplainedSource {
  readonly at: string;
  readonly every_ms: number | undefined;
  readonly [fact: string]: unknown;
}

interface ExplainedRaw {
  /** Worked out from the value, and found to give it again. */
  readonly how: "derived";
  readonly words: string | undefined;
  readonly unique: boolean;
  readonly doubts: readonly string[];
}

interface ExplainedLive {
  /** When the device had answered. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly words: string | undefined;
  readonly value: FieldValue | undefined;
  readonly faults: readonly string[];
}

/** What explaining needs besides the question. */
export interface Witnesses {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Who devices are, by `deviceKey`; asked once for all that turn up. */
  readonly provenances: (devices: readonly Tags[]) => Promise<Provenances>;
  /** Reads a device now; undefined when nobody asked for that. */
  readonly live: ((device: Tags) => Promise<ReadOnce>) | undefined;
}

/** One value of the answer, with the question that it answers. */
interface Found {
  readonly query: Query;
  readonly field: string;
  readonly tags: Tags;
  readonly row: QueryRow;
}

/**
 * Explains every value of an answer.
 * @throws E_USAGE when there are too many, and what store, driver and broker throw
 */
export async function explainAnswer(
  query: Query,
  arrangement: Arrangement,
  witnesses: Witnesses,
): Promise<Explained[]> {
  const found = await valuesOf(query, arrangement, witnesses);
  const known = await witnesses.provenances(found.map(({ tags }) => tags));
  const read = new Map<string, ReadOnce>();
  const explained: Explained[] = [];
  for (const one of found) {
    const device = deviceKey(one.tags);
    if (witnesses.live !== undefined && !read.has(device)) {
      read.set(device, await witnesses.live(one.tags));
    }
    explained.push(await explain(one, { witnesses, known, read: read.get(device) }));
  }
  return explained;
}

/** Each field is asked for by itself: `last` then has the time of its own row. */
async function valuesOf(
  query: Query,
  arrangement: Arrangement,
  { store, signal }: Witnesses,
): Promise<Found[]> {
  const groupBy = lineTags(query.measurement);
  const found: Found[] = [];
  for (const field of query.fields) {
    const asked = { ...query, fields: [field], groupBy };
    for (const { tags, rows } of arranged(await store.query(asked, signal), arrangement)) {
      const there = Object.entries(tags).filter(([, value]) => value !== "");
      const present = Object.fromEntries(there);
      for (const row of rows) found.push({ query: asked, field, tags: present, row });
    }
    refuseMany(found.length);
  }
  return found;
}

/** @throws E_USAGE */
function refuseMany(count: number): void {
  if (count <= maxExplained) return;
  const why = `--explain explains up to ${maxExplained} values, these are ${count} or more`;
  throw new GatewayError("E_USAGE", `${why}; name --field, --where device=… or --limit 1`);
}

interface Context {
  readonly witnesses: Witnesses;
  readonly known: Provenances;
  readonly read: ReadOnce | undefined;
}

async function explain(found: Found, { witnesses, known, read }: Context): Promise<Explained> {
  const { query, field, tags, row } = found;
  const { measurement, aggregate } = query;
  const value = row.values[field] ?? "";
  const place = { measurement, channel: channelIn(measurement, tags), field };
  const provenance = known.get(deviceKey(tags));
  const source = provenance && sourceIn(provenance, place);
  const way = source && isOneRows(aggregate) ? wayOf(provenance, source, value) : undefined;
  const { time, q } = await rowOf(found, witnesses);
  return {
    measurement,
    field,
    value,
    unit: fieldFacts(measurement, field)?.unit?.ucum,
    aggregate,
    tags,
    time,
    window: windowOf(query, row),
    rows: row.counts[field] ?? 0,
    expected: expectedOf(found, known),
    q,
    quality: q === undefined ? undefined : qualityText(q),
    ...ofDevice(provenance),
    profile: provenance && profileOf(provenance, source),
    source: source && { at: source.at, every_ms: source.every, ...(way?.facts ?? source.form) },
    raw: way && rawOf(way),
    steps: way && [...way.steps, storeStep(measurement, field, value)],
    live: read && liveOf(read, place),
  };
}

/** Whether the value of an aggregate is the value of one of its rows. */
function isOneRows(aggregate: string): boolean {
  return ["first", "last", "min", "max"].includes(aggregate);
}

function wayOf({ driver }: Provenance, source: LinedSource, value: FieldValue) {
  return drivers[driver]?.explain?.(source, value);
}

function rawOf({ raw, doubts }: NonNullable<ReturnType<typeof wayOf>>): ExplainedRaw {
  return { how: "derived", words: raw, unique: raw !== undefined && doubts.length === 0, doubts };
}

function storeStep(measurement: string, field: string, value: FieldValue): Step {
  const unit = fieldFacts(measurement, field)?.unit?.ucum ?? "1";
  return {
    does: `store as ${field}${unit === "1" ? "" : ` in ${unit}`}`,
    gives: String(value),
  };
}

function windowOf({ from, to, every }: Query, { time }: QueryRow): Explained["window"] {
  if (every === undefined) return { from, to };
  return { from: Math.max(from, time), to: Math.min(to, time + every) };
}

function expectedOf({ query, field, tags, row }: Found, known: Provenances): number | undefined {
  const members = [{ tags, fields: new Set([field]) }];
  const [series] = covered(query, [{ tags, rows: [row] }], { members, known });
  const [one]: readonly CoveredRow[] = series?.rows ?? [];
  return one?.expected?.[field];
}

/** Time and quality of the row of a `first` or `last`; of other aggregates the worst quality. */
async function rowOf(
  { query, field, tags, row }: Found,
  { store, signal }: Witnesses,
): Promise<{ readonly time: number | undefined; readonly q: number | undefined }> {
  const { measurement, aggregate, worstQuality } = query;
  const window = windowOf(query, row);
  const asked = { measurement, ...window, where: tags, worstQuality };
  if (aggregate !== "first" && aggregate !== "last") {
    const answer = await store.query({ ...asked, fields: ["q"], aggregate: "max" }, signal);
    return { time: undefined, q: Number(answer[0]?.rows[0]?.values["q"] ?? quality.good) };
  }
  let { time } = row;
  if (query.every !== undefined) {
    const answer = await store.query({ ...asked, fields: [field], aggregate }, signal);
    time = answer[0]?.rows[0]?.time ?? time;
  }
  const own = { measurement, from: time, to: time + 1, where: tags };
  for await (const lines of store.scan(own, signal)) {
    const line = lines.find(({ fields }) => fields[field] !== undefined);
    if (line !== undefined) return { time, q: Number(line.fields["q"] ?? quality.good) };
  }
  return { time, q: undefined };
}

const qualities: Readonly<Record<number, string>> = {
  [quality.good]: "good",
  [quality.substituted]: "substituted: put in for a value that was not read",
  [quality.uncertain]: "uncertain: a value of the row is outside its valid range",
  [quality.stale]: "stale: the device had given nothing newer",
  [quality.noCommunication]: "no communication with the device",
};

function qualityText(q: number): string {
  return qualities[q] ?? "not one of ours";
}

function ofDevice(known: Provenance | undefined) {
  return {
    told: known?.told,
    agent: known?.agent,
    class: known?.address.class,
    topic: known && topicOf(known.address, "telemetry"),
    driver: known?.driver,
    interval_ms: known?.interval,
    endpoint: known?.endpoint,
  };
}

function profileOf(
  known: Provenance,
  source: LinedSource | undefined,
): ExplainedProfile | undefined {
  const { profile: id, vendor, model, documents, caveats } = known;
  if (id === undefined) return undefined;
  return { id, vendor, model, documents, caveats, line: source?.line };
}

function liveOf({ reading, traces, time }: ReadOnce, place: Omit<Place, "at">): ExplainedLive {
  const { measurement, channel, field } = place;
  const trace = traces.find((one: Trace) => {
    return one.measurement === measurement && one.channel === channel && one.field === field;
  });
  const point = reading.points.find(
    (one) => one.measurement === measurement && channelIn(measurement, one.tags ?? {}) === channel,
  );
  const faults = reading.faults.map(({ code, at }) => `${code} at ${at}`);
  return { time, words: trace?.raw, value: point?.fields[field], faults };
}
