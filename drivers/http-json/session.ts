/** One device that is asked over HTTP: a group for each request, on a connection that is shared. */
import type { Fault, Point, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Origin, Session, Trace } from "../contract.ts";
import { parseJson } from "../mapping/json.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { pointOf } from "../mapping/mapping.ts";
import type { DeviceAnswer, HttpClient } from "../transport/http.ts";
import type { RequestForm } from "./options.ts";

/** What an answer says that is none, short. @unit characters */
const shown = 80;

export interface HttpJsonParts {
  readonly id: string;
  readonly client: Pick<HttpClient, "ask" | "name">;
  /** Before the paths of the requests. */
  readonly base: string;
  readonly requests: Readonly<Record<string, RequestForm>>;
  /** @throws E_SECRET_MISSING */
  readonly headers: () => Readonly<Record<string, string>>;
  /** @unit bytes */
  readonly limit: number;
  readonly mapping: Mapping;
  readonly release: () => Promise<void>;
}

export class HttpJsonSession implements Session {
  readonly groups: readonly Group[];
  readonly #parts: HttpJsonParts;
  readonly #ending = new AbortController();

  constructor(parts: HttpJsonParts) {
    this.#parts = parts;
    this.groups = Object.entries(parts.requests).map(([name, { every }]) => ({ name, every }));
  }

  /** @throws what the first request threw, when none was answered */
  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const either = AbortSignal.any([signal, this.#ending.signal]);
    const points: Point[] = [];
    const faults: Fault[] = [];
    const errors: GatewayError[] = [];
    let answered = 0;
    for (const [name, request] of Object.entries(this.#parts.requests)) {
      if (!groups.includes(name)) continue;
      try {
        const data = await this.#ask(request, either);
        const mapped = this.#parts.mapping.map({ name, data, texts: false });
        answered += 1;
        points.push(...mapped.parts.map(pointOf));
        faults.push(...mapped.faults);
        for (const one of mapped.traces) trace?.(one);
      } catch (error) {
        if (!(error instanceof GatewayError) || either.aborted) throw error;
        errors.push(error);
        faults.push({ code: error.code, at: whatOf(request) });
      }
    }
    const [first] = errors;
    if (first !== undefined && answered === 0) throw first;
    return { points, faults };
  }

  origin(): Origin {
    const { client, base, mapping } = this.#parts;
    return { endpoint: { server: client.name, path: base || "/" }, sources: mapping.sources };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#parts.release();
  }

  async #ask(request: RequestForm, signal: AbortSignal) {
    const { client, base, headers, limit, id } = this.#parts;
    const { method, path, body } = request;
    const name = `${id} at ${client.name}: ${whatOf(request)}`;
    const typed = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await client.ask(
      {
        method,
        path: `${base}${path}` || "/",
        headers: { accept: "application/json", ...typed, ...headers() },
        ...(body === undefined ? {} : { body }),
        limit,
      },
      signal,
    );
    const refusal = refusalOf(answer, name);
    if (refusal !== undefined) throw refusal;
    return parseJson(answer.body, name);
  }
}

function whatOf({ method, path }: RequestForm): string {
  return `${method} ${path || "/"}`;
}

/** What a status means that is no answer: RFC 9110, section 15. */
function refusalOf(
  { status, headers, body }: DeviceAnswer,
  name: string,
): GatewayError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) {
    return new GatewayError("E_LOGIN", `${name}: refused with ${status}`);
  }
  if (status >= 300 && status < 400) {
    const to = (headers.location ?? "nowhere").slice(0, shown);
    return new GatewayError("E_DEVICE_REFUSED", `${name}: sends us to ${to}; ask there instead`);
  }
  const said = body.replaceAll(/\s+/g, " ").trim().slice(0, shown);
  const why = said === "" ? `${status}` : `${status}: ${said}`;
  return new GatewayError("E_DEVICE_REFUSED", `${name}: answered ${why}`);
}
