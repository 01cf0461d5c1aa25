/**
 * What an answer to a write means, for every server that takes line protocol over HTTP: they say
 * it by status *and* body, and some bodies change the status' usual sense. One table, read from
 * above; the first row that fits decides. Measured on InfluxDB 1.6.7 and VictoriaMetrics 1.79.5,
 * else as documented (docs.influxdata.com: v2 and influxdb3 "Troubleshoot writing data").
 *
 *   stored     every line of the request rests there
 *   lines      some lines, or all, were refused for what they are
 *   missing    the database or bucket is not there
 *   large      send less at once
 *   config     a person must act
 *   down       not now
 */
import { assertNever, GatewayError, invariant, isRecord } from "../../telemetry/index.ts";

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export interface RefusedLine {
  /** Place in the request, from 0. */
  readonly at: number;
  readonly reason: string;
}

export interface LinesVerdict {
  readonly kind: "lines";
  readonly reason: string;
  /** Lines that the server named. */
  readonly refused: readonly RefusedLine[];
  /** Whether all lines that it did not name are stored. */
  readonly restStored: boolean;
  /** How many it says were dropped; undefined when it does not say, or cannot be believed. */
  readonly dropped: number | undefined;
}

export type WriteVerdict =
  | { readonly kind: "stored" }
  | LinesVerdict
  | { readonly kind: "missing"; readonly reason: string }
  | { readonly kind: "large" }
  | { readonly kind: "failed"; readonly error: GatewayError };

type Meaning = "stored" | "lines" | "missing" | "large" | "config" | "down";

interface Row {
  /** The statuses, as a pattern of three digits. */
  readonly status: RegExp;
  /** What the body says; absent: anything. */
  readonly says?: RegExp;
  /** Only where the body is the server's own JSON; a proxy's page is none. */
  readonly own?: boolean;
  readonly means: Meaning;
}

/** The answers there are. The order matters: exceptions stand before their rule. */
export const answerTable: readonly Row[] = [
  // 200 and 201 are said by gateways and by QuestDB.
  { status: /^2/, means: "stored" },
  // InfluxDB Enterprise has queued the lines for a node that is away.
  { status: /^[45]/, says: /hinted handoff queue not empty/i, means: "stored" },
  { status: /^413/, means: "large" },
  // A missing retention policy comes as a server error, but no repetition creates it.
  { status: /^[45]/, says: /retention policy not found/i, means: "config" },
  {
    status: /^404/,
    own: true,
    says: /(database|bucket) .*not found|not found: /i,
    means: "missing",
  },
  { status: /^500/, says: /database not found/i, means: "config" },
  {
    status: /^4(00|22)/,
    says: /^(database|bucket|org\w*)( or \w+)? is required/i,
    means: "config",
  },
  { status: /^4(00|22)/, says: /^invalid (precision|consistency)/i, means: "config" },
  { status: /^4(00|22)/, says: /exceed limit of \d+ databases/i, means: "config" },
  { status: /^4(00|22)/, own: true, means: "lines" },
  // VictoriaMetrics answers in plain text.
  { status: /^400/, says: /cannot (parse|unmarshal|read) /i, means: "lines" },
  { status: /^(408|425|429)/, means: "down" },
  { status: /^50[15]/, means: "config" },
  { status: /^5/, means: "down" },
  // 401, 403, 404 without a database, 405, 431, 3xx and whatever else there is.
  { status: /^/, means: "config" },
];

/** Longest wait a server may ask for. @unit ms */
const longestRetryAfter = 300_000;

/** How much of a server's sentence is kept. @unit characters */
const longestReason = 300;

/** InfluxDB 3 names at most this many refused lines; when it names as many there may be more. */
const mostNamed = 100;

/** The verdict on a write; `now` is the wall clock for Retry-After dates. */
export function verdictOf(answer: Answer, now: number): WriteVerdict {
  const { body } = answer;
  const own = ownAnswer(body);
  const words = wordsOf(own, body);
  const means = rowFor(answer).means;
  switch (means) {
    case "stored":
    case "large":
      return { kind: means };
    case "missing":
      return { kind: "missing", reason: words };
    case "lines":
      return linesVerdict(words, own?.details ?? {});
    case "down":
      return failed("E_STORE_DOWN", answer, {
        words: `${words}${remedyFor(words)}`,
        wait: retryAfterMs(answer.retryAfter, now),
      });
    case "config":
      return failed("E_STORE_CONFIG", answer, { words });
    default:
      return assertNever(means);
  }
}

/**
 * Once its log found no space, InfluxDB 1.6.7 refuses all writes until it is started again; and
 * what it takes after that start is lost at the next one, unless that came before the first write.
 */
function remedyFor(words: string): string {
  if (!words.includes("error writing WAL entry")) return "";
  return "; make room, then start InfluxDB anew twice, with the hub stopped meanwhile";
}

/** The row that decides about an answer. */
export function rowFor({ status, body }: Answer): Row {
  const own = ownAnswer(body);
  const words = wordsOf(own, body);
  const row = answerTable.find(
    (one) =>
      one.status.test(String(status)) &&
      (one.own !== true || own !== undefined) &&
      (one.says?.test(words) ?? true),
  );
  invariant(row !== undefined, "the last row fits every answer");
  return row;
}

function wordsOf(own: OwnAnswer | undefined, body: string): string {
  return (own?.says ?? body.trim()).slice(0, longestReason);
}

function failed(
  code: "E_STORE_DOWN" | "E_STORE_CONFIG",
  { status }: Answer,
  { words, wait }: { readonly words: string; readonly wait?: number | undefined },
): WriteVerdict {
  const message = `the database answered ${status}${words === "" ? "" : `: ${words}`}`;
  const details = wait === undefined ? {} : { retryAfterMs: wait };
  return { kind: "failed", error: new GatewayError(code, message, details) };
}

interface OwnAnswer {
  readonly says: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * The sentence of a JSON body and its details; undefined when this is no answer of the server's
 * own. InfluxDB 1, 3 and GreptimeDB say `error`, InfluxDB 2 and QuestDB `message`, TDengine `err`.
 */
function ownAnswer(body: string): OwnAnswer | undefined {
  try {
    const details: unknown = JSON.parse(body);
    if (!isRecord(details)) return undefined;
    const says = [details["error"], details["message"], details["err"]].find(
      (text) => typeof text === "string" && text !== "",
    );
    return typeof says === "string" ? { says: says.trim(), details } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a server says of single lines.
 *   InfluxDB 3, partial    {"error":…, "data":[{"line_number":2,"error_message":…}, …]}
 *   InfluxDB 3, none taken {"error":…, "data":{"line_number":2,"error_message":…}}
 *   QuestDB, TDengine      {"message":…, "line":2}: nothing of that request is sure to be stored
 */
function linesVerdict(reason: string, details: Readonly<Record<string, unknown>>): LinesVerdict {
  const { data, line } = details;
  const refused = (Array.isArray(data) ? data : [data]).flatMap((entry) => refusedLine(entry));
  if (refused.length > 0) {
    const restStored = Array.isArray(data) && data.length < mostNamed;
    return { kind: "lines", reason, refused, restStored, dropped: undefined };
  }
  const named = isLineNumber(line) ? [{ at: line - 1, reason }] : [];
  return { kind: "lines", reason, refused: named, restStored: false, dropped: droppedOf(reason) };
}

function refusedLine(entry: unknown): RefusedLine[] {
  if (!isRecord(entry)) return [];
  const { line_number: line, error_message: reason } = entry;
  if (!isLineNumber(line) || typeof reason !== "string") return [];
  return [{ at: line - 1, reason: reason.slice(0, longestReason) }];
}

function isLineNumber(line: unknown): line is number {
  return typeof line === "number" && Number.isSafeInteger(line) && line >= 1;
}

/** Semantic drops; with malformed lines InfluxDB 1 says `dropped=0` although some were lost. */
function droppedOf(said: string): number | undefined {
  if (!/partial write/.test(said) || /unable to parse/.test(said)) return undefined;
  const [, count] = / dropped=(\d+)/.exec(said) ?? [];
  return count === undefined || count === "0" ? undefined : Number(count);
}

/** Retry-After as delay: seconds or an HTTP date, at most five minutes. @unit ms */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestRetryAfter) : undefined;
}
