/**
 * One commit of the spool: what waits goes, in order of numbers, into as few segments as hold it,
 * one buffer and one sync each.
 */
import type { BatchKind } from "../telemetry/index.ts";
import { recordLength, writeRecord } from "./record.ts";
import type { Shelf } from "./shelf.ts";
import type { Spooled } from "./spooled.ts";
import { textOf } from "./spooled.ts";

/** A batch on its way to the disk. */
export interface Waiting {
  readonly spooled: Spooled;
  /** Of its record's payload. @unit bytes */
  readonly length: number;
  readonly done: (outcome: Spooled | undefined) => void;
}

/**
 * Writes what waits; notes in `durable` what became so, which on a throw may be a part.
 * @throws E_SPOOL_WRITE, or what the disk threw
 */
export async function writeCommit(
  shelf: Shelf,
  taken: readonly Waiting[],
  durable: Set<Waiting>,
): Promise<void> {
  for (const kind of ["telemetry", "event"] as const) {
    let rest = taken.filter(({ spooled }) => spooled.kind === kind);
    while (rest.length > 0) {
      const part = await writePart(shelf, kind, rest);
      for (const waiting of part) durable.add(waiting);
      rest = rest.slice(part.length);
    }
  }
}

/** Writes as much of a group as one segment takes; at least the first. */
async function writePart(
  shelf: Shelf,
  kind: BatchKind,
  group: readonly Waiting[],
): Promise<readonly Waiting[]> {
  const [first] = group;
  if (first === undefined) return [];
  const firstLength = recordLength(first.length);
  const segment = await shelf.segmentFor(kind, first.spooled.seq, firstLength);
  let length = 0;
  let count = 0;
  for (const waiting of group) {
    const more = length + recordLength(waiting.length);
    if (!segment.room(more)) break;
    length = more;
    count += 1;
  }
  const part = group.slice(0, count);
  try {
    await segment.append(
      encode(part, length),
      part.map(({ spooled }) => spooled.seq),
    );
  } catch (error) {
    shelf.abandon(segment);
    throw error;
  }
  return part;
}

function encode(part: readonly Waiting[], length: number): Buffer {
  const target = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const { spooled, length } of part) {
    const { seq, time } = spooled;
    offset = writeRecord(target, offset, { seq, time, text: textOf(spooled), length });
  }
  return target;
}
