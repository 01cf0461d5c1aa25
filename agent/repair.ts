/**
 * Makes a damaged spool whole while no agent runs: a segment keeps its good records, its damaged
 * bytes go into a file beside it, a checkpoint that cannot be read is rebuilt. Each file is
 * written under another name, synced, read back and renamed, the bytes set aside first: killed at
 * any point, it loses nothing, and the next run goes on.
 */
import { crc32 } from "node:zlib";
import type { Disk, DiskFile, Entropy, Range } from "../telemetry/index.ts";
import { GatewayError, messageOf, RangeSet } from "../telemetry/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  firstCheckpoint,
  readCheckpoint,
  setCheckpointAside,
  textOfRanges,
  writeCheckpoint,
} from "./checkpoint.ts";
import { recover } from "./recovery.ts";
import { Segment } from "./segment.ts";
import type { Span } from "./spans.ts";
import { decodeSpooled } from "./spooled.ts";
import type { SegmentFacts } from "./survey.ts";
import { openToRead, segmentNames, surveySegment } from "./survey.ts";

/** What is moved at once. @unit bytes */
const pieceLength = 64 * 1024;
/** As the files that a crash left half made: the next start removes them. */
const unfinished = ".new";

/** One thing that repair did, or with `dry` would do. */
export type Deed =
  | {
      readonly what: "segment";
      readonly name: string;
      /** Good records that it keeps. */
      readonly records: number;
      readonly places: number;
      /** Damaged bytes, and the file that holds them now. */
      readonly bytes: number;
      readonly aside: string;
    }
  | {
      readonly what: "checkpoint";
      readonly was: "good" | "damaged" | "missing";
      readonly stream: string;
      readonly pending: number;
      /** Batches counted as damaged. */
      readonly lost: number;
    };

export interface RepairSetup {
  readonly disk: Disk;
  readonly entropy: Entropy;
  /** Names a new stream; default: the name in the newest record. */
  readonly agent: string | undefined;
  /** Says what would be done, and does nothing. */
  readonly dry: boolean;
  /** Is told each deed when it is done. */
  readonly tell: (deed: Deed) => void;
}

/** Repairs a spool that no agent uses. @throws E_SPOOL_WRITE */
export async function repair(setup: RepairSetup): Promise<void> {
  try {
    await repairAll(setup);
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError("E_SPOOL_WRITE", `repair: ${messageOf(cause)}`, { cause });
  }
}

async function repairAll(setup: RepairSetup): Promise<void> {
  const found: RangeSet[] = [];
  let name = setup.agent;
  for (const segmentName of await segmentNames(setup.disk)) {
    const segment = await openToRead(setup.disk, segmentName);
    if (segment === undefined) continue;
    const facts = await surveySegment(segment, () => true, false);
    name = setup.agent ?? (await agentOf(segment)) ?? name;
    found.push(facts.found);
    const spans = [...facts.damage, ...(facts.torn === undefined ? [] : [facts.torn])];
    if (spans.length === 0) await segment.close();
    else await repairSegment(setup, segment, { facts, spans });
  }
  await repairCheckpoint(setup, found, name);
}

interface Damage {
  readonly facts: SegmentFacts;
  readonly spans: readonly Span[];
}

/** Sets the damaged bytes aside, then replaces the segment by its good records; closes it. */
async function repairSegment(
  { disk, dry, tell }: RepairSetup,
  segment: Segment,
  { facts, spans }: Damage,
): Promise<void> {
  const { name, records } = facts;
  const aside = `${name}.${await fingerprint(segment, spans)}.damaged`;
  if (!dry) {
    await writeWhole({ disk, name: aside }, (put) => copyDamage(segment, spans, put));
    if (records > 0) {
      const target = { disk, name, check: sameAs(facts) };
      await writeWhole(target, (put) => copyGood(segment, spans, put));
    }
    await segment.close();
    if (records === 0) await disk.remove(name);
  } else await segment.close();
  const bytes = spans.reduce((sum, { length }) => sum + length, 0);
  tell({ what: "segment", name, records, places: spans.length, bytes, aside });
}

/** Names the damage by what it is: repairing the same again writes the same file again. */
async function fingerprint(segment: Segment, spans: readonly Span[]): Promise<string> {
  let sum = crc32(JSON.stringify(spans));
  for (const span of spans) {
    for (const [at, length] of pieces(span)) sum = crc32(await segment.bytes(at, length), sum);
  }
  return sum.toString(16).padStart(8, "0");
}

type Put = (bytes: Uint8Array) => Promise<void>;

/** One line of JSON a piece: where it stood, and its bytes. */
async function copyDamage(segment: Segment, spans: readonly Span[], put: Put): Promise<void> {
  for (const span of spans) {
    for (const [offset, length] of pieces(span)) {
      const bytes = (await segment.bytes(offset, length)).toString("base64");
      await put(Buffer.from(`${JSON.stringify({ offset, length, bytes })}\n`));
    }
  }
}

async function copyGood(segment: Segment, spans: readonly Span[], put: Put): Promise<void> {
  let from = 0;
  for (const { offset, length } of [...spans, { offset: segment.end, length: 0 }]) {
    const good = { offset: from, length: Math.min(offset, segment.end) - from };
    for (const [at, length] of pieces(good)) await put(await segment.bytes(at, length));
    from = offset + length;
  }
}

function* pieces({ offset, length }: Span): Generator<readonly [at: number, length: number]> {
  for (let done = 0; done < length; done += pieceLength) {
    yield [offset + done, Math.min(pieceLength, length - done)];
  }
}

interface Target {
  readonly disk: Disk;
  readonly name: string;
  /** Throws when what was written is not what it should be. */
  readonly check?: (file: DiskFile) => Promise<void>;
}

/** Writes a file as a whole: under another name, synced, checked, renamed. */
async function writeWhole(
  { disk, name, check }: Target,
  fill: (put: Put) => Promise<void>,
): Promise<void> {
  const temporary = `${name}${unfinished}`;
  await disk.remove(temporary);
  const file = await disk.open(temporary, 0);
  let at = 0;
  try {
    await fill(async (bytes) => {
      await file.write(at, bytes);
      at += bytes.length;
    });
    await file.sync();
  } finally {
    await file.close();
  }
  const written = await disk.open(temporary, 0);
  try {
    await check?.(written);
  } finally {
    await written.close();
  }
  await disk.rename(temporary, name);
}

/** Reads back what was written: a sector may have failed since it was read first. */
function sameAs({ name, found }: SegmentFacts): (file: DiskFile) => Promise<void> {
  return async (file) => {
    const written = await Segment.over(file, name)?.scan();
    if (JSON.stringify(written?.ranges) === JSON.stringify(found.ranges)) return;
    throw new GatewayError("E_SPOOL_WRITE", `${name}: what was written cannot be read back`);
  };
}

/** The agent that a segment's records name. */
async function agentOf(segment: Segment): Promise<string | undefined> {
  let name: string | undefined;
  await segment.read(0, {
    record: (record) => {
      const decoded = decodeSpooled(record);
      if (!("ok" in decoded)) return true;
      name = decoded.ok.agent;
      return false;
    },
  });
  return name;
}

/**
 * Counts what is lost; without a checkpoint all that is found waits, in a new stream, in which no
 * number was ever used. Where nothing names the agent, its next start does the same.
 */
async function repairCheckpoint(
  { disk, entropy, dry, tell }: RepairSetup,
  found: readonly RangeSet[],
  agent: string | undefined,
): Promise<void> {
  const known = await readCheckpoint(disk);
  const good = typeof known === "object";
  if (!good && (agent === undefined || found.length === 0)) return;
  const start: Checkpoint = good ? known : firstCheckpoint(agent ?? "", entropy);
  const { pending, lost, counts } = recover(found, start);
  if (good && lost === 0) return;
  const waiting: readonly Range[] = RangeSet.of(pending.flat()).ranges;
  if (!dry) {
    if (known === "damaged") await setCheckpointAside(disk);
    const reserved = Math.max(counts.reserved, counts.next - 1);
    await writeCheckpoint(disk, { ...counts, reserved }, [textOfRanges(waiting)]);
  }
  tell({
    what: "checkpoint",
    was: good ? "good" : (known ?? "missing"),
    stream: counts.stream,
    pending: RangeSet.of(waiting).size,
    lost,
  });
}
