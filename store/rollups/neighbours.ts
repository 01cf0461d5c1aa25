/**
 * Rolled rows around a stretch: the last reading before it, and the window with the first reading
 * after it. Rows of one window are asked for by their one moment, so that no engine reads the raw
 * rows between: the shortest windows of the hour and the one before (or after), then hour by hour
 * the longest ones, or the shortest where longer ones are still to be made.
 *
 * Bounds: 1,000 windows to each side: six weeks with windows of 1 h, 16 hours with those of 1 m
 * alone; after a longer silence, and a restart in it, a counter begins anew. Rows rolled up last
 * are kept, 20,000 of them.
 */
import type { Line } from "../../telemetry/index.ts";
import { rolledName, rollupName } from "../../telemetry/index.ts";
import { queryLimits } from "../asked.ts";
import type { Asker } from "./gather.ts";
import type { Level, Marks } from "./marks.ts";
import { hourMs } from "./marks.ts";
import { seriesKey } from "./table.ts";

const maxWindows = 1000;
const maxKept = 20_000;

/** A counter of one series. */
export interface Counter {
  readonly series: string;
  readonly field: string;
}

/** What names a counter within its measurement. */
export function counterKey({ series, field }: Counter): string {
  return `${field} ${series}`;
}

interface Place {
  readonly level: number;
  readonly window: number;
}

/** Where to look, from a moment on. */
export interface From {
  readonly measurement: string;
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
}

export class Neighbours {
  readonly #asker: Asker;
  readonly #levels: readonly Level[];
  readonly #marks: Marks;
  /** Rows by measurement and start of their window. */
  readonly #kept = new Map<string, readonly Line[]>();
  #keptRows = 0;
  /** Measurements with rolled rows; bounded by the register. */
  readonly #rolled = new Set<string>();

  constructor(asker: Asker, levels: readonly Level[], marks: Marks) {
    this.#asker = asker;
    this.#levels = levels;
    this.#marks = marks;
  }

  /** Keeps the rows of whole windows that were just written: longer ones are made of them. */
  keep(lines: readonly Line[]): void {
    if (this.#keptRows + lines.length > maxKept) {
      this.#kept.clear();
      this.#keptRows = 0;
    }
    const rows = Map.groupBy(lines, keptKey);
    for (const [key, own] of rows) this.#kept.set(key, own);
    this.#keptRows += lines.length;
  }

  /** Forgets the windows of rows that are about to be written. */
  drop(lines: readonly Line[]): void {
    for (const line of lines) this.#kept.delete(keptKey(line));
  }

  /** All rows of one window; `fields`, if given, are all that is needed of them. */
  async rowsOf(
    measurement: string,
    { level, window }: Place,
    fields?: readonly string[],
  ): Promise<readonly Line[]> {
    const { name, length = hourMs } = this.#levels[level] ?? {};
    if (name === undefined) return [];
    const [rolled, from] = [rollupName(measurement, name), window * length];
    const kept = this.#kept.get(keptKey({ measurement: rolled, time: from }));
    if (kept !== undefined) return kept;
    const { store, signal } = this.#asker;
    const span = { measurement: rolled, from, to: from + 1, fields };
    const { answer } = await this.#asker.ask(async () => {
      const found: Line[] = [];
      for await (const lines of store.scan(span, signal())) found.push(...lines);
      return found;
    });
    return answer;
  }

  /** The last value of each counter before a moment; those without one are left out. */
  async lastBefore({ measurement, time }: From, wanted: readonly Counter[]): Promise<Values> {
    const search = new Search(wanted);
    const any = wanted.length > 0 && (await this.#hasRows(measurement));
    for (const place of this.#back(measurement, time)) {
      if (!any || search.open === 0) break;
      search.take(await this.rowsOf(measurement, place, search.fields));
    }
    return search.values;
  }

  /**
   * The shortest windows that hold the next reading of each counter, before `until`, and which
   * counters have one.
   */
  async nextAfter(
    { measurement, time }: From,
    wanted: readonly Counter[],
    until: number,
  ): Promise<{ readonly windows: ReadonlySet<number>; readonly counters: Values }> {
    const search = new Search(wanted);
    const found = new Set<number>();
    for (const place of this.#ahead(measurement, time)) {
      if (search.open === 0 || place.window * this.#length(place.level) >= until) break;
      const hits = search.take(await this.rowsOf(measurement, place, search.fields));
      if (hits.length === 0) continue;
      for (const window of await this.#shortest(measurement, place, hits)) found.add(window);
    }
    return { windows: found, counters: search.values };
  }

  /** Whether anything of a measurement was ever rolled up: else a search of it would be long. */
  async #hasRows(measurement: string): Promise<boolean> {
    if (this.#rolled.has(measurement)) return true;
    const name = rollupName(measurement, this.#levels[0]?.name ?? "1h");
    const { store, signal } = this.#asker;
    const { answer } = await this.#asker.ask(() => store.fields(name, signal()));
    if (answer.length > 0) this.#rolled.add(measurement);
    return answer.length > 0;
  }

  /** The windows inside a longer one that hold the first readings of counters. */
  async #shortest(measurement: string, place: Place, wanted: readonly Counter[]) {
    if (place.level === 0) return [place.window];
    const search = new Search(wanted);
    const found = new Set<number>();
    const ratio = this.#length(place.level) / this.#length(0);
    for (let at = 0; at < ratio && search.open > 0; at += 1) {
      const window = place.window * ratio + at;
      const rows = await this.rowsOf(measurement, { level: 0, window }, search.fields);
      if (search.take(rows).length > 0) found.add(window);
    }
    return found;
  }

  *#back(measurement: string, time: number): Generator<Place> {
    const hour = Math.floor(time / hourMs);
    let left = maxWindows;
    const [near, first] = [this.#within(0, hour - 1), Math.floor(time / this.#length(0))];
    for (let window = first - 1; window >= near.from && left > 0; window -= 1, left -= 1) {
      yield { level: 0, window };
    }
    for (let at = hour - 2; at >= 0 && left > 0; at -= 1) {
      const { level, from, to } = this.#hour(measurement, at);
      for (let window = to; window >= from && left > 0; window -= 1, left -= 1) {
        yield { level, window };
      }
    }
  }

  *#ahead(measurement: string, time: number): Generator<Place> {
    const hour = Math.floor(time / hourMs);
    let left = maxWindows;
    const [near, first] = [this.#within(0, hour + 1), Math.floor(time / this.#length(0))];
    for (let window = first; window <= near.to && left > 0; window += 1, left -= 1) {
      yield { level: 0, window };
    }
    for (let at = hour + 2; left > 0; at += 1) {
      const { level, from, to } = this.#hour(measurement, at);
      for (let window = from; window <= to && left > 0; window += 1, left -= 1) {
        yield { level, window };
      }
    }
  }

  /** The windows that tell of an hour: the longest, unless they are still to be made. */
  #hour(measurement: string, hour: number) {
    const top = this.#levels.length - 1;
    const made = this.#levels.every((_, level) => {
      const { from, to } = this.#within(level, hour);
      return level === 0 || !this.#marks.overlaps({ measurement, level, from, to });
    });
    return this.#within(made ? top : 0, hour);
  }

  #within(level: number, hour: number) {
    const each = hourMs / this.#length(level);
    return { level, from: hour * each, to: (hour + 1) * each - 1 };
  }

  #length(level: number): number {
    return this.#levels[level]?.length ?? hourMs;
  }
}

function keptKey({ measurement, time }: Pick<Line, "measurement" | "time">): string {
  return `${measurement}@${time}`;
}

/** The last value of counters, by `counterKey`. */
export type Values = ReadonlyMap<string, number>;

/** Counters that are looked for in rolled rows. */
class Search {
  readonly #open: Map<string, Counter>;
  readonly values = new Map<string, number>();
  /** What is needed of a row; undefined when it is more than one question may name. */
  readonly fields: readonly string[] | undefined;

  constructor(wanted: readonly Counter[]) {
    this.#open = new Map(wanted.map((counter) => [counterKey(counter), counter]));
    const fields = [...new Set(wanted.map(({ field }) => rolledName("last", field)))];
    this.fields = fields.length > queryLimits.fields ? undefined : fields;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Takes the rows of a window; returns the counters found in it. */
  take(rows: readonly Line[]): Counter[] {
    const bySeries = new Map(rows.map((row) => [seriesKey(row.tags), row]));
    const hits: Counter[] = [];
    for (const [key, counter] of this.#open) {
      const value = bySeries.get(counter.series)?.fields[rolledName("last", counter.field)];
      if (typeof value !== "number") continue;
      this.values.set(key, value);
      this.#open.delete(key);
      hits.push(counter);
    }
    return hits;
  }
}
