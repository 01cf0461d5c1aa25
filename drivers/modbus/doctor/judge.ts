/** What became of one request, told from the bytes that came. Pure. */
import { dataBytes, decodeReadRequest } from "../pdu.ts";
import { MbapReader } from "../mbap.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { Evidence, Trial } from "./evidence.ts";
import type { Found, FoundFrame } from "./frames.ts";
import { echoes, framesIn, joined, missingHead, repliesTo } from "./frames.ts";

export type Outcome =
  | "ok"
  /** A reply that says no. */
  | "exception"
  /** A valid reply, but later than the device may take. */
  | "late"
  /** The head of the reply is missing, the rest is whole. */
  | "headless"
  /** As many bytes as a reply has, with its head, but the checksum is wrong. */
  | "damaged"
  /** Bytes that are no reply. */
  | "garbage"
  /** Nothing came, or stray bytes that no reply is as short as. */
  | "silent";

export interface Judged extends Trial {
  readonly outcome: Outcome;
  /** Code of an exception reply; 0 for any other outcome. */
  readonly exception: number;
  /** The request itself came back first. */
  readonly echo: boolean;
  /** All bytes behind the echo. */
  readonly bytes: Uint8Array;
  /** The bytes among them that hang together and are as many as a reply has; else the most. */
  readonly body: Uint8Array;
  /** The reply as a frame, when there is one. */
  readonly reply: Uint8Array | undefined;
  /** Bytes before and behind the reply that belong to no frame. */
  readonly leading: number;
  readonly trailing: number;
  /** How many valid replies came. */
  readonly replies: number;
  /** Bytes that a reply with data has. */
  readonly expected: number;
  /** From the end of the request to the first byte behind the echo. @unit ms */
  readonly latency: number | undefined;
  /** Frames that answer no request of ours. */
  readonly foreign: readonly FoundFrame[];
}

const exceptionBit = 0x80;

/** What judging needs to know of the line. */
export type LineFacts = Pick<Evidence, "wire" | "timeout" | "character">;

/** Judges one trial by the wire it went over. */
export function judge(trial: Trial, evidence: LineFacts): Judged {
  return evidence.wire === "tcp" ? judgeTcp(trial, evidence) : judgeRtu(trial, evidence);
}

function judgeRtu(trial: Trial, { timeout, character }: LineFacts): Judged {
  const all = joined(trial.chunks);
  const echo = echoes(all, trial.frame);
  const skipped = echo ? trial.frame.length : 0;
  const bytes = all.subarray(skipped);
  const replies = repliesTo(bytes, trial);
  const [first] = replies;
  const reply = first?.bytes;
  const span = decodeReadRequest(trial.pdu);
  const data = span === undefined ? 0 : dataBytes(span);
  const sent = trial.frame.length * character;
  const end = first === undefined ? 0 : arrivalOf(trial, skipped + first.at + first.bytes.length);
  // The reply's own time on the wire is not the device's; adapters hand it over a little later.
  const allowed = timeout + sent + (data + 5 + 3) * character;
  const body = bodyOf(trial, skipped, { expected: data + 5, character });
  const exception = reply !== undefined && ((reply[1] ?? 0) & exceptionBit) !== 0;
  const foreign = framesIn(bytes).filter(
    (frame) => !isOurs(frame, trial) && !replies.some((own) => overlaps(own, frame)),
  );
  const used = [...replies, ...foreign].reduce((sum, one) => sum + one.bytes.length, 0);
  const leading = first?.at ?? 0;
  const start = firstByteAt(trial, skipped);
  return {
    ...trial,
    outcome: outcomeOf({ trial, bytes, body, data, exception, late: end > allowed, reply }),
    exception: exception ? (reply?.[2] ?? 0) : 0,
    echo,
    bytes,
    body,
    reply,
    leading: foreign.length > 0 ? 0 : leading,
    trailing: reply === undefined ? 0 : Math.max(0, bytes.length - used - leading),
    replies: replies.length,
    expected: data + 5,
    latency: start === undefined ? undefined : Math.max(0, start - sent),
    foreign,
  };
}

interface Facts {
  readonly trial: Trial;
  readonly bytes: Uint8Array;
  readonly body: Uint8Array;
  readonly data: number;
  readonly exception: boolean;
  readonly late: boolean;
  readonly reply: Uint8Array | undefined;
}

function outcomeOf({ trial, bytes, body, data, exception, late, reply }: Facts): Outcome {
  if (reply !== undefined) return late ? "late" : exception ? "exception" : "ok";
  if (bytes.length === 0) return "silent";
  if (missingHead(bytes, trial, data) > 0) return "headless";
  if (body.length < leastReply) return "silent";
  return body.length === data + 5 ? "damaged" : "garbage";
}

/** The shortest reply has five bytes, and a damaged one may have lost one. */
const leastReply = 4;

/** Silence that parts two stretches of bytes: adapters hold bytes back for 16 ms. @unit ms */
const partingSilence = 25;

/** Stray bytes before and behind a reply are not of it. */
function bodyOf(
  { chunks }: Trial,
  skipped: number,
  { expected, character }: { readonly expected: number; readonly character: number },
): Uint8Array {
  const parting = Math.max(partingSilence, 6 * character);
  const groups: Uint8Array[] = [];
  let last = Number.NEGATIVE_INFINITY;
  let left = skipped;
  for (const { at, bytes } of chunks) {
    const rest = bytes.subarray(Math.min(left, bytes.length));
    left -= bytes.length - rest.length;
    if (rest.length === 0) continue;
    const group = at - last > parting ? undefined : groups.pop();
    groups.push(group === undefined ? rest : joined([{ bytes: group }, { bytes: rest }]));
    last = at;
  }
  const whole = groups.find(({ length }) => length === expected);
  const longest = groups.toSorted((a, b) => b.length - a.length)[0];
  return whole ?? longest ?? new Uint8Array();
}

function overlaps(one: Found, other: Found): boolean {
  return one.at < other.at + other.bytes.length && other.at < one.at + one.bytes.length;
}

/** A late echo or an answer to us is nobody else's. */
function isOurs(frame: FoundFrame, trial: Trial): boolean {
  return frame.kind === "request" ? echoes(frame.bytes, trial.frame) : frame.unit === trial.unit;
}

/** When the byte before this one of a trial had come. @unit ms */
function arrivalOf(trial: Trial, count: number): number {
  let left = count;
  for (const { at, bytes } of trial.chunks) {
    left -= bytes.length;
    if (left <= 0) return at;
  }
  return 0;
}

function firstByteAt(trial: Trial, skipped: number): number | undefined {
  let left = skipped;
  for (const { at, bytes } of trial.chunks) {
    if (bytes.length > left) return at;
    left -= bytes.length;
  }
  return undefined;
}

function judgeTcp(trial: Trial, { timeout }: LineFacts): Judged {
  const bytes = joined(trial.chunks);
  const transaction = ((trial.frame[0] ?? 0) << 8) | (trial.frame[1] ?? 0);
  const frames = framesOf(bytes);
  const replies = (frames ?? []).filter((frame) => frame.transaction === transaction);
  const [first] = replies;
  const exception = first !== undefined && ((first.pdu[0] ?? 0) & exceptionBit) !== 0;
  const end = trial.chunks.at(-1)?.at ?? 0;
  const late = end > timeout;
  const outcome: Outcome =
    first !== undefined
      ? late
        ? "late"
        : exception
          ? "exception"
          : "ok"
      : bytes.length === 0
        ? "silent"
        : "garbage";
  return {
    ...trial,
    outcome,
    exception: exception ? (first.pdu[1] ?? 0) : 0,
    echo: false,
    bytes,
    body: bytes,
    reply: first?.pdu,
    leading: 0,
    trailing: 0,
    replies: replies.length,
    expected: 0,
    latency: trial.chunks[0]?.at,
    foreign: [],
  };
}

function framesOf(bytes: Uint8Array) {
  try {
    return new MbapReader().push(bytes);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
