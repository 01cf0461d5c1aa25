/**
 * Keeps the file within its bounds. Dropped, counted and said are: days and months older than
 * their retention; past `maxSize` the oldest day, and when no day is left the oldest month of
 * roll-ups; and when the disk has less than `minFree` left, the oldest day, but never the newest,
 * and only while the store itself holds at least what is missing: a disk that others filled is
 * not made free by forgetting.
 */
import type { StoreFile } from "./file.ts";
import type { Bounds } from "./messages.ts";
import type { Partition, Tier } from "./partition.ts";
import { dayMs, partitionAt } from "./partition.ts";
import { busyTimeout, freePages, numberOf, usedBytesOf } from "./schema.ts";

/** Partitions of a file; clocks that err over centuries must not fill it with tables. */
const maxPartitions = 4_000;

/** Pages given back to the file system at once; keeps the pause short. */
const vacuumPages = 400;

export type Warn = (event: string, fields: Record<string, string | number>) => void;

/** The disk that the file is on. @unit bytes */
export type DiskSpace = () => { readonly free: number; readonly total: number };

export interface Surroundings {
  readonly warn: Warn;
  readonly space: DiskSpace;
}

type Reason = "retention" | "size" | "disk" | "days";

/** The bounds of one open file. */
export class Bounded {
  readonly #file: StoreFile;
  readonly #bounds: Bounds;
  readonly #around: Surroundings;
  /** Space of dropped days is still to be given back to the file system. */
  #giving = false;
  /** The disk is short and nothing can be dropped for it. */
  #short = false;
  readonly #usedBytes: () => number;
  droppedDays = 0;

  constructor(file: StoreFile, bounds: Bounds, around: Surroundings) {
    this.#file = file;
    this.#usedBytes = usedBytesOf(file.sql);
    this.#bounds = bounds;
    this.#around = around;
  }

  /**
   * Start of the oldest partition of each tier that is kept. Age is counted from the newest one
   * stored when the clock is past it, so that a clock that jumps ahead drops nothing.
   */
  oldestTimes(now: number): Readonly<Record<Tier, number>> {
    const newest = (tier: Tier): number =>
      this.#file
        .partitions()
        .reduce((last, one) => (one.tier === tier ? Math.max(last, one.end) : last), 0);
    const oldest = (tier: Tier, retention: number): number => {
      const last = newest(tier);
      const time = Math.max(0, (last === 0 ? now : Math.min(now, last)) - retention);
      return partitionAt(tier, time).start;
    };
    const { retention, rollupRetention } = this.#bounds;
    return { raw: oldest("raw", retention), rolled: oldest("rolled", rollupRetention) };
  }

  /** Drops what is too much. */
  keep(now: number): void {
    const oldest = this.oldestTimes(now);
    for (;;) {
      const partitions = this.#file.partitions();
      const [first] = partitions;
      if (first === undefined) return;
      const old = partitions.find(({ tier, start }) => start < oldest[tier]);
      if (old !== undefined) this.#drop(old, "retention");
      else if (partitions.length > maxPartitions) this.#drop(first, "days");
      else if (!this.#keepSize() && !this.#keepFree(partitions)) return;
    }
  }

  /** One step of giving space back to the file system; whether there is more to give. */
  giveBack(): boolean {
    if (!this.#giving) return false;
    const { sql } = this.#file;
    sql.prepare(`PRAGMA incremental_vacuum(${vacuumPages})`).all();
    if (freePages(sql) > 0) return true;
    // Not at the price of waiting for one who reads, as a backup does for long.
    sql.exec("PRAGMA busy_timeout = 0");
    sql.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    sql.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    this.#giving = false;
    return false;
  }

  /** The oldest partition that has chunks, days before months. */
  #oldestSealed(): Partition | undefined {
    const { entries } = this.#file.chunks;
    const sealed = this.#file.partitions().filter(({ name }) => entries.has(name));
    return sealed.find(({ tier }) => tier === "raw") ?? sealed[0];
  }

  #keepSize(): boolean {
    if (this.#usedBytes() <= this.#bounds.maxSize) return false;
    const oldest = this.#oldestSealed();
    if (oldest === undefined) return false;
    this.#drop(oldest, "size");
    return true;
  }

  #keepFree(partitions: readonly Partition[]): boolean {
    // What was dropped before must be free before more is.
    if (this.#giving) return false;
    const { free, total } = this.#around.space();
    const { minFree } = this.#bounds;
    const wanted = "bytes" in minFree ? minFree.bytes : (total * minFree.percent) / 100;
    const missing = wanted - free;
    if (missing <= 0) {
      this.#short = false;
      return false;
    }
    const days = partitions.filter(({ tier }) => tier === "raw");
    const [oldest] = days;
    const holds = this.#usedBytes();
    if (oldest !== undefined && days.length > 1 && holds >= missing) {
      this.#drop(oldest, "disk");
      return true;
    }
    if (!this.#short) this.#around.warn("the store's disk is short of space", { free, wanted });
    this.#short = true;
    return false;
  }

  #drop(partition: Partition, reason: Reason): void {
    const { catalog } = this.#file;
    const { name, tier, start, end } = partition;
    this.#file.transaction(() => {
      this.#seeHead(partition);
      this.#file.dropPartition(partition);
      catalog.dropUnseen(tier, Math.floor((end - 1) / dayMs));
    });
    this.#file.head.drop(name);
    this.#giving = numberOf(this.#file.sql, "PRAGMA auto_vacuum") === 2;
    this.droppedDays += tier === "raw" ? 1 : 0;
    const date = new Date(start).toISOString();
    const dropped = this.droppedDays;
    if (tier === "raw") {
      const day = date.slice(0, 10);
      this.#around.warn("store dropped its oldest day", { day, reason, dropped });
    } else {
      const month = date.slice(0, 7);
      this.#around.warn("store dropped its oldest month of roll-ups", { month, reason });
    }
  }

  /** Notes the fields of the head, so that a drop does not take them for unseen. */
  #seeHead(dropped: Partition): void {
    const { head, catalog } = this.#file;
    for (const generation of [head.old, head.young]) {
      for (const { series, partition } of generation?.buffers() ?? []) {
        if (partition.name === dropped.name) continue;
        // The end is enough: what matters is that it lies after what is dropped.
        const day = Math.floor((partition.end - 1) / dayMs);
        for (const field of series.fields.values()) catalog.see(field, day);
      }
    }
  }
}
