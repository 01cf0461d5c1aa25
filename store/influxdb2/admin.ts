/** Buckets of InfluxDB 2: looked up, made, and given their retention. */
import { GatewayError, isRecord } from "../../telemetry/index.ts";
import { askingError } from "../http/asking.ts";
import type { HttpLink, HttpRequest } from "../http/link.ts";

/** Where a bucket belongs, and how long it keeps what it holds. */
export interface Bucket {
  readonly org: string;
  readonly name: string;
  /** @unit ms; undefined is for ever */
  readonly retention: number | undefined;
}

const headers = { "content-type": "application/json" };

/** The rules of a retention, as InfluxDB 2 writes them; none is for ever. */
export function retentionRules(retention: number | undefined): readonly object[] {
  if (retention === undefined) return [];
  return [{ type: "expire", everySeconds: Math.max(1, Math.round(retention / 1000)) }];
}

/**
 * Makes a bucket; nothing happens when it is there.
 * @throws E_STORE_DOWN, E_STORE_CONFIG
 */
export async function createBucket(
  link: HttpLink,
  { org, name, retention }: Bucket,
  signal: AbortSignal,
): Promise<"made" | "was there"> {
  const orgs = await exchange(link, { method: "GET", path: orgPath(org) }, signal);
  const orgID = idOf(orgs["orgs"], org);
  if (orgID === undefined) {
    const sentence = `there is no organisation "${org}", or the token may not see it`;
    throw new GatewayError("E_STORE_CONFIG", sentence);
  }
  const body = JSON.stringify({ orgID, name, retentionRules: retentionRules(retention) });
  const answer = await link.ask({ method: "POST", path: bucketsPath, headers, body }, signal);
  if (answer.status === 201) return "made";
  if (answer.status === 422 && /already exists/.test(answer.body)) return "was there";
  throw config(askingError(answer, link.target.clock.now()));
}

/**
 * Gives a bucket its retention.
 * @throws E_STORE_DOWN, E_STORE_CONFIG
 */
export async function setRetention(
  link: HttpLink,
  { org, name, retention }: Bucket,
  signal: AbortSignal,
): Promise<void> {
  const path = `${bucketsPath}?${new URLSearchParams({ org, name }).toString()}`;
  const buckets = await exchange(link, { method: "GET", path }, signal);
  const id = idOf(buckets["buckets"], name);
  if (id === undefined) throw new GatewayError("E_STORE_CONFIG", `there is no bucket "${name}"`);
  const body = JSON.stringify({ retentionRules: retentionRules(retention) });
  const request = { method: "PATCH", path: `${bucketsPath}/${id}`, headers, body } as const;
  await exchange(link, request, signal);
}

/** Path of the buckets. */
export const bucketsPath = "/api/v2/buckets";

/** Path of an organisation. */
export function orgPath(org: string): string {
  return `/api/v2/orgs?${new URLSearchParams({ org }).toString()}`;
}

async function exchange(
  link: HttpLink,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await link.ask(request, signal);
  if (answer.status !== 200) throw config(askingError(answer, link.target.clock.now()));
  try {
    const parsed: unknown = JSON.parse(answer.body);
    return isRecord(parsed) ? parsed : {};
  } catch (cause) {
    const sentence = "this is no answer of an InfluxDB 2; check the url";
    throw new GatewayError("E_STORE_CONFIG", sentence, { cause });
  }
}

/** What administration refuses is a matter of configuration, never of a question. */
function config(error: GatewayError): GatewayError {
  if (error.code !== "E_QUERY") return error;
  return new GatewayError("E_STORE_CONFIG", error.message, { cause: error });
}

function idOf(list: unknown, name: string): string | undefined {
  const entries = Array.isArray(list) ? list.filter(isRecord) : [];
  const id = entries.find((entry) => entry["name"] === name)?.["id"];
  return typeof id === "string" ? id : undefined;
}
