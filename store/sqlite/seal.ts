/**
 * Seals the head: its older generation becomes chunks, some series a step, and then its records
 * leave the log. Killed at any moment, what was sealed is in chunks and in the log both; it is then
 * read as one, because equal rows are one row, and sealed again.
 */
import { sealBlock } from "./chunk.ts";
import type { StoreFile } from "./file.ts";
import type { Generation, HeadRows } from "./head.ts";
import type { Tuning } from "./messages.ts";
import type { Partition } from "./partition.ts";
import { dayMs } from "./partition.ts";

/** Values sealed in one step, a few ms of work. */
const valuesAStep = 20_000;
/** Records taken out of the log in one step. */
const recordsAStep = 40;
/** How long after its end a partition is still expected to get late rows. @unit ms */
const lateness = 2 * 3_600_000;
/** Chunks that come to a settled partition before it is settled again. */
const maxLate = 200;

/** Seals one open file. */
export class Sealer {
  readonly #file: StoreFile;
  readonly #tuning: Tuning;

  constructor(file: StoreFile, tuning: Tuning) {
    this.#file = file;
    this.#tuning = tuning;
  }

  /** How full the head is; from 1 on it should be sealed, from 2 on writes wait for it. */
  get pressure(): number {
    return this.#file.head.young.bytes / this.#tuning.headBytes;
  }

  /** One step; whether there is more to do now. @param now wall clock, ms since 1970-01-01 UTC */
  step(now: number): boolean {
    const { head } = this.#file;
    if (head.old === undefined) {
      if (!this.#isDue(now)) return false;
      head.close();
      return true;
    }
    if (head.old.empty) return this.#shortenLog(head.old);
    this.#sealSome(head.old);
    return true;
  }

  #isDue(now: number): boolean {
    const { since, lastLog } = this.#file.head.young;
    if (since === undefined || lastLog === 0) return false;
    return this.pressure >= 1 || now - since >= this.#tuning.sealAfter;
  }

  #sealSome(old: Generation): void {
    const { head } = this.#file;
    const sealed: HeadRows[] = [];
    this.#file.transaction(() => {
      // Another process seals the same records: the head was made anew.
      if (this.#file.head !== head) return;
      // From here on only this generation becomes chunks: an older one must not come after it.
      if (!old.announced) this.#file.newEpoch();
      let values = 0;
      for (const rows of old.buffers()) {
        if (values >= valuesAStep) break;
        values += sealRows(this.#file, rows);
        sealed.push(rows);
      }
    });
    old.announced = true;
    for (const rows of sealed) old.remove(rows);
  }

  #shortenLog(old: Generation): boolean {
    const { head, sql } = this.#file;
    const left = this.#file.transaction(() => {
      if (this.#file.head !== head) return 0;
      sql
        .prepare(
          `DELETE FROM log WHERE id IN
             (SELECT id FROM log WHERE id <= ? ORDER BY id LIMIT ${recordsAStep})`,
        )
        .run(old.lastLog);
      const rest = sql.prepare("SELECT 1 FROM log WHERE id <= ? LIMIT 1").get(old.lastLog);
      if (rest !== undefined) return 1;
      sql.prepare("DELETE FROM dropped WHERE log_id <= ?").run(old.lastLog);
      this.#file.newEpoch();
      return 0;
    });
    if (left === 0) head.old = undefined;
    return true;
  }
}

/** Days are settled once they are over, months every day. */
function settleTimeOf({ tier, start, end }: Partition): number {
  return tier === "raw" ? end + lateness : start + dayMs;
}

/** In a transaction: rows of one series become chunks; returns how many values there were. */
export function sealRows(file: StoreFile, rows: HeadRows): number {
  const { series, partition } = rows;
  const { catalog, chunks } = file;
  const block = rows.block();
  expectChunk(file, partition);
  for (const chunk of sealBlock(block)) chunks.add(partition, series.id, chunk);
  const day = Math.floor((block.times.at(-1) ?? 0) / dayMs);
  for (const field of series.slots) if (block.columns.has(field.id)) catalog.see(field, day);
  return block.times.length * (block.columns.size + 1);
}

/** Notes that a partition gets a chunk, and when its chunks are to be joined. */
function expectChunk({ chunks }: StoreFile, partition: Partition): void {
  const settleAt = settleTimeOf(partition);
  const entry = chunks.addPartition(partition, settleAt);
  if (entry.settleAt !== undefined) return;
  const late = entry.late + 1;
  chunks.note({ partition, late, settleAt: late > maxLate ? settleAt : undefined });
}
