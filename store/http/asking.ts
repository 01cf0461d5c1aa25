/** What a failed answer to a question means: InfluxDB 2 and 3, and what stands before them. */
import { GatewayError, isRecord } from "../../telemetry/index.ts";
import type { Answer } from "./answers.ts";
import { retryAfterMs } from "./answers.ts";

/** How much of a server's sentence is kept. @unit characters */
const longestReason = 300;

/** Statuses that a question of ours, or its size, has brought about. */
const asked: ReadonlySet<number> = new Set([400, 405, 413, 422]);
const notNow: ReadonlySet<number> = new Set([408, 425, 429]);

/** Whether an answer says that the database or bucket is not there. */
export function saysMissing({ status, body }: Answer): boolean {
  return (
    (status === 404 || status === 400) &&
    /(database|bucket)[^,]* not found|could not find bucket/.test(body)
  );
}

/** The error that stands behind an answer that is no 2xx; `now` is the wall clock. */
export function askingError(answer: Answer, now: number): GatewayError {
  const { status, body } = answer;
  const words = sentenceOf(body).slice(0, longestReason);
  const message = `the database answered ${status}${words === "" ? "" : `: ${words}`}`;
  // InfluxDB 3 says some mistakes of a question by 500.
  if (asked.has(status) || /error during planning|file limit/i.test(words)) {
    return new GatewayError("E_QUERY", message);
  }
  if (!notNow.has(status) && status < 500) return new GatewayError("E_STORE_CONFIG", message);
  const wait = retryAfterMs(answer.retryAfter, now);
  return new GatewayError(
    "E_STORE_DOWN",
    message,
    wait === undefined ? {} : { retryAfterMs: wait },
  );
}

function sentenceOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    const said = isRecord(parsed) ? (parsed["error"] ?? parsed["message"]) : undefined;
    return typeof said === "string" ? said : body.trim();
  } catch {
    return body.trim();
  }
}
