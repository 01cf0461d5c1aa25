/**
 * Counters over time: how much several of them rose, all between the same two hours; where they
 * share no two yet, between two windows of 5 min. A counter misses nothing in a gap; one that falls
 * is not taken.
 */
import type { Series } from "../../config/index.ts";
import { seriesName } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { channelTagOf } from "../../telemetry/index.ts";
import type { Reading } from "./read-fields.ts";
import { rolledEvery } from "./read-fields.ts";

const hour = 3_600_000;

/** Hours, so that meters that are read once an hour count; of a young site what it has. */
const windows = [hour, rolledEvery] as const;

/** The last reading of each window, in order. */
type Readings = ReadonlyMap<number, number>;

/** How much each group of counters rose. */
export interface Rises {
  readonly rises: readonly number[];
  /** Both ends. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  readonly to: number;
}

/** Reads each counter once, whoever asks for it. */
export class Counters {
  readonly #store: Pick<Store, "query">;
  readonly #reading: Reading;
  readonly #signal: AbortSignal;
  readonly #read = new Map<string, Promise<Readings>>();

  constructor(
    store: Pick<Store, "query">,
    { reading, signal }: { readonly reading: Reading; readonly signal: AbortSignal },
  ) {
    this.#store = store;
    this.#reading = reading;
    this.#signal = signal;
  }

  /**
   * The rise of each group, or why it is not known.
   * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
   */
  async between(groups: readonly (readonly Series[])[], what: string): Promise<Rises | string> {
    let why = "";
    for (const every of windows) {
      const found = await this.#between(groups, what, every);
      if (typeof found !== "string") return found;
      why = found;
    }
    return why;
  }

  async #between(
    groups: readonly (readonly Series[])[],
    what: string,
    every: number,
  ): Promise<Rises | string> {
    const read: Readings[][] = [];
    for (const group of groups) {
      const own: Readings[] = [];
      for (const series of group) {
        const readings = await this.#readingsOf(series, every);
        if (readings.size < 2) return `no ${what} of ${series.device} is stored`;
        if (falls(readings)) return `the counter of ${series.device} has fallen`;
        own.push(readings);
      }
      read.push(own);
    }
    const [first, ...others] = read.flat();
    const shared = [...(first?.keys() ?? [])].filter((at) => others.every((one) => one.has(at)));
    const [from, to] = [shared[0], shared.at(-1)];
    if (from === undefined || to === undefined || from === to) {
      return "the counters have no two moments in common";
    }
    const rises = read.map((own) =>
      own.reduce((sum, one) => sum + (one.get(to) ?? 0) - (one.get(from) ?? 0), 0),
    );
    return { rises, from, to };
  }

  #readingsOf(series: Series, every: number): Promise<Readings> {
    const name = `${seriesName(series)} ${every}`;
    const known = this.#read.get(name) ?? this.#query(series, every);
    this.#read.set(name, known);
    return known;
  }

  async #query({ device, measurement, channel, field }: Series, every: number): Promise<Readings> {
    const { frame, since, tags } = this.#reading;
    const tag = channelTagOf(measurement);
    const on = tag === undefined || channel === "" ? {} : { [tag]: channel };
    const where = { ...tags, device, ...on };
    const span = { from: frame.to - since, to: frame.to, every };
    const asked = { measurement, fields: [field], aggregate: "last", where, ...span } as const;
    const series = await this.#store.query({ ...asked, worstQuality: 1 }, this.#signal);
    const found = new Map<number, number>();
    for (const { time, values } of series.flatMap(({ rows }) => rows)) {
      const value = values[field];
      if (typeof value === "number") found.set(time, value);
    }
    return found;
  }
}

function falls(readings: Readings): boolean {
  const values = [...readings.values()];
  return values.some((value, at) => value < (values[at - 1] ?? value));
}
