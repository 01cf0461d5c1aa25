/**
 * One file of the spool: records of one kind, oldest first, in a pre-allocated file. Knows which
 * of its sequence numbers are still pending; holds no record in memory.
 */
import type { BatchKind, Disk, DiskFile, Range } from "../telemetry/index.ts";
import { RangeSet } from "../telemetry/index.ts";
import { textOfRanges } from "./checkpoint.ts";
import type { SpoolRecord } from "./record.ts";
import { headerLength, maxPayload, nextMagic, readRecord } from "./record.ts";

/** Segments are read in pieces of this size, so that a slow disk never holds much memory. */
const pieceLength = 256 * 1024;
const maxPiece = 2 * (headerLength + maxPayload);
/** What a disk gives up at once when it cannot read. @unit bytes */
const blockLength = 4096;

const namePattern = /^([te])-(\d{16})\.seg$/;

export function segmentName(kind: BatchKind, firstSeq: number): string {
  return `${kind === "event" ? "e" : "t"}-${String(firstSeq).padStart(16, "0")}.seg`;
}

interface ParsedName {
  readonly kind: BatchKind;
  readonly firstSeq: number;
}

export function parseSegmentName(name: string): ParsedName | undefined {
  const [, letter, digits] = namePattern.exec(name) ?? [];
  if (letter === undefined) return undefined;
  return { kind: letter === "e" ? "event" : "telemetry", firstSeq: Number(digits) };
}

/** What a reader of a segment is shown, in order of offsets. */
export interface Visitor {
  /** A good record and the offset behind it; false ends the reading. */
  readonly record: (record: SpoolRecord, next: number) => boolean;
  /** Bytes that are no record, in pieces: damage, or zeros where nothing was written yet. */
  readonly gap?: (offset: number, bytes: Buffer) => void;
}

export class Segment {
  readonly name: string;
  readonly kind: BatchKind;
  readonly firstSeq: number;
  /** Where the next record goes; the file is readable up to here. */
  end = 0;
  readonly #file: DiskFile;
  readonly #pending = new RangeSet();
  #highest = 0;
  /** Of what is pending; undefined when it changed since. */
  #text: string | undefined;
  #closed = false;

  private constructor(name: string, parsed: ParsedName, file: DiskFile) {
    this.name = name;
    this.kind = parsed.kind;
    this.firstSeq = parsed.firstSeq;
    this.#file = file;
  }

  /** Opens or creates a segment; `size` counts only when it is created. */
  static async open(disk: Disk, name: string, size: number): Promise<Segment | undefined> {
    if (parseSegmentName(name) === undefined) return undefined;
    return Segment.over(await disk.open(name, size), name);
  }

  /** A file as the segment of this name, whatever it is called now. */
  static over(file: DiskFile, name: string): Segment | undefined {
    const parsed = parseSegmentName(name);
    return parsed === undefined ? undefined : new Segment(name, parsed, file);
  }

  /** Bytes on disk. */
  get size(): number {
    return this.#file.size;
  }

  get pending(): Pick<RangeSet, "has" | "size" | "ranges"> {
    return this.#pending;
  }

  /** The highest number that is pending, or 0. */
  get highest(): number {
    return this.#highest;
  }

  /** How many numbers up to `highest` are pending, in one number and as the checkpoint's text. */
  pendingUpTo(highest: number): { readonly count: number; readonly text: string } {
    if (this.highest > highest) {
      const known = RangeSet.of(this.#pending.within(0, highest));
      return { count: known.size, text: textOfRanges(known.ranges) };
    }
    this.#text ??= textOfRanges(this.#pending.ranges);
    return { count: this.#pending.size, text: this.#text };
  }

  room(length: number): boolean {
    return this.end + length <= this.#file.size;
  }

  /** Writes encoded records at the end and makes them durable. */
  async append(bytes: Uint8Array, seqs: readonly number[]): Promise<void> {
    const at = this.end;
    await this.#file.write(at, bytes);
    await this.#file.sync();
    this.end = at + bytes.length;
    this.await(seqs.map((seq) => [seq, seq] as const));
  }

  /** Notes numbers as pending. */
  await(ranges: Iterable<Range>): void {
    for (const [from, to] of ranges) this.#pending.add(from, to);
    this.#changed();
  }

  /** Settles a range; returns how many of its numbers were pending here. */
  settle([from, to]: Range): number {
    // Most segments have nothing of most ranges.
    if (from > this.#highest || to < this.firstSeq) return 0;
    const settled = this.#pending.remove(from, to);
    if (settled > 0) this.#changed();
    return settled;
  }

  /**
   * Reads good records from `offset` on until the visitor has enough. Damage is skipped. Returns
   * where to go on, or undefined at the end.
   */
  async read(offset: number, visitor: Visitor): Promise<number | undefined> {
    let at = offset;
    let length = pieceLength;
    while (at < this.end) {
      const piece = await this.bytes(at, Math.min(length, this.end - at));
      const last = at + piece.length >= this.end || piece.length === 0;
      const seen = visitPiece(piece, { at, last }, visitor);
      if (seen.stopped) return at + seen.used;
      if (last) return undefined;
      // Nothing used: a record larger than the piece. Read it again with a larger one.
      length = seen.used === 0 ? maxPiece : pieceLength;
      at += seen.used;
    }
    return undefined;
  }

  /** Reads a segment as a crash may have left it: the numbers of its good records, and its end. */
  async scan(visitor?: Visitor): Promise<RangeSet> {
    const seqs = new RangeSet();
    let end = 0;
    this.end = this.#file.size;
    await this.read(0, {
      ...visitor,
      record: (record, next) => {
        seqs.add(record.seq);
        end = next;
        return visitor?.record(record, next) ?? true;
      },
    });
    this.end = end;
    return seqs;
  }

  #changed(): void {
    this.#text = undefined;
    this.#highest = this.#pending.ranges.at(-1)?.[1] ?? 0;
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#file.close();
  }

  /** Bytes as they stand; blocks that the disk cannot read are zeros: the rest still serves. */
  async bytes(at: number, length: number): Promise<Buffer> {
    try {
      return viewOf(await this.#file.read(at, length));
    } catch (error) {
      if (this.#closed) throw error;
    }
    const piece = Buffer.alloc(length);
    for (let done = 0; done < length; done += blockLength) {
      const reading = this.#file.read(at + done, Math.min(blockLength, length - done));
      piece.set(await reading.catch(() => new Uint8Array()), done);
    }
    return piece;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/**
 * Visits the records of a piece; `used` is where the first byte not dealt with stands. In the last
 * piece a record that does not end is damage like any other: good ones may follow.
 */
function visitPiece(
  piece: Buffer,
  { at, last }: { readonly at: number; readonly last: boolean },
  visitor: Visitor,
): { readonly used: number; readonly stopped: boolean } {
  let used = 0;
  for (;;) {
    const read = readRecord(piece, used);
    if (read.kind === "short" && !last) return { used, stopped: false };
    if (read.kind === "record") {
      used = read.next;
      if (!visitor.record(read.record, at + used)) return { used, stopped: true };
      continue;
    }
    const next = nextMagic(piece, used);
    // A magic may straddle the pieces: keep the last three bytes.
    const kept = last ? piece.length : Math.max(used + 1, piece.length - 3);
    const until = next === -1 ? kept : next;
    visitor.gap?.(at + used, piece.subarray(used, until));
    if (next === -1) return { used: until, stopped: false };
    used = next;
  }
}
