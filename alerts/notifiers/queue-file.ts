/**
 * The file of a notifier's queue: one JSON document, an event a line, so that it is written and
 * read in slices and a full queue stops nobody.
 *
 *   {"v":1,"waiting":[
 *   {…},
 *   {…}
 *   ],"open":[
 *   {…}
 *   ]}
 *
 * Limits: `maxKept` events a list. A file in another form is read as a whole.
 */
import { Buffer } from "node:buffer";
import { v } from "../../config/index.ts";
import type { Clock, Disk, Log } from "../../telemetry/index.ts";
import { messageOf, sleep } from "../../telemetry/index.ts";
import { severities } from "../rule.ts";
import { addressForm, placeForm } from "../snapshot.ts";
import type { AlertEvent } from "./contract.ts";

/** The most events that a list of a file may hold. */
const maxKept = 20_000;
/** Events encoded without a pause; 500 take about 2 ms. */
const slice = 500;
/** What is read without a pause: about as many. @unit bytes */
const readSlice = 200_000;

const texts = v.record(v.string(), v.string());
const number = v.pipe(v.number(), v.finite());

const event = v.object({
  id: v.string(),
  key: v.string(),
  state: v.picklist(["firing", "resolved"]),
  rule: v.string(),
  about: v.string(),
  severity: v.picklist(severities),
  runbook: v.optional(v.string()),
  unit: v.string(),
  threshold: number,
  address: addressForm,
  place: placeForm,
  channel: texts,
  value: v.exactOptional(number),
  since: number,
  time: number,
  queued: number,
});

const list = v.pipe(v.array(event), v.maxLength(maxKept));
const file = v.object({ v: v.literal(1), waiting: list, open: list });

export interface KeptEvents {
  readonly waiting: AlertEvent[];
  readonly open: AlertEvent[];
}

export interface QueueParts {
  readonly clock: Pick<Clock, "after">;
  readonly disk: Disk;
  readonly log: Log;
}

const head = '{"v":1,"waiting":[';
const between = '],"open":[';
const tail = "]}";

/** The file of a notifier's queue. */
export function fileOf(name: string): string {
  return `notify-${name}.json`;
}

/** The bytes of a file, made in slices. */
export async function encodeQueue(
  { waiting, open }: { readonly [list in keyof KeptEvents]: readonly AlertEvent[] },
  encode: (event: AlertEvent) => string,
  clock: QueueParts["clock"],
): Promise<Uint8Array> {
  const pieces = [Buffer.from(`${head}\n`)];
  for (const [events, end] of [
    [waiting, between],
    [open, tail],
  ] as const) {
    for (let at = 0; at < events.length; at += slice) {
      if (at > 0) await sleep(clock, 0);
      const some = events.slice(at, at + slice).map(encode);
      pieces.push(Buffer.from(`${at > 0 ? ",\n" : ""}${some.join(",\n")}`));
    }
    pieces.push(Buffer.from(`\n${end}\n`));
  }
  return Buffer.concat(pieces);
}

/** What an earlier run left, or nothing: a damaged file is set aside and logged, never fatal. */
export async function readQueue(name: string, parts: QueueParts): Promise<KeptEvents> {
  const { disk, log, clock } = parts;
  const bytes = await disk.readAll(fileOf(name));
  if (bytes === undefined) return { waiting: [], open: [] };
  try {
    return await decoded(bytes, clock);
  } catch (error) {
    const damaged = `notify-${name}.damaged.json`;
    const problem = messageOf(error);
    log.error("notifier queue was damaged and set aside", {
      notifier: name,
      file: damaged,
      problem,
    });
    await disk.rename(fileOf(name), damaged).catch(() => undefined);
    return { waiting: [], open: [] };
  }
}

async function decoded(bytes: Uint8Array, clock: QueueParts["clock"]): Promise<KeptEvents> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const [first, last] = [head.length + 1, all.length - tail.length - 2];
  const middle = all.indexOf(`\n${between}\n`);
  const inLines = textOf(all.subarray(0, first)) === `${head}\n` && middle >= 0;
  if (inLines && textOf(all.subarray(last)) === `\n${tail}\n`) {
    const waiting = await eventsOf(all.subarray(first, middle), clock);
    const open = await eventsOf(all.subarray(middle + between.length + 2, last), clock);
    if (Math.max(waiting.length, open.length) <= maxKept) return { waiting, open };
  }
  return v.parse(file, JSON.parse(textOf(all)));
}

/** Events, a line each, all but the last with a comma. */
async function eventsOf(lines: Buffer, clock: QueueParts["clock"]): Promise<AlertEvent[]> {
  const events: AlertEvent[] = [];
  for (let at = 0; at < lines.length;) {
    if (at > 0) await sleep(clock, 0);
    const line = lines.indexOf("\n", at + readSlice);
    const end = line < 0 ? lines.length : line;
    const some = textOf(lines.subarray(at, end)).replace(/,$/, "");
    events.push(...v.parse(list, JSON.parse(`[${some}]`)));
    at = end + 1;
  }
  return events;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
