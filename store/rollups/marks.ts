/**
 * Which windows are dirty: written to since they were rolled up. Marks of the shortest window come
 * from what is written; rolling a window marks the longer one around it.
 *
 * `rollups.json` says so after a crash: it names every hour with a dirty window (a clean stop
 * writes the windows themselves), and is replaced as a whole before the lines that made an hour
 * dirty are reported stored. It may name more than is dirty: rolling twice gives the same rows.
 *
 * Bounds: 1,000 ranges a measurement and window length; past it the closest two are joined, and
 * what lay between is rolled up once more.
 */
import { v } from "../../config/index.ts";
import type { Disk, Log, Range, RollupWindow } from "../../telemetry/index.ts";
import {
  GatewayError,
  messageOf,
  RangeSet,
  rollupNames,
  rollupWindows,
} from "../../telemetry/index.ts";

export const marksName = "rollups.json";
const damagedName = "rollups.damaged.json";
const maxRanges = 1000;
export const hourMs = 3_600_000;

/** Windows of one length, numbered since 1970-01-01 UTC. */
export interface Level {
  readonly name: RollupWindow;
  /** @unit ms */
  readonly length: number;
}

/** The levels of a configuration, shortest first. */
export function levelsOf(windows: readonly RollupWindow[]): readonly Level[] {
  return [...new Set(windows)]
    .map((name) => ({ name, length: rollupWindows[name] }))
    .toSorted((a, b) => a.length - b.length);
}

/** Windows of one measurement and level: what is rolled up in one go. */
export interface Job {
  readonly measurement: string;
  /** Place in the levels, 0 is the shortest. */
  readonly level: number;
  /** First and last window, both included. */
  readonly from: number;
  readonly to: number;
}

/** When a window may be rolled up, and how many at once. */
export interface Taking {
  /** Windows that end after this wait. @unit ms since 1970-01-01 UTC */
  readonly before: number;
  readonly most: (measurement: string) => number;
}

const ranges = v.array(v.tuple([v.number(), v.number()]));
const form = v.object({
  v: v.literal(1),
  windows: v.array(v.string()),
  dirty: v.record(v.string(), v.array(ranges)),
});

export class Marks {
  readonly #disk: Disk;
  readonly #levels: readonly Level[];
  /** By measurement, one set a level. */
  readonly #dirty = new Map<string, readonly RangeSet[]>();
  /** Hours that the file calls dirty. */
  #noted = new Map<string, RangeSet>();
  #working: Job | undefined;
  #saving: Promise<unknown> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #exact = false;

  private constructor(disk: Disk, levels: readonly Level[]) {
    this.#disk = disk;
    this.#levels = levels;
  }

  /** The marks that a disk holds; a file that cannot be read is set aside and logged. */
  static async open(disk: Disk, levels: readonly Level[], log: Log): Promise<Marks> {
    const marks = new Marks(disk, levels);
    const bytes = await disk.readAll(marksName);
    if (bytes === undefined) return marks;
    try {
      marks.#load(v.parse(form, JSON.parse(Buffer.from(bytes).toString())));
    } catch (error) {
      log.error("roll-up marks were damaged and set aside", { why: messageOf(error) });
      await disk.rename(marksName, damagedName);
    }
    return marks;
  }

  /** Windows that wait or are being rolled up, those that are not over included. */
  get size(): number {
    const job = this.#working;
    const working = job === undefined ? 0 : job.to - job.from + 1;
    return [...this.#dirty.values()].flat().reduce((sum, set) => sum + set.size, working);
  }

  /** Marks windows of the shortest length; true when the file does not say so yet. */
  mark(measurement: string, windows: Iterable<number>): boolean {
    let fresh = false;
    for (const window of windows) {
      this.#add({ measurement, level: 0, from: window, to: window });
      const noted = this.#noted.get(measurement);
      fresh ||= noted?.has(this.#hourOf(0, window)) !== true;
    }
    return fresh;
  }

  /** Marks the windows of the next level around a window that was rolled up. */
  markAround({ measurement, level, from, to }: Job): void {
    const ratio = this.#ratio(level + 1);
    if (ratio === undefined) return;
    const [first, last] = [Math.floor(from / ratio), Math.floor(to / ratio)];
    this.#add({ measurement, level: level + 1, from: first, to: last });
  }

  /** Whether any of these windows waits. */
  overlaps({ measurement, level, from, to }: Job): boolean {
    return this.#dirty.get(measurement)?.[level]?.overlaps(from, to) === true;
  }

  /** Takes the newest windows that may be rolled up; they stay in the file until `done`. */
  take(taking: Taking): Job | undefined {
    let best: Job | undefined;
    for (const measurement of this.#dirty.keys()) {
      for (const level of this.#levels.keys()) {
        const job = this.#newest(measurement, level, taking);
        if (job !== undefined && (best === undefined || this.endOf(job) > this.endOf(best))) {
          best = job;
        }
      }
    }
    if (best === undefined) return undefined;
    this.#dirty.get(best.measurement)?.[best.level]?.remove(best.from, best.to);
    this.#working = best;
    return best;
  }

  /** The job taken last is over: well, or to be done again. */
  done(job: Job, outcome: "rolled" | "again" | "given up"): void {
    this.#working = undefined;
    if (outcome === "again") this.#add(job);
    if (outcome === "rolled") this.markAround(job);
  }

  /** End of the last window of a job. @unit ms since 1970-01-01 UTC */
  endOf({ level, to }: Job): number {
    return (to + 1) * this.#length(level);
  }

  /** End of the oldest window that may be, or is being, rolled up. @unit ms since 1970-01-01 UTC */
  oldest(before: number): number | undefined {
    const ends = [...this.#dirty.values()].flatMap((sets) =>
      sets.flatMap((set, level) => {
        const end = ((set.ranges[0]?.[0] ?? Infinity) + 1) * this.#length(level);
        return end <= before ? [end] : [];
      }),
    );
    const job = this.#working;
    if (job !== undefined) ends.push((job.from + 1) * this.#length(job.level));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Whether the file names hours that are clean by now. */
  get stale(): boolean {
    for (const [measurement, noted] of this.#noted) {
      if (noted.size > this.#hours(measurement).size) return true;
    }
    return false;
  }

  /**
   * Returns once everything marked before is on disk.
   * @throws E_ROLLUP_MARKS
   */
  save(): Promise<void> {
    // Whoever comes while a write runs waits for the one after it, together with all others.
    this.#queued ??= this.#saving.then(() => {
      this.#queued = undefined;
      const writing = this.#write();
      this.#saving = writing.catch(() => undefined);
      return writing;
    });
    return this.#queued;
  }

  /**
   * Writes the windows themselves, so that the next start has nothing to do twice.
   * @throws E_ROLLUP_MARKS
   */
  close(): Promise<void> {
    this.#exact = true;
    return this.save();
  }

  async #write(): Promise<void> {
    const noted = new Map<string, RangeSet>();
    const dirty: Record<string, Range[][]> = {};
    for (const [measurement, sets] of this.#dirty) {
      const hours = this.#hours(measurement);
      if (hours.size === 0) continue;
      noted.set(measurement, hours);
      dirty[measurement] = this.#exact
        ? sets.map((set) => [...set.ranges])
        : [hours.ranges.map(([from, to]) => this.#windowsOf(from, to))];
    }
    const windows = this.#levels.map(({ name }) => name);
    const text = JSON.stringify({ v: 1, windows, dirty });
    try {
      await this.#disk.replace(marksName, Buffer.from(text));
    } catch (cause) {
      const why = `${marksName} in the hub's folder: ${messageOf(cause)}`;
      throw new GatewayError("E_ROLLUP_MARKS", why, { cause });
    }
    this.#noted = noted;
  }

  /**
   * Levels that were others before are no longer told apart: their hours are rolled up again.
   * `#noted` stays empty: a clean stop names windows, not the whole hours that it stands for.
   */
  #load({ windows, dirty }: v.InferOutput<typeof form>): void {
    const before = levelsOf(rollupNames.filter((name) => windows.includes(name)));
    const same = namesOf(before) === namesOf(this.#levels);
    for (const [measurement, sets] of Object.entries(dirty)) {
      for (const [level, set] of sets.entries()) {
        const length = before[level]?.length ?? hourMs;
        const hourOf = (window: number): number => Math.floor((window * length) / hourMs);
        for (const [from, to] of set) {
          const [first, last] = this.#windowsOf(hourOf(from), hourOf(to));
          const hours = { measurement, level: 0, from: first, to: last };
          this.#add(same ? { measurement, level, from, to } : hours);
        }
      }
    }
  }

  #add({ measurement, level, from, to }: Job): void {
    let sets = this.#dirty.get(measurement);
    if (sets === undefined) {
      sets = this.#levels.map(() => new RangeSet());
      this.#dirty.set(measurement, sets);
    }
    const set = sets[level];
    set?.add(from, to);
    if (set !== undefined && set.ranges.length > maxRanges) joinClosest(set);
  }

  #newest(measurement: string, level: number, { before, most }: Taking): Job | undefined {
    const set = this.#dirty.get(measurement)?.[level];
    const last = Math.floor(before / this.#length(level)) - 1;
    const range = set?.ranges.findLast(([from]) => from <= last);
    if (range === undefined) return undefined;
    const to = Math.min(range[1], last);
    if (this.#isBlocked(measurement, level, to)) return undefined;
    const lowest = Math.max(range[0], to - Math.max(1, most(measurement)) + 1);
    let from = to;
    while (from > lowest && !this.#isBlocked(measurement, level, from - 1)) from -= 1;
    return { measurement, level, from, to };
  }

  /** Whether a shorter window inside waits: it comes first. */
  #isBlocked(measurement: string, level: number, window: number): boolean {
    const ratio = this.#ratio(level);
    const below = level === 0 ? undefined : this.#dirty.get(measurement)?.[level - 1];
    if (ratio === undefined || below === undefined) return false;
    return below.overlaps(window * ratio, (window + 1) * ratio - 1);
  }

  /** Every hour with a dirty window, or one that is being rolled up. */
  #hours(measurement: string): RangeSet {
    const hours = new RangeSet();
    for (const [level, set] of (this.#dirty.get(measurement) ?? []).entries()) {
      for (const [from, to] of set.ranges) {
        hours.add(this.#hourOf(level, from), this.#hourOf(level, to));
      }
    }
    const job = this.#working;
    if (job?.measurement === measurement) {
      hours.add(this.#hourOf(job.level, job.from), this.#hourOf(job.level, job.to));
    }
    return hours;
  }

  #hourOf(level: number, window: number): number {
    return Math.floor((window * this.#length(level)) / hourMs);
  }

  /** The shortest windows of hours. */
  #windowsOf(from: number, to: number): Range {
    const each = hourMs / this.#length(0);
    return [from * each, (to + 1) * each - 1];
  }

  #length(level: number): number {
    return this.#levels[level]?.length ?? hourMs;
  }

  /** How many windows of the level below one of this level holds; undefined: no such level. */
  #ratio(level: number): number | undefined {
    const [own, below] = [this.#levels[level], this.#levels[level - 1]];
    return own === undefined || below === undefined ? undefined : own.length / below.length;
  }
}

function namesOf(levels: readonly Level[]): string {
  return levels.map(({ name }) => name).join();
}

function joinClosest(set: RangeSet): void {
  let closest: Range | undefined;
  const { ranges: all } = set;
  for (const [place, [from]] of all.entries()) {
    const end = all[place - 1]?.[1];
    if (end === undefined) continue;
    if (closest === undefined || from - end < closest[1] - closest[0]) closest = [end, from];
  }
  if (closest !== undefined) set.add(...closest);
}
