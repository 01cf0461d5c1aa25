/**
 * What the spool remembers beside its segments: the stream, how far numbers are handed out, which
 * numbers were pending, and the counts of what left it. Replaced as a whole, so that a crash
 * leaves the old or the new one. One object of JSON that ends in the CRC-32 of all before it.
 */
import { crc32 } from "node:zlib";
import type { Schema } from "../config/index.ts";
import { v, whole } from "../config/index.ts";
import type { Disk, Entropy, Range } from "../telemetry/index.ts";

const fileName = "checkpoint.json";

/** Why a batch was given up before it was stored. */
const shedReasons = ["full", "disk", "damaged", "large"] as const;
/** `revoked`: whoever waited for it may not have it any more; an agent's spool has none. */
export type ShedReason = (typeof shedReasons)[number] | "revoked";
export interface ShedCounts extends Readonly<Record<(typeof shedReasons)[number], number>> {
  readonly revoked?: number | undefined;
}

/** All that a checkpoint says, but for which numbers are pending. */
export interface Counts {
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
}

export interface Checkpoint extends Counts {
  /** Numbers below `next` that were neither stored nor shed. */
  readonly pending: readonly Range[];
}

const count = whole(0, Number.MAX_SAFE_INTEGER);
const schema: Schema<Checkpoint> = v.strictObject({
  stream: v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,64}\.[0-9a-f]{16}$/)),
  born: v.optional(count),
  next: count,
  reserved: count,
  offered: count,
  stored: count,
  shed: v.strictObject({
    full: count,
    disk: count,
    damaged: count,
    large: count,
    revoked: v.optional(count),
  }),
  // By hand: there may be a hundred thousand.
  pending: v.custom<readonly Range[]>(areRanges),
});

function areRanges(value: unknown): value is readonly Range[] {
  if (!Array.isArray(value)) return false;
  return value.every((range: unknown) => {
    if (!Array.isArray(range) || range.length !== 2) return false;
    const [from, to]: unknown[] = range;
    return Number.isSafeInteger(from) && Number.isSafeInteger(to) && Number(from) <= Number(to);
  });
}

/**
 * A stream's beginning: its id names the agent, so that any hub can answer it.
 * @param born when it begins; left out where older batches may have come into it
 */
export function firstCheckpoint(agent: string, entropy: Entropy, born?: number): Checkpoint {
  return {
    stream: `${agent}.${entropy.id()}`,
    born,
    next: 1,
    reserved: 0,
    offered: 0,
    stored: 0,
    shed: { full: 0, disk: 0, damaged: 0, large: 0 },
    pending: [],
  };
}

/** The checkpoint on a disk; undefined when there is none. Changes nothing. */
export async function readCheckpoint(disk: Disk): Promise<Checkpoint | "damaged" | undefined> {
  const bytes = await disk.readAll(fileName);
  if (bytes === undefined) return undefined;
  const text = checked(Buffer.from(bytes).toString());
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  return result.success ? result.output : "damaged";
}

/** Keeps a damaged checkpoint under another name, for inspection. */
export async function setCheckpointAside(disk: Disk): Promise<void> {
  await disk.rename(fileName, `${fileName}.damaged`);
}

/** Ranges as they stand in a checkpoint, without the outer brackets. */
export function textOfRanges(ranges: Iterable<Range>): string {
  return Array.from(ranges, ([from, to]) => `[${from},${to}]`).join(",");
}

/** Writes a checkpoint; `pending` gives its ranges in any order, as JSON without outer brackets. */
export async function writeCheckpoint(
  disk: Disk,
  { stream, born, next, reserved, offered, stored, shed }: Counts,
  pending: readonly string[],
): Promise<void> {
  const counts = JSON.stringify({ stream, born, next, reserved, offered, stored, shed });
  const ranges = pending.filter((text) => text !== "").join(",");
  const text = `${counts.slice(0, -1)},"pending":[${ranges}]`;
  await disk.replace(fileName, Buffer.from(`${text},"crc":${crc32(text)}}`));
}

/**
 * The text without its checksum, or "" when it is wrong: one flipped digit could settle what
 * waits or hand out a number twice. A checkpoint of the first agents has none.
 */
function checked(text: string): string {
  const [tail, crc] = /,"crc":(\d+)\}$/.exec(text) ?? [];
  if (tail === undefined) return text;
  const body = text.slice(0, -tail.length);
  return crc32(body) === Number(crc) ? `${body}}` : "";
}
