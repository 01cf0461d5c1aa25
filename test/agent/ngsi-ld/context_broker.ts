/**
 * A context broker as strict as ETSI GS CIM 009 V1.8.1: `entityOperations/upsert` of clause
 * 6.15.3.1 with `options=update`, entities as `entitySchema` has them, one tenant. It holds what
 * was told; tests script its bad days.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import { v } from "../../../config/index.ts";
import { portOf } from "../../ports.ts";
import { attributeName, entitySchema } from "../../telemetry/ngsi-ld/schema.ts";

export interface Said {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type HeldEntity = Readonly<Record<string, unknown>>;

export interface ContextBroker extends AsyncDisposable {
  readonly url: string;
  readonly entities: ReadonlyMap<string, HeldEntity>;
  /** What was answered so far, and to how many entities. */
  readonly answers: readonly { readonly status: number; readonly count: number }[];
  readonly requests: readonly IncomingMessage[];
  /** Says something else: to the whole request, or of one entity. */
  script: (entities: readonly HeldEntity[]) => Said | undefined;
  refuse: (entity: HeldEntity) => object | undefined;
}

export interface Strictness {
  readonly tenant?: string | undefined;
  /** The only context it can fetch. */
  readonly context?: string | undefined;
}

const body = v.pipe(v.array(entitySchema), v.minLength(1), v.maxLength(1000));
const core = /^(id|type|location|status|description|quality|https:\/\/.+)$/;

export async function startContextBroker(strict: Strictness = {}): Promise<ContextBroker> {
  const entities = new Map<string, HeldEntity>();
  const answers: { status: number; count: number }[] = [];
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const text = Buffer.concat(await request.toArray()).toString();
      requests.push(request);
      const { status, body: said, headers, count } = answer(request, text);
      answers.push({ status, count });
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(said === undefined ? "" : JSON.stringify(said));
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  function answer(request: IncomingMessage, text: string): Said & { readonly count: number } {
    const wrong = problemOf(request, strict);
    if (wrong !== undefined) return { ...wrong, count: 0 };
    const parsed = v.safeParse(body, JSON.parse(text));
    if (!parsed.success) return { ...bad(v.flatten(parsed.issues)), count: 0 };
    const given = parsed.output;
    const count = given.length;
    const names = given.flatMap((entity) => Object.keys(entity));
    const isShort = request.headers["link"] !== undefined;
    const unknown = names.find((name) => {
      return !v.is(attributeName, name) || (!isShort && !core.test(name));
    });
    if (unknown !== undefined) return { ...bad(`no name: ${unknown}`), count };
    if (new Set(given.map(({ id }) => id)).size < count) return { ...bad("an id twice"), count };
    return { ...(broker.script(given) ?? upserted(given)), count };
  }

  function upserted(given: readonly HeldEntity[]): Said {
    const errors: object[] = [];
    const created: unknown[] = [];
    const success: unknown[] = [];
    for (const entity of given) {
      const id = String(entity["id"]);
      const problem = broker.refuse(entity);
      if (problem !== undefined) {
        errors.push({ entityId: id, error: problem });
        continue;
      }
      success.push(id);
      const held = entities.get(id);
      if (held === undefined) created.push(id);
      entities.set(id, { ...held, ...entity });
    }
    if (errors.length > 0) return { status: 207, body: { success, errors } };
    return created.length > 0 ? { status: 201, body: created } : { status: 204 };
  }

  const broker: ContextBroker = {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    entities,
    answers,
    requests,
    script: () => undefined,
    refuse: () => undefined,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return broker;
}

const rel = "http://www.w3.org/ns/json-ld#context";
const linkForm = new RegExp(`^<([^>]+)>; rel="${rel}"; type="application/ld\\+json"$`);

function problemOf(request: IncomingMessage, { tenant, context }: Strictness): Said | undefined {
  const { method, url, headers } = request;
  if (url !== "/ngsi-ld/v1/entityOperations/upsert?options=update") return { status: 404 };
  if (method !== "POST") return { status: 405 };
  if (headers["content-type"] !== "application/json") return { status: 415 };
  if (headers["ngsild-tenant"] !== tenant) {
    const type = "https://uri.etsi.org/ngsi-ld/errors/NonexistentTenant";
    return { status: 404, body: { type, title: "No such tenant" } };
  }
  if (headers["link"] === undefined) return undefined;
  const [, target] = linkForm.exec(String(headers["link"])) ?? [];
  const type = "https://uri.etsi.org/ngsi-ld/errors/LdContextNotAvailable";
  return target === context ? undefined : { status: 503, body: { type, title: "No context" } };
}

function bad(detail: unknown): Said {
  const type = "https://uri.etsi.org/ngsi-ld/errors/BadRequestData";
  return { status: 400, body: { type, title: "Bad request", detail: JSON.stringify(detail) } };
}
