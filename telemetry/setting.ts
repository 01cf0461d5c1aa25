/**
 * Setting something on a device: a request on its topic `set`, the answer on `result`.
 *
 * set     {"v":1,"id":"7f3a","setting":"level_pct","value":40,"time":1763892000123,
 *          "expires":1763892010123,"by":"lighting"}
 * result  {"v":1,"id":"7f3a","setting":"level_pct","value":40,"outcome":"done","shown":40,
 *          "code":"none","why":"","time":1763892000456}
 *
 * `by` is put in by the hub, which knows who published. Decoding is total.
 */
import type { Decoded } from "./payload.ts";
import { isRecord } from "./unknown.ts";

/** What somebody wants set. Times in ms since 1970-01-01 UTC. */
export interface SetRequest {
  /** Chosen by who asks; the same id is never carried out twice. */
  readonly id: string;
  readonly setting: string;
  /** In the unit of the setting's name. */
  readonly value: number;
  readonly time: number;
  /** Not carried out after this. */
  readonly expires: number;
  readonly by?: string | undefined;
}

/**
 * `done`: the device took it. `refused`: it may not be set, or not so. `failed`: surely not done.
 * `expired`: too late. `unknown`: it was sent and not answered; look before asking again.
 */
export const setOutcomes = ["done", "refused", "failed", "expired", "unknown"] as const;
export type SetOutcome = (typeof setOutcomes)[number];

export interface SetResult {
  readonly id: string;
  readonly setting: string;
  readonly value: number;
  readonly outcome: SetOutcome;
  /** What the device showed when it was read back. */
  readonly shown?: number | undefined;
  /** Code of the fault, or `none`. */
  readonly code: string;
  readonly why: string;
  readonly time: number;
}

/** Longest request or answer. @unit bytes */
export const maxSetting = 4096;

export function encodeSetRequest(request: SetRequest): string {
  return JSON.stringify({ v: 1, ...request });
}

export function encodeSetResult(result: SetResult): string {
  return JSON.stringify({ v: 1, ...result });
}

/** Decodes a `set` payload. Never throws. */
export function decodeSetRequest(bytes: Uint8Array): Decoded<SetRequest> {
  const body = bodyOf(bytes);
  if (body === undefined) return { problem: "not a JSON object with v 1, of 4 KiB at most" };
  const { id, setting, value, time, expires, by } = body;
  if (!isName(id)) return { problem: "id must be 1 to 64 of a-z, A-Z, 0-9, _ and -" };
  if (!isName(setting)) return { problem: "setting must be a name" };
  if (typeof value !== "number") return { problem: "value must be a number" };
  if (!isTime(time) || !isTime(expires)) return { problem: "time and expires must be ms UTC" };
  return { ok: { id, setting, value, time, expires, by: typeof by === "string" ? by : undefined } };
}

/** Decodes a `result` payload. Never throws. */
export function decodeSetResult(bytes: Uint8Array): Decoded<SetResult> {
  const body = bodyOf(bytes);
  if (body === undefined) return { problem: "not a JSON object with v 1" };
  const { id, setting, value, outcome, shown, code, why, time } = body;
  const known = setOutcomes.find((one) => one === outcome);
  if (!isName(id) || !isName(setting) || known === undefined || typeof value !== "number") {
    return { problem: "id, setting, value or outcome is missing" };
  }
  return {
    ok: {
      id,
      setting,
      value,
      outcome: known,
      shown: typeof shown === "number" ? shown : undefined,
      code: String(code),
      why: String(why),
      time: Number(time),
    },
  };
}

function bodyOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  if (bytes.length > maxSetting) return undefined;
  try {
    const body: unknown = JSON.parse(Buffer.from(bytes).toString());
    return isRecord(body) && body["v"] === 1 ? body : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
