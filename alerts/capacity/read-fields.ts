/**
 * Reads series of the store into windows: from 5 min roll-ups where they are kept, and from rows
 * what these do not have yet. One answer holds three days at most, so that nobody waits long.
 */
import type { Query, QueryRow, Store } from "../../store/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import { channelTagOf, rolledName, rollupName } from "../../telemetry/index.ts";
import type { Frame, Samples } from "./samples.ts";
import { day, windowsIn } from "./samples.ts";

export interface Reading {
  readonly frame: Frame;
  /** @unit ms */
  readonly since: number;
  readonly least: number;
  /** Of the site: rows of others are not looked at. */
  readonly tags: Tags;
  /** Told after each element. */
  readonly progress?: (done: number, all: number) => void;
}

export type Asked = Pick<Store, "query" | "measurements">;

/** Where and how it is asked. */
export interface Asking {
  readonly store: Asked;
  /** Measurements that hold data. */
  readonly stored: ReadonlySet<string>;
  readonly reading: Reading;
  readonly signal: AbortSignal;
}

/** @throws E_STORE_DOWN, E_STORE_CONFIG */
export async function openAsking(
  store: Asked,
  { reading, signal }: { readonly reading: Reading; readonly signal: AbortSignal },
): Promise<Asking> {
  return { store, stored: new Set(await store.measurements(signal)), reading, signal };
}

/** Windows that roll-ups are kept in. @unit ms */
export const rolledEvery = 300_000;

/** Longest span of one answer. @unit ms */
const longestSpan = 3 * day;

/** Worst quality that counts: 2 and worse are uncertain. */
const worstQuality = 1;

export interface FieldsAsked {
  readonly device: string;
  readonly measurement: string;
  readonly channel: string;
  readonly fields: readonly string[];
  /** What stands for a window. Default: the mean. */
  readonly aggregate?: "mean" | "last";
}

/**
 * Fields that have a row.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function readFields(
  asked: FieldsAsked,
  asking: Asking,
): Promise<ReadonlyMap<string, Samples>> {
  const { frame } = asking.reading;
  const found = new Windows(frame);
  const rolled = rollupName(asked.measurement, "5m");
  let from = frame.from;
  if (frame.every % rolledEvery === 0 && asking.stored.has(rolled)) {
    const names = asked.fields.map((field) => rolledName(asked.aggregate ?? "mean", field));
    const last = await fill(found, { ...asked, measurement: rolled, names, from }, asking);
    from = last + frame.every;
  }
  if (from < frame.to) await fill(found, { ...asked, names: asked.fields, from }, asking);
  return found.samples;
}

/** What is asked, and what the fields are called where it rests. */
interface Named extends FieldsAsked {
  readonly names: readonly string[];
  readonly from: number;
}

/** Puts values into windows; returns the last window that has one, or one before the first. */
async function fill(found: Windows, asked: Named, asking: Asking): Promise<number> {
  const { device, measurement, channel, names, aggregate = "mean" } = asked;
  const { frame, tags } = asking.reading;
  const tag = channelTagOf(measurement);
  const on = tag === undefined || channel === "" ? {} : { [tag]: channel };
  const where = { ...tags, device, ...on };
  let last = asked.from - frame.every;
  for (let from = asked.from; from < frame.to; from += longestSpan) {
    const to = Math.min(frame.to, from + longestSpan);
    const span = { measurement, fields: names, aggregate, from, to, every: frame.every, where };
    const series = await asking.store.query({ ...span, worstQuality }, asking.signal);
    for (const row of series.flatMap(({ rows }) => rows)) {
      last = Math.max(last, row.time);
      found.put(row, asked);
    }
  }
  return last;
}

/** The windows of a frame, by field; of a field without a value there are none. */
class Windows {
  readonly samples = new Map<string, Samples>();
  readonly #frame: Frame;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  put({ time, values }: QueryRow, { fields, names }: Named): void {
    const window = Math.round((time - this.#frame.from) / this.#frame.every);
    for (const [at, field] of fields.entries()) {
      const value = values[names[at] ?? ""];
      if (typeof value === "number") this.#of(field)[window] = value;
    }
  }

  #of(field: string): Samples {
    const none = (): Samples => new Float64Array(windowsIn(this.#frame)).fill(Number.NaN);
    const known = this.samples.get(field) ?? none();
    this.samples.set(field, known);
    return known;
  }
}

/** A series that has rows in the frame, and where its rows say that it is. */
export interface FoundSeries {
  readonly device: string;
  /** Value of the channel tag, or empty. */
  readonly channel: string;
  readonly rack: string;
  readonly zone: string;
}

/**
 * The series that have any of these fields: in roll-ups where they are kept, else in rows.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
 */
export async function seriesWith(
  measurement: string,
  fields: readonly string[],
  { store, stored, reading: { frame, tags }, signal }: Asking,
): Promise<readonly FoundSeries[]> {
  const rolled = rollupName(measurement, "5m");
  const isRolled = stored.has(rolled);
  if (!isRolled && !stored.has(measurement)) return [];
  const tag = channelTagOf(measurement);
  const query: Query = {
    measurement: isRolled ? rolled : measurement,
    fields: isRolled ? fields.map((field) => rolledName("last", field)) : fields,
    aggregate: "count",
    from: frame.from,
    to: frame.to,
    where: tags,
    groupBy: ["zone", "rack", "device", ...(tag === undefined ? [] : [tag])],
    worstQuality,
  };
  const found = new Map<string, FoundSeries>();
  for (const { tags: own } of await store.query(query, signal)) {
    const { device = "", rack = "", zone = "" } = own;
    const channel = tag === undefined ? "" : (own[tag] ?? "");
    // One that was moved to another rack meanwhile is still one.
    found.set(JSON.stringify([device, channel]), { device, channel, rack, zone });
  }
  return [...found.values()];
}
