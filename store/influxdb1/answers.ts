/**
 * What an answer to a write means: InfluxDB 1 says it by status *and* body, and some bodies
 * change the status' usual sense. Measured on 1.6.7.
 *
 *   2xx                                   stored
 *   400 {"error":…}                       about lines: partly stored, or nothing stored
 *   404 database not found                may be created, else configuration
 *   413                                   send less at once
 *   401 403, 500 retention policy …, rest configuration: a person must act
 *   408 425 429 5xx                       not now; Retry-After is honoured
 */
import { GatewayError, isRecord } from "../../telemetry/index.ts";

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The first 64 KiB. */
  readonly body: string;
}

export type WriteVerdict =
  | { readonly kind: "stored" }
  | { readonly kind: "lines"; readonly reason: string; readonly dropped: number | undefined }
  | { readonly kind: "database" }
  | { readonly kind: "large" }
  | { readonly kind: "failed"; readonly error: GatewayError };

/** Longest wait a server may ask for. @unit ms */
const longestRetryAfter = 300_000;

/** How much of a server's sentence is kept. @unit characters */
const longestReason = 300;

const notNow: ReadonlySet<number> = new Set([408, 425, 429]);
/** Server errors that no repetition mends. */
const never: ReadonlySet<number> = new Set([501, 505]);

/** The verdict on a write; `now` is the wall clock for Retry-After dates. */
export function verdictOf(answer: Answer, now: number): WriteVerdict {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "stored" };
  const said = sentenceOf(answer.body);
  if (status === 413) return { kind: "large" };
  if ((status === 400 || status === 422) && said !== undefined) {
    if (/^(database is required|invalid (precision|consistency))/i.test(said)) {
      return failed("E_STORE_CONFIG", status, said);
    }
    return { kind: "lines", reason: said, dropped: droppedOf(said) };
  }
  if (status === 404 && said?.startsWith("database not found") === true) {
    return { kind: "database" };
  }
  const words = `${said ?? answer.body.slice(0, longestReason)}${remedyFor(said)}`;
  // A missing retention policy comes as a server error, but no repetition creates it.
  if (/retention policy not found|database not found/.test(words)) {
    return failed("E_STORE_CONFIG", status, words);
  }
  if (notNow.has(status) || (status >= 500 && !never.has(status))) {
    const wait = retryAfterMs(answer.retryAfter, now);
    return failed("E_STORE_DOWN", status, words, wait);
  }
  return failed("E_STORE_CONFIG", status, words);
}

function failed(
  code: "E_STORE_DOWN" | "E_STORE_CONFIG",
  ...[status, words, wait]: [status: number, words: string, wait?: number | undefined]
): WriteVerdict {
  const message = `InfluxDB answered ${status}${words === "" ? "" : `: ${words}`}`;
  const details = wait === undefined ? {} : { retryAfterMs: wait };
  return { kind: "failed", error: new GatewayError(code, message, details) };
}

/** The `error` of a JSON body; undefined when this is no answer of InfluxDB's own. */
function sentenceOf(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const said = isRecord(parsed) ? parsed["error"] : undefined;
    return typeof said === "string" ? said.trim().slice(0, longestReason) : undefined;
  } catch {
    // Not JSON: a proxy, or another server at this address.
    return undefined;
  }
}

/**
 * Once its log found no space, 1.6.7 refuses all writes until it is started again; and what it
 * takes after that start is lost at the next one, unless that came before the first write.
 */
function remedyFor(said: string | undefined): string {
  if (said?.includes("error writing WAL entry") !== true) return "";
  return "; make room, then start InfluxDB anew twice, with the hub stopped meanwhile";
}

/** Semantic drops; with malformed lines InfluxDB says `dropped=0` although some were lost. */
function droppedOf(said: string): number | undefined {
  const [, count] = / dropped=(\d+)$/.exec(said) ?? [];
  return count === undefined || count === "0" ? undefined : Number(count);
}

/** Retry-After as delay: seconds or an HTTP date, at most five minutes. @unit ms */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestRetryAfter) : undefined;
}
