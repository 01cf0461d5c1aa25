/**
 * What the spool remembers beside its segments: the stream, how far numbers are handed out, which
 * numbers were pending, and the counts of what left it. Replaced as a whole, so that a crash
 * leaves the old or the new one; with a checksum, since a flipped bit can make one number of
 * another.
 */
import { crc32 } from "node:zlib";
import type { Schema } from "../config/index.ts";
import { v, whole } from "../config/index.ts";
import type { Disk, Platform, Range } from "../telemetry/index.ts";

const fileName = "checkpoint.json";

/** Why a batch was given up before it was stored. */
const shedReasons = ["full", "disk", "damaged", "large"] as const;
export type ShedReason = (typeof shedReasons)[number];
export type ShedCounts = Readonly<Record<ShedReason, number>>;

export interface Checkpoint {
  readonly stream: string;
  /** When it began; absent in a stream begun before this was noted. @unit ms since 1970 UTC */
  readonly born?: number | undefined;
  /** The first number that was not durable when this was written. */
  readonly next: number;
  /** No number above this was ever handed out. */
  readonly reserved: number;
  /** Batches taken whose outcome was known: a count of its own, against which the rest adds up. */
  readonly offered: number;
  readonly stored: number;
  readonly shed: ShedCounts;
  /** Numbers below `next` that were neither stored nor shed. */
  readonly pending: readonly Range[];
}

const count = whole(0, Number.MAX_SAFE_INTEGER);
const schema: Schema<Checkpoint & { readonly sum: number }> = v.object({
  stream: v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,64}\.[0-9a-f]{16}$/)),
  born: v.optional(count),
  next: count,
  reserved: count,
  offered: count,
  stored: count,
  shed: v.object({ full: count, disk: count, damaged: count, large: count }),
  pending: v.array(v.pipe(v.tuple([count, count]), v.readonly())),
  sum: count,
});

/** A stream's beginning: its id names the agent, so that any hub can answer it. */
export function firstCheckpoint(
  agent: string,
  { entropy, clock }: Pick<Platform, "entropy" | "clock">,
): Checkpoint {
  return {
    stream: `${agent}.${entropy.id()}`,
    born: clock.now(),
    next: 1,
    reserved: 0,
    offered: 0,
    stored: 0,
    shed: { full: 0, disk: 0, damaged: 0, large: 0 },
    pending: [],
  };
}

/**
 * The checkpoint on a disk; undefined when there is none, `damaged` when it cannot be read (it is
 * then set aside under another name).
 */
export async function readCheckpoint(disk: Disk): Promise<Checkpoint | "damaged" | undefined> {
  const bytes = await disk.readAll(fileName);
  if (bytes === undefined) return undefined;
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), schema),
    Buffer.from(bytes).toString(),
  );
  if (result.success && sumOf(result.output) === result.output.sum) return result.output;
  await disk.rename(fileName, `${fileName}.damaged`);
  return "damaged";
}

export async function writeCheckpoint(disk: Disk, checkpoint: Checkpoint): Promise<void> {
  const body = { ...checkpoint, sum: sumOf(checkpoint) };
  await disk.replace(fileName, Buffer.from(JSON.stringify(body)));
}

/** CRC-32 of the values, in the order of the interface. */
function sumOf({ stream, next, reserved, offered, stored, shed, pending }: Checkpoint): number {
  return crc32(JSON.stringify([stream, next, reserved, offered, stored, shed, pending]));
}
