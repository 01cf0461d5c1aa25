/**
 * The batches of a spool for use elsewhere, as of one carried away on a stick. Changes nothing;
 * holds no more than one piece in memory.
 */
import type { Disk } from "../telemetry/index.ts";
import { readCheckpoint } from "./checkpoint.ts";
import type { Segment } from "./segment.ts";
import { Spans } from "./spans.ts";
import type { DecodedSpooled } from "./spooled.ts";
import { decodeSpooled } from "./spooled.ts";
import { openToRead, pendingBy, segmentNames } from "./survey.ts";

/** Payload bytes after which a piece takes no more batches. */
const pieceBytes = 256 * 1024;

/** Some batches, oldest segment first, and what was passed over on the way to them. */
export interface Unloaded {
  readonly batches: readonly DecodedSpooled[];
  /** Places where bytes are damaged. */
  readonly damaged: number;
  /** Good records that are no batch. */
  readonly strange: number;
}

/** Gives what waits, or with `all` everything that a spool still holds. */
export async function* unload(disk: Disk, all: boolean): AsyncGenerator<Unloaded> {
  const isPending = all ? () => true : pendingBy(await readCheckpoint(disk));
  for (const name of await segmentNames(disk)) {
    const segment = await openToRead(disk, name);
    if (segment === undefined) continue;
    try {
      yield* unloadSegment(segment, isPending);
    } finally {
      await segment.close();
    }
  }
}

async function* unloadSegment(
  segment: Segment,
  isWanted: (seq: number) => boolean,
): AsyncGenerator<Unloaded> {
  const spans = new Spans();
  let at: number | undefined = 0;
  segment.end = segment.size;
  while (at !== undefined) {
    const batches: DecodedSpooled[] = [];
    let strange = 0;
    let bytes = 0;
    at = await segment.read(at, {
      gap: (offset, gap) => spans.gap(offset, gap),
      record: (record) => {
        spans.record();
        if (!isWanted(record.seq)) return true;
        const decoded = decodeSpooled(record);
        if ("ok" in decoded) batches.push(decoded.ok);
        else strange += 1;
        bytes += record.payload.length;
        return bytes < pieceBytes;
      },
    });
    yield { batches, damaged: 0, strange };
  }
  yield { batches: [], damaged: spans.damage.length + (spans.torn ? 1 : 0), strange: 0 };
}
