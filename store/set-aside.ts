/**
 * The dead-letter file's entries: what can never be stored, one JSON object a line. An entry with
 * its `line` can be written again once the cause is gone (`store retry`); one without holds the
 * beginning of what came.
 *
 *   {"time":…,"topic":"rackstreet/v1/…","reason":"…","stream":"edge.0f…","seq":7,"line":{…}}
 *   {"time":…,"topic":"rackstreet/v1/…","reason":"…","content":"…"}
 */
import type { FieldValue, Line } from "../telemetry/index.ts";
import { isRecord } from "../telemetry/index.ts";

/** Name of the file in the hub's folder; the one before it ends in `.old`. */
export const asideFile = "set-aside.jsonl";

/** What is set aside, and why. */
export interface SetAside {
  readonly topic: string;
  readonly reason: string;
  /** What came, as text. */
  readonly content: string;
  /** Where it is a line for the store: the line, and the batch that it came in. */
  readonly line?: Line | undefined;
  readonly stream?: string | undefined;
  readonly seq?: number | undefined;
}

/** An entry as it is read back. */
export interface AsideEntry {
  /** When it was set aside. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly reason: string;
  /** Absent where it cannot be written again. */
  readonly line: Line | undefined;
  /** Whether it came in a batch of an agent, whose points obey the register. */
  readonly ofAgent: boolean;
}

/** Longest content kept of one entry. @unit characters */
const maxContent = 4096;
/** Longest line that is kept whole: 16 of the longest texts. @unit characters */
const maxLine = 64 * 1024;

/** The text of an entry, with its line end. @param time when it was set aside */
export function asideText(
  { topic, reason, content, line, stream, seq }: SetAside,
  time: number,
): string {
  const head = { time, topic, reason, stream, seq };
  const whole = line === undefined ? "" : JSON.stringify({ ...head, line });
  if (whole !== "" && whole.length <= maxLine) return `${whole}\n`;
  return `${JSON.stringify({ ...head, content: content.slice(0, maxContent) })}\n`;
}

/** The entry of a text, or undefined when it is none. */
export function asideEntry(text: string): AsideEntry | undefined {
  const parsed = parse(text);
  if (parsed === undefined) return undefined;
  const { time, reason, line, stream } = parsed;
  if (typeof time !== "number" || typeof reason !== "string") return undefined;
  const found = isRecord(line) ? lineIn(line) : undefined;
  return { time, reason, line: found, ofAgent: typeof stream === "string" };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** By hand and not by a schema, which would leave out a tag called `constructor`. */
function lineIn(line: Readonly<Record<string, unknown>>): Line | undefined {
  const { measurement, tags, fields, time } = line;
  if (typeof measurement !== "string" || typeof time !== "number") return undefined;
  if (!holdsOnly(tags, isText) || !holdsOnly(fields, isFieldValue)) return undefined;
  return { measurement, tags, fields, time };
}

function holdsOnly<T>(
  value: unknown,
  is: (one: unknown) => one is T,
): value is Readonly<Record<string, T>> {
  return isRecord(value) && Object.values(value).every(is);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A number that is not finite has become null, and is none. */
function isFieldValue(value: unknown): value is FieldValue {
  return typeof value === "string" || typeof value === "number";
}
