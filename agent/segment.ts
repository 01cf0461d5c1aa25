/**
 * One file of the spool: records of one kind, oldest first, in a pre-allocated file. Knows which
 * of its sequence numbers are still pending; holds no record in memory.
 */
import type { BatchKind, Disk, DiskFile, Range } from "../telemetry/index.ts";
import { RangeSet } from "../telemetry/index.ts";
import type { SpoolRecord } from "./record.ts";
import { headerLength, maxPayload, nextMagic, readRecord } from "./record.ts";

/** Segments are read in pieces of this size, so that a slow disk never holds much memory. */
const pieceLength = 256 * 1024;
const maxPiece = 2 * (headerLength + maxPayload);

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

export type Visit = (record: SpoolRecord, next: number) => boolean;

export class Segment {
  readonly name: string;
  readonly kind: BatchKind;
  readonly firstSeq: number;
  readonly #file: DiskFile;
  /** Where the next record goes; the file is readable up to here. */
  end = 0;
  readonly pending = new RangeSet();

  private constructor(name: string, parsed: ParsedName, file: DiskFile) {
    this.name = name;
    this.kind = parsed.kind;
    this.firstSeq = parsed.firstSeq;
    this.#file = file;
  }

  /** Opens or creates a segment; `size` counts only when it is created. */
  static async open(disk: Disk, name: string, size: number): Promise<Segment | undefined> {
    const parsed = parseSegmentName(name);
    if (parsed === undefined) return undefined;
    return new Segment(name, parsed, await disk.open(name, size));
  }

  /** Bytes on disk. */
  get size(): number {
    return this.#file.size;
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
    for (const seq of seqs) this.pending.add(seq);
  }

  /** Settles a range; returns how many of its numbers were pending here. */
  settle([from, to]: Range): number {
    return this.pending.remove(from, to);
  }

  /**
   * Reads good records from `offset` on, calling `visit` for each with the offset behind it, until
   * it returns false. Damage is skipped. Returns where to go on, or undefined at the end.
   */
  async read(offset: number, visit: Visit): Promise<number | undefined> {
    let at = offset;
    let length = pieceLength;
    while (at < this.end) {
      const piece = Buffer.from(await this.#file.read(at, Math.min(length, this.end - at)));
      const last = at + piece.length >= this.end || piece.length === 0;
      const from = at;
      const seen = visitPiece(piece, last, (record, next) => visit(record, from + next));
      if (seen.stopped) return at + seen.used;
      if (last) return undefined;
      // Nothing used: a record larger than the piece. Read it again with a larger one.
      length = seen.used === 0 ? maxPiece : pieceLength;
      at += seen.used;
    }
    return undefined;
  }

  /** Reads a segment as a crash may have left it: the numbers of its good records, and its end. */
  async scan(): Promise<RangeSet> {
    const seqs = new RangeSet();
    let end = 0;
    this.end = this.#file.size;
    await this.read(0, (record, next) => {
      seqs.add(record.seq);
      end = next;
      return true;
    });
    this.end = end;
    return seqs;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Visits the records of a piece; `used` is where the first byte not dealt with stands. In the last
 * piece a record that does not end is damage like any other: good ones may follow.
 */
function visitPiece(
  piece: Buffer,
  last: boolean,
  visit: Visit,
): { readonly used: number; readonly stopped: boolean } {
  let used = 0;
  for (;;) {
    const read = readRecord(piece, used);
    if (read.kind === "short" && !last) return { used, stopped: false };
    if (read.kind === "record") {
      used = read.next;
      if (!visit(read.record, used)) return { used, stopped: true };
      continue;
    }
    const next = nextMagic(piece, used);
    // A magic may straddle the pieces: keep the last three bytes.
    if (next === -1) return { used: Math.max(used + 1, piece.length - 3), stopped: false };
    used = next;
  }
}
