/**
 * Writes what was set aside again, once its cause is gone. The dead-letter files are never
 * touched, since the hub may be appending to them: which entries are done stands beside them, as
 * hashes of their texts, and is made durable after each piece. A crash in between costs writing a
 * piece again, to the same rows.
 *
 * Limits: the two files of 8 MiB are read whole; a line half written is left for the next time.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Disk, DiskFile, Line } from "../telemetry/index.ts";
import { placeTags, problemOf } from "../telemetry/index.ts";
import type { Store } from "./contract.ts";
import type { AsideEntry } from "./set-aside.ts";
import { asideEntry } from "./set-aside.ts";

/** Lines of one write. */
const pieceLines = 1000;

export interface RetrySetup {
  readonly store: Store;
  /** The folder of the files. */
  readonly disk: Disk;
  /** Names in that folder, the oldest first; one that is not there is empty. */
  readonly files: readonly string[];
  /** Only what was set aside from then on. @unit ms since 1970-01-01 UTC */
  readonly since: number | undefined;
  /** Only what was set aside for a reason that holds this text. */
  readonly reason: string | undefined;
  /** Counts only. */
  readonly dryRun: boolean;
}

/** Counts in entries: entries = done + left out + without line + written + refused. */
export interface RetryCounts {
  readonly entries: number;
  /** Written by an earlier run. */
  readonly done: number;
  /** Left out by `since` or `reason`. */
  readonly leftOut: number;
  /** Messages and batches that hold no line, and texts that are none. */
  readonly withoutLine: number;
  /** Written now; with `dryRun`, what would be sent. */
  readonly written: number;
  /** Refused again: they stay. */
  readonly refused: number;
  /** How many were refused, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

interface Pending {
  readonly hash: string;
  readonly line: Line;
  /** Why the register does not allow it. */
  readonly problem: string | undefined;
}

/**
 * Writes what can be written now.
 * @throws E_STORE_DOWN, E_STORE_CONFIG: what was written until then is done
 */
export async function retryAside(setup: RetrySetup, signal: AbortSignal): Promise<RetryCounts> {
  const texts = await textsIn(setup);
  const ledger = await Ledger.open(setup.disk, `${setup.files.at(-1)}.retried`, texts);
  try {
    return await retryEach(setup, { texts, ledger }, signal);
  } finally {
    await ledger.close();
  }
}

async function retryEach(
  setup: RetrySetup,
  { texts, ledger }: { readonly texts: ReadonlyMap<string, string>; readonly ledger: Ledger },
  signal: AbortSignal,
): Promise<RetryCounts> {
  const counts = { done: 0, leftOut: 0, withoutLine: 0, written: 0, refused: 0 };
  const reasons: Record<string, number> = {};
  const pending: Pending[] = [];
  for (const [hash, text] of texts) {
    const entry = asideEntry(text);
    if (ledger.has(hash)) counts.done += 1;
    else if (entry?.line === undefined) counts.withoutLine += 1;
    else if (!isChosen(entry, setup)) counts.leftOut += 1;
    else pending.push({ hash, line: entry.line, problem: unlawful(entry, entry.line) });
  }
  if (setup.dryRun) counts.written = pending.length;
  for (let at = 0; !setup.dryRun && at < pending.length; at += pieceLines) {
    const piece = pending.slice(at, at + pieceLines);
    const lawful = piece.filter(({ problem }) => problem === undefined);
    const { rejected } = await setup.store.write(
      lawful.map(({ line }) => line),
      signal,
    );
    const refused = new Set(rejected.map(({ index }) => index));
    const taken = lawful.filter((_, index) => !refused.has(index));
    await ledger.add(taken.map(({ hash }) => hash));
    const problems = piece.flatMap(({ problem }) => problem ?? []);
    for (const reason of [...problems, ...rejected.map(({ reason: why }) => why)]) {
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
    counts.written += taken.length;
    counts.refused += piece.length - taken.length;
  }
  return { entries: texts.size, ...counts, reasons };
}

/** What an agent sent obeys the register, as it does on its first way in. */
function unlawful(
  { ofAgent }: AsideEntry,
  { measurement, tags, fields }: Line,
): string | undefined {
  if (!ofAgent) return undefined;
  const own = Object.entries(tags).filter(([tag]) => !placeTags.some((place) => place === tag));
  return problemOf({ measurement, tags: Object.fromEntries(own), fields });
}

function isChosen(entry: AsideEntry, { since, reason }: RetrySetup): boolean {
  if (since !== undefined && entry.time < since) return false;
  return reason === undefined || entry.reason.includes(reason);
}

/** The entries' texts by hash: the same text twice is the same row once. */
async function textsIn({ disk, files }: RetrySetup): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const file of files) {
    const bytes = await disk.readAll(file);
    if (bytes === undefined) continue;
    for (const text of Buffer.from(bytes).toString().split("\n")) {
      if (text !== "") texts.set(hashOf(text), text);
    }
  }
  return texts;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** Which entries are done: a file of hashes, one a line. */
class Ledger {
  readonly #file: DiskFile;
  readonly #done: ReadonlySet<string>;
  #end: number;

  private constructor(file: DiskFile, done: ReadonlySet<string>) {
    this.#file = file;
    this.#done = done;
    this.#end = file.size;
  }

  /** Opens it without the hashes whose entries are gone, so that it never outgrows them. */
  static async open(
    disk: Disk,
    name: string,
    entries: ReadonlyMap<string, string>,
  ): Promise<Ledger> {
    const bytes = (await disk.readAll(name)) ?? new Uint8Array();
    const hashes = Buffer.from(bytes).toString().split("\n");
    const done = new Set(hashes.filter((hash) => entries.has(hash)));
    await disk.replace(name, Buffer.from([...done].map((hash) => `${hash}\n`).join("")));
    return new Ledger(await disk.open(name, 0), done);
  }

  has(hash: string): boolean {
    return this.#done.has(hash);
  }

  async add(hashes: readonly string[]): Promise<void> {
    const bytes = Buffer.from(hashes.map((hash) => `${hash}\n`).join(""));
    await this.#file.write(this.#end, bytes);
    this.#end += bytes.length;
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
