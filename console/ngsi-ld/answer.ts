/**
 * What the hub is asked by NGSI-LD (ETSI GS CIM 009 clauses 6.4, 6.5 and 6.25): its devices now, as
 * entities of the Smart Data Models, for the users of its broker with the rights they have there.
 *
 *   GET /ngsi-ld/v1/entities?type=AirQualityObserved&limit=100&offset=0&count=true
 *   GET /ngsi-ld/v1/entities/urn:ngsi-ld:Device:local:main:hall:m1
 *   GET /ngsi-ld/v1/types
 *
 * Nothing is kept here: each request looks at the broker's retained messages. Names are IRIs;
 * short with `Accept: application/ld+json`, which brings their context, or with a `Link`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Entity, ModelName } from "../../telemetry/index.ts";
import { coreContext, inlineContext, typeIri, writtenEntity } from "../../telemetry/index.ts";
import type { Api } from "../api.ts";
import { callOf } from "../api.ts";
import type { Caller } from "./shown.ts";
import { shownThere } from "./shown.ts";
import type { Asked, Wanted } from "./wanted.ts";
import { isWanted, onlyWanted, QueryProblem, wantedIn } from "./wanted.ts";

const root = "/ngsi-ld/v1/";

/** What a path asks for; undefined: it is none of these. */
export function ngsiLdIn(path: string): Asked | undefined {
  if (path === `${root}entities`) return { what: "entities" };
  if (path === `${root}types`) return { what: "types" };
  const [, id] = /^\/ngsi-ld\/v1\/entities\/([^/]+)$/.exec(path) ?? [];
  return id === undefined ? undefined : { what: "entity", id: unescaped(id) };
}

/** Ids hold `%` themselves: a client escapes it once more, and some none of it. */
function unescaped(id: string): string {
  if (id.startsWith("urn:") && !id.includes("%25")) return id;
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers; it never rejects. */
export async function answerNgsiLd(api: Api, asked: Asked, exchange: Exchange): Promise<void> {
  const { incoming, response } = exchange;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const { args, ...who } = callOf(incoming);
    const wanted = wantedIn(asked, args);
    const found = await foundFor(api, wanted, { ...who, gone: gone.signal });
    if (wanted.counts) response.setHeader("ngsild-results-count", found.count);
    if (asked.what === "types") return end(response, 200, typeList(found.types));
    if (asked.what === "entities") return entities(exchange, found.entities, wanted);
    const [entity] = found.entities;
    if (entity !== undefined) return entities(exchange, entity, wanted);
    problem(response, { status: 404, error: "ResourceNotFound", title: `no ${asked.id}` });
  } catch (error) {
    if (error instanceof QueryProblem) {
      return problem(response, { status: 400, error: "BadRequestData", title: error.message });
    }
    const { status, problem: title, remedy: detail } = api.explain(error);
    if (status === 401) response.setHeader("www-authenticate", 'Basic realm="rackstreet"');
    const kind = status < 500 ? "BadRequestData" : "InternalError";
    problem(response, { status, error: kind, title, detail });
  }
}

interface Found {
  readonly entities: readonly Entity[];
  /** How many there are, as far as was looked. */
  readonly count: number;
  readonly types: ReadonlySet<ModelName>;
}

async function foundFor(api: Api, wanted: Wanted, caller: Caller): Promise<Found> {
  const { ids, limit, offset, counts } = wanted;
  const entities: Entity[] = [];
  const types = new Set<ModelName>();
  let count = 0;
  for await (const shown of shownThere(api, ids, caller)) {
    for (const entity of shown) {
      if (!isWanted(entity, wanted)) continue;
      types.add(entity.type);
      if (count >= offset && entities.length < limit) entities.push(onlyWanted(entity, wanted));
      count += 1;
    }
    if (!counts && entities.length >= limit) break;
  }
  return { entities, count, types };
}

/** `EntityTypeList` (clause 5.2.24). */
function typeList(types: ReadonlySet<ModelName>): object {
  const typeList = [...types].map(typeIri).toSorted((a, b) => a.localeCompare(b));
  return { id: "urn:ngsi-ld:EntityTypeList:rackstreet", type: "EntityTypeList", typeList };
}

function entities(
  { incoming, response }: Exchange,
  found: Entity | readonly Entity[],
  { keyValues }: Wanted,
): void {
  const { accept = "", link } = incoming.headers;
  const isLd = accept.includes("application/ld+json");
  const isShort = isLd || link !== undefined;
  const written = (entity: Entity): object => {
    const whole = writtenEntity(entity, isShort ? "short" : "full");
    const shown = keyValues ? simplified(whole) : whole;
    return isLd ? { ...shown, "@context": inlineContext(entity) } : shown;
  };
  const isList = (given: typeof found): given is readonly Entity[] => Array.isArray(given);
  if (!isLd) response.setHeader("link", link ?? coreLink);
  response.setHeader("content-type", isLd ? "application/ld+json" : "application/json");
  end(response, 200, isList(found) ? found.map(written) : written(found));
}

const rel = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"';
const coreLink = `<${coreContext}>; ${rel}`;

/** The simplified representation (clause 4.5.4): values without what is said of them. */
function simplified(entity: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(entity).map(([name, attribute]) => [name, valueOf(attribute)]),
  );
}

function valueOf(attribute: unknown): unknown {
  if (typeof attribute !== "object" || attribute === null) return attribute;
  if ("value" in attribute) return attribute.value;
  return "object" in attribute ? attribute.object : attribute;
}

/** Problem details (clause 5.5.2, RFC 9457). */
function problem(
  response: ServerResponse,
  {
    status,
    error,
    title,
    detail,
  }: { status: number; error: string; title: string; detail?: string | undefined },
): void {
  const type = `https://uri.etsi.org/ngsi-ld/errors/${error}`;
  end(response, status, { type, title, detail, status });
}

function end(response: ServerResponse, status: number, body: object): void {
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json");
  response.statusCode = status;
  response.end(`${JSON.stringify(body)}\n`);
}
