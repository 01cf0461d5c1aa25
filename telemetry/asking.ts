/**
 * Asking a hub: a request on its topic `ask`, the answer on the asker's own topic `answer`, in one
 * part or several.
 *
 * ask     {"v":1,"id":"7f3a","do":"latest","filter":"rackstreet/v1/+/+/+/power/#"}
 * answer  {"v":1,"id":"7f3a","part":1,"last":false,"ok":[…]}
 *         {"v":1,"id":"7f3a","part":2,"last":true,"ok":[…]}
 *         {"v":1,"id":"7f3a","part":1,"last":true,"problem":"…","remedy":"…"}
 *
 * `client` names another client of the same user, which is answered instead: for programs that
 * publish and leave. A problem ends an answer, whatever came before it. Decoding is total.
 */
import type { Decoded } from "./payload.ts";
import { isRecord } from "./unknown.ts";

/** What a client asks. */
export interface Ask {
  /** Chosen by who asks: it tells answers apart. */
  readonly id: string;
  /** Name of the request. */
  readonly do: string;
  /** Client identifier of who is answered; left out: who asks. */
  readonly client?: string | undefined;
  /** Everything else in the payload. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** One part of an answer. */
export interface AnswerPart {
  readonly id: string;
  /** From 1. */
  readonly part: number;
  readonly last: boolean;
  readonly body: { readonly ok: unknown } | { readonly problem: string; readonly remedy: string };
}

/** Longest request. @unit bytes */
export const longestAsk = 16_384;

/** The `id` of the answer to a request whose own cannot be read. */
export const unreadableId = "";

export function encodeAsk({ id, do: name, client, args }: Ask): string {
  return JSON.stringify({ ...args, v: 1, id, do: name, client });
}

export function encodeAnswer({ id, part, last, body }: AnswerPart): string {
  return JSON.stringify({ v: 1, id, part, last, ...body });
}

/** A problem with the id of the request, where that could be read. */
export type DecodedAsk = { readonly ok: Ask } | { readonly id: string; readonly problem: string };

/** Decodes an `ask` payload. Never throws. */
export function decodeAsk(bytes: Uint8Array): DecodedAsk {
  if (bytes.length > longestAsk) {
    return { id: unreadableId, problem: `a request has at most ${longestAsk} bytes` };
  }
  const body = bodyOf(bytes);
  if (body === undefined) return { id: unreadableId, problem: "not a JSON object" };
  const { v: version, id, do: name, client, ...args } = body;
  if (!isName(id)) {
    return { id: unreadableId, problem: "id must be 1 to 64 of a-z, A-Z, 0-9, _ and -" };
  }
  if (version !== 1) return { id, problem: "v must be 1" };
  if (!isName(name)) return { id, problem: "do must be the name of a request" };
  if (client !== undefined && !isName(client)) {
    return { id, problem: "client must be a client identifier" };
  }
  return { ok: { id, do: name, client, args } };
}

/** Decodes an `answer` payload. Never throws. */
export function decodeAnswer(bytes: Uint8Array): Decoded<AnswerPart> {
  const body = bodyOf(bytes);
  if (body?.["v"] !== 1) return { problem: "not a JSON object with v 1" };
  const { id, part, last, problem, remedy } = body;
  const numbered = typeof part === "number" && Number.isSafeInteger(part) && part > 0;
  if (typeof id !== "string" || !numbered || typeof last !== "boolean") {
    return { problem: "id, part or last is missing" };
  }
  if (typeof problem === "string") {
    return { ok: { id, part, last, body: { problem, remedy: String(remedy) } } };
  }
  if (!("ok" in body)) return { problem: "neither ok nor a problem" };
  return { ok: { id, part, last, body: { ok: body["ok"] } } };
}

function bodyOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(Buffer.from(bytes).toString());
    return isRecord(body) && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value);
}
