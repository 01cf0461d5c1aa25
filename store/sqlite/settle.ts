/**
 * Settles partitions: chunks of one series that are short or lie over each other become one, a
 * series a step. Days are settled when they are over, months of roll-ups every day.
 */
import type { Block } from "./block.ts";
import { mergeBlocks } from "./block.ts";
import { maxChunkRows, sealBlock } from "./chunk.ts";
import type { ChunkEntry, PartitionEntry } from "./chunks.ts";
import type { StoreFile } from "./file.ts";
import type { Partition } from "./partition.ts";
import { dayMs } from "./partition.ts";

/** A chunk of fewer rows is joined with its neighbour. */
const shortChunk = 512;
/** Series looked at in one step, when nothing has to be joined. */
const seriesAStep = 50;

const always = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

interface Settling {
  readonly partition: Partition;
  after: number;
  series: number[];
}

/** Joins the chunks of one open file. */
export class Settler {
  readonly #file: StoreFile;
  #settling: Settling | undefined;

  constructor(file: StoreFile) {
    this.#file = file;
  }

  /** One step; whether there is more to do now. @param now wall clock, ms since 1970-01-01 UTC */
  step(now: number): boolean {
    this.#settling ??= this.#due(now);
    const settling = this.#settling;
    if (settling === undefined) return false;
    const { chunks } = this.#file;
    const { name } = settling.partition;
    if (settling.series.length === 0) {
      settling.series = chunks.seriesAfter(name, settling.after, seriesAStep);
    }
    if (settling.series.length === 0) this.#finish(settling, now);
    else this.#joinSome(settling);
    return true;
  }

  #due(now: number): Settling | undefined {
    for (const { partition, settleAt } of this.#file.chunks.entries.values()) {
      if (settleAt !== undefined && settleAt <= now) return { partition, after: 0, series: [] };
    }
    return undefined;
  }

  #finish({ partition }: Settling, now: number): void {
    this.#settling = undefined;
    this.#file.transaction(() => {
      const entry = this.#file.chunks.entries.get(partition.name);
      if (entry === undefined) return;
      const again = partition.tier === "rolled" && now < partition.end;
      const settled: PartitionEntry = {
        partition,
        late: 0,
        settleAt: again ? now + dayMs : undefined,
      };
      this.#file.chunks.note(settled);
    });
  }

  /** Looks at series until one has something to join. */
  #joinSome(settling: Settling): void {
    const { chunks } = this.#file;
    const { partition } = settling;
    for (;;) {
      const series = settling.series.shift();
      if (series === undefined) return;
      settling.after = series;
      const find = (): ChunkEntry[][] => groupsOf(chunks.of(partition.name, series, always));
      if (find().length === 0) continue;
      this.#file.transaction(() => {
        // Once more, because another process may have joined them meanwhile.
        for (const group of find()) this.#join(partition, group);
      });
      return;
    }
  }

  #join(partition: Partition, group: readonly ChunkEntry[]): void {
    const { chunks } = this.#file;
    const [first] = group;
    if (first === undefined) return;
    const blocks = group
      .toSorted((a, b) => a.id - b.id)
      .map((entry) => chunks.read(partition.name, entry, () => true));
    for (const chunk of sealBlock(joined(blocks))) chunks.add(partition, first.series, chunk);
    for (const entry of group) chunks.remove(partition, entry);
  }
}

/** Older blocks first. */
function joined(blocks: readonly Block[]): Block {
  return blocks.reduce(mergeBlocks);
}

/** Runs of two or more chunks to be made one; the chunks come in order of time. */
export function groupsOf(chunks: readonly ChunkEntry[]): ChunkEntry[][] {
  const groups: ChunkEntry[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  let rows = 0;
  for (const chunk of chunks) {
    const group = groups.at(-1);
    const short = Math.min(rows, chunk.rows) < shortChunk;
    const joins = chunk.from <= last || (short && rows + chunk.rows <= maxChunkRows);
    if (group !== undefined && joins) {
      group.push(chunk);
      rows += chunk.rows;
    } else {
      groups.push([chunk]);
      rows = chunk.rows;
    }
    last = Math.max(last, chunk.last);
  }
  return groups.filter((group) => group.length > 1);
}
