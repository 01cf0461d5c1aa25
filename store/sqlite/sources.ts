/**
 * Where rows of a series lie within a partition: chunks, and what the head holds. Sources that lie
 * over each other in time form a group, whose rows are merged; one alone is read as it is, or not
 * at all when its head answers.
 */
import type { Block } from "./block.ts";
import { mergeBlocks, spanOf } from "./block.ts";
import type { ChunkEntry } from "./chunks.ts";
import type { StoreFile } from "./file.ts";

export interface Span {
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

interface Source {
  readonly from: number;
  readonly last: number;
  readonly rows: number;
  /** A sealed chunk, or rows of the head. */
  readonly chunk: ChunkEntry | undefined;
  readonly block: Block | undefined;
}

/** Sources that lie over each other, older first. */
export interface Group {
  /** Where it is and how many rows it has at most. */
  readonly from: number;
  readonly last: number;
  readonly rows: number;
  readonly sources: readonly Source[];
}

/** The groups of a series that have rows in a span, in order of time. */
export function groupsOf(
  file: StoreFile,
  at: { readonly partition: string; readonly series: number },
  span: Span,
): Group[] {
  const sources: Source[] = file.chunks
    .of(at.partition, at.series, span)
    .toSorted((a, b) => a.id - b.id)
    .map((chunk) => {
      return { from: chunk.from, last: chunk.last, rows: chunk.rows, chunk, block: undefined };
    });
  for (const block of file.head.blocksOf(at.partition, at.series)) {
    const { times } = block;
    const [from = 0, last = 0] = [times[0], times.at(-1)];
    if (last < span.from || from >= span.to) continue;
    sources.push({ from, last, rows: times.length, chunk: undefined, block });
  }
  return grouped(sources);
}

function grouped(sources: readonly Source[]): Group[] {
  const groups: { from: number; last: number; rows: number; sources: Source[] }[] = [];
  const inTime = sources.toSorted((a, b) => a.from - b.from);
  for (const source of inTime) {
    const group = groups.at(-1);
    if (group !== undefined && source.from <= group.last) {
      group.last = Math.max(group.last, source.last);
      group.rows += source.rows;
      group.sources.push(source);
    } else {
      const { from, last, rows } = source;
      groups.push({ from, last, rows, sources: [source] });
    }
  }
  // Within a group the order that sources had before: older first.
  return groups.map((group) => ({
    ...group,
    sources: group.sources.toSorted((a, b) => sources.indexOf(a) - sources.indexOf(b)),
  }));
}

/** The rows of a group in a span; fields that are not wanted may be left out. */
export function blockOf(
  file: StoreFile,
  group: Group,
  how: {
    readonly partition: string;
    readonly span: Span;
    readonly wanted: (field: number) => boolean;
  },
): Block {
  const { partition, span, wanted } = how;
  const blocks = group.sources.flatMap(({ chunk, block }) => {
    const found = chunk === undefined ? block : file.chunks.read(partition, chunk, wanted);
    return found === undefined ? [] : spanOf(found, span.from, span.to);
  });
  return blocks.reduce(mergeBlocks);
}

/** The chunk of a group that is nothing else. */
export function onlyChunk({ sources }: Group): ChunkEntry | undefined {
  return sources.length === 1 ? sources[0]?.chunk : undefined;
}
