/**
 * What the hub is asked over HTTP, by the users of its broker (basic authentication, RFC 7617),
 * with the rights they have there. An answer is one JSON object, sent as it is made:
 *
 *   GET /api/v1/latest?filter=rackstreet/v1/+/+/+/power/%23   200 {"v":1,"ok":[…]}
 *   GET /api/v1/catalog                                       401 {"v":1,"problem":…,"remedy":…}
 *
 * What fails after the first part cuts the connection: half an answer is no JSON.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

export interface ApiCall {
  /** What is asked: the last level of the path. */
  readonly request: string;
  readonly args: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** IP address of the other side. */
  readonly remote: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

export interface Api {
  /** The answer, lists that belong together; throws what `explain` explains. */
  ask(call: ApiCall): Promise<AsyncIterable<unknown>>;
  explain(error: unknown): {
    readonly status: number;
    readonly problem: string;
    readonly remedy: string;
  };
}

const root = "/api/v1/";
const requests: ReadonlySet<string> = new Set(["latest", "catalog"]);

/** The request that a path names. */
export function requestIn(path: string): string | undefined {
  const name = path.startsWith(root) ? path.slice(root.length) : "";
  return requests.has(name) ? name : undefined;
}

/** Answers; it never rejects. */
export async function answerApi(
  api: Api,
  request: string,
  { incoming, response }: { readonly incoming: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.setHeader("content-type", "application/json");
  try {
    const parts = await api.ask({ request, ...callOf(incoming), gone: gone.signal });
    await pour(parts, response, gone.signal);
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, ...told } = api.explain(error);
    if (status === 401) response.setHeader("www-authenticate", 'Basic realm="rackstreet"');
    response.statusCode = status;
    response.end(`${JSON.stringify({ v: 1, ...told })}\n`);
  }
}

async function pour(
  parts: AsyncIterable<unknown>,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  let text = '{"v":1,"ok":[';
  let first = true;
  for await (const part of parts) {
    for (const thing of Array.isArray(part) ? part : [part]) {
      text += `${first ? "" : ","}${JSON.stringify(thing)}`;
      first = false;
    }
    if (!response.write(text)) await once(response, "drain", { signal: gone });
    text = "";
  }
  if (!gone.aborted) response.end(`${text}]}\n`);
}

/** Who asks, and what the query says. */
export function callOf({
  url = "",
  headers,
  socket,
}: IncomingMessage): Omit<ApiCall, "request" | "gone"> {
  const query = url.includes("?") ? url.slice(url.indexOf("?") + 1) : "";
  const [scheme = "", proof = ""] = (headers.authorization ?? "").split(" ", 2);
  const basic = scheme.toLowerCase() === "basic" ? Buffer.from(proof, "base64") : undefined;
  const colon = basic?.indexOf(":") ?? -1;
  return {
    args: Object.fromEntries(new URLSearchParams(query)),
    user: colon < 0 ? undefined : basic?.toString("utf8", 0, colon),
    password: colon < 0 ? undefined : basic?.subarray(colon + 1),
    remote: socket.remoteAddress ?? "",
  };
}
