/**
 * The dead-letter file's entries: what can never be stored, one JSON object a line. An entry with
 * its `line` can be written again once the cause is gone (`store retry`); one without holds the
 * beginning of what came.
 *
 *   {"time":…,"topic":"rackstreet/v1/…","reason":"…","stream":"edge.0f…","seq":7,"line":{…}}
 *   {"time":…,"topic":"rackstreet/v1/…","reason":"…","content":"…"}
 */
import { v } from "../config/index.ts";
import type { Line } from "../telemetry/index.ts";

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

/** An entry as it stands in the file. */
export type AsideEntry = v.InferOutput<typeof entryForm>;

/** Longest content kept of one entry. @unit characters */
const maxContent = 4096;
/** Longest line that is kept whole: 16 of the longest texts. @unit characters */
const maxLine = 64 * 1024;

const lineForm = v.object({
  measurement: v.string(),
  tags: v.record(v.string(), v.string()),
  fields: v.record(v.string(), v.union([v.number(), v.string()])),
  time: v.number(),
});

const entryForm = v.object({
  time: v.number(),
  topic: v.string(),
  reason: v.string(),
  stream: v.optional(v.string()),
  seq: v.optional(v.number()),
  line: v.optional(lineForm),
});

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

/** The entry of a text; its line is absent where it cannot be written again. */
export function asideEntry(text: string): AsideEntry | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const whole = v.safeParse(entryForm, parsed);
    if (whole.success) return whole.output;
    // A number that is not finite has become null: such a line is none.
    const rest = v.safeParse(v.omit(entryForm, ["line"]), parsed);
    return rest.success ? rest.output : undefined;
  } catch {
    return undefined;
  }
}
