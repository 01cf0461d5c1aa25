/**
 * What a context broker says to a batch of entities (ETSI GS CIM 009 clauses 5.5 and 6.15.3): 201
 * and 204 all is well, 207 some are refused, 4xx all are, or the request itself is. Brokers differ
 * in how they word errors: decoding is total.
 */
import type { DeviceAnswer } from "../../drivers/index.ts";
import { isRecord } from "../../telemetry/index.ts";

export type Verdict =
  /** Taken, but for some entities. */
  | { readonly is: "taken"; readonly refused: ReadonlyMap<string, Refusal> }
  /** Somewhere in it is what the broker does not take, or there is too much of it. */
  | { readonly is: "refused"; readonly why: string }
  /** The broker cannot, or does not let us in. */
  | { readonly is: "later"; readonly why: string; readonly askedMs: number };

export interface Refusal {
  readonly why: string;
  /** It may be taken another time: the broker had a trouble of its own. */
  readonly passing: boolean;
}

/** 4xx that are about us or the way, not about entities. */
const notEntities: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 406, 407, 410, 415]);
/** 4xx that time may heal. */
const passing: ReadonlySet<number> = new Set([408, 421, 423, 425, 429]);

/** Longest that a broker may ask us to wait. @unit ms */
const longestAsked = 600_000;

export function verdictOf({ status, headers, body }: DeviceAnswer): Verdict {
  if (status >= 200 && status < 300) return { is: "taken", refused: refusedIn(parsed(body)) };
  const why = whyOf(parsed(body), `answered ${status}`);
  const isOurs = status >= 400 && status < 500 && !notEntities.has(status) && !passing.has(status);
  if (isOurs) return { is: "refused", why };
  const seconds = Number(headers["retry-after"]);
  const askedMs = seconds > 0 ? Math.min(seconds * 1000, longestAsked) : 0;
  return { is: "later", why, askedMs };
}

/** The errors of a `BatchOperationResult`, by entity. */
function refusedIn(body: unknown): Map<string, Refusal> {
  const refused = new Map<string, Refusal>();
  const errors = isRecord(body) ? body["errors"] : undefined;
  if (!Array.isArray(errors)) return refused;
  for (const error of errors) {
    if (!isRecord(error)) continue;
    const id = error["entityId"] ?? error["id"];
    if (typeof id !== "string") continue;
    const problem = error["error"] ?? error;
    const status = isRecord(problem) ? Number(problem["status"]) : Number.NaN;
    const isPassing = status >= 500 || passing.has(status);
    refused.set(id, { why: whyOf(problem, "refused without a reason"), passing: isPassing });
  }
  return refused;
}

/** Title and detail of a problem (RFC 9457 §3.1), or what stands there instead. */
function whyOf(problem: unknown, otherwise: string): string {
  const words = Array.isArray(problem) ? problem : wordsOf(problem);
  const told = words.filter((word) => typeof word === "string" && word !== "");
  return told.length === 0 ? otherwise : oneLine(told.join(": "));
}

function wordsOf(problem: unknown): readonly unknown[] {
  if (!isRecord(problem)) return [problem];
  const { title, detail, type } = problem;
  return title === undefined && detail === undefined ? [type] : [title, detail];
}

/** For a log. @unit characters */
const longestWhy = 300;

function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > longestWhy ? `${line.slice(0, longestWhy)}…` : line;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
