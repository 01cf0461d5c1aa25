/**
 * What a query of NGSI-LD wants (ETSI GS CIM 009 clause 6.4.3.2): of its parameters those that say
 * which entities and how many, and how they are written. Any other is refused, not ignored.
 */
import { v } from "../../config/index.ts";
import type { Entity, ModelName } from "../../telemetry/index.ts";
import { attributeIri, typeIri } from "../../telemetry/index.ts";

/** What a path asks for. */
export type Asked =
  | { readonly what: "entities" }
  | { readonly what: "types" }
  | { readonly what: "entity"; readonly id: string };

export interface Wanted {
  /** Undefined: any. */
  readonly ids: ReadonlySet<string> | undefined;
  /** Short names or IRIs; undefined: any. */
  readonly types: ReadonlySet<string> | undefined;
  /** The same of attributes: what has none of them is not wanted, and only these are. */
  readonly attributes: ReadonlySet<string> | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly counts: boolean;
  readonly keyValues: boolean;
}

/** The query cannot be answered; the message says why. */
export class QueryProblem extends Error {}

function digits(least: number, most: number) {
  const sentence = `must be a whole number from ${least} to ${most}`;
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/, sentence),
    v.transform(Number),
    v.minValue(least, sentence),
    v.maxValue(most, sentence),
  );
}

const list = v.pipe(
  v.string(),
  v.minLength(1, "must not be empty"),
  v.maxLength(8192, "is too long"),
  v.transform((text) => new Set(text.split(","))),
);

const writing = {
  attrs: v.optional(list),
  options: v.optional(v.picklist(["keyValues", "normalized"])),
  format: v.optional(v.picklist(["keyValues", "simplified", "normalized"])),
  local: v.optional(v.picklist(["true", "false"])),
};

const entitiesQuery = v.strictObject({
  type: v.optional(list),
  id: v.optional(list),
  limit: v.optional(digits(0, 1000), "20"),
  offset: v.optional(digits(0, 1e9), "0"),
  count: v.optional(v.picklist(["true", "false"]), "false"),
  ...writing,
});

const entityQuery = v.strictObject(writing);
const typesQuery = v.strictObject({ local: writing.local });

/** @throws QueryProblem */
export function wantedIn(asked: Asked, args: Readonly<Record<string, string>>): Wanted {
  if (asked.what === "entities") return wantedOf(args);
  const all = { types: undefined, offset: 0, limit: 1, counts: asked.what === "types" };
  if (asked.what === "types") {
    parsed(typesQuery, args);
    return { ...all, ids: undefined, attributes: undefined, keyValues: false };
  }
  const { attrs, ...how } = parsed(entityQuery, args);
  return { ...all, ids: new Set([asked.id]), attributes: attrs, keyValues: isSimple(how) };
}

function wantedOf(args: Readonly<Record<string, string>>): Wanted {
  const { type, id, attrs, limit, offset, count, ...how } = parsed(entitiesQuery, args);
  if (type === undefined && id === undefined && attrs === undefined) {
    throw new QueryProblem("too wide a query: give type, id or attrs");
  }
  const counts = count === "true";
  if (limit === 0 && !counts) throw new QueryProblem("limit=0 goes with count=true");
  const what = { ids: id, types: type, attributes: attrs };
  return { ...what, limit, offset, counts, keyValues: isSimple(how) };
}

function isSimple({
  options,
  format,
}: {
  readonly options?: string | undefined;
  readonly format?: string | undefined;
}): boolean {
  return (format ?? options ?? "normalized") !== "normalized";
}

function parsed<Out>(
  schema: v.GenericSchema<unknown, Out>,
  args: Readonly<Record<string, string>>,
): Out {
  const { success, output, issues } = v.safeParse(schema, args);
  if (success) return output;
  const [{ path, message }] = issues;
  const key = path?.map((item) => String(item.key)).join(".") ?? "query";
  const isUnknown = message.startsWith("Invalid key: Expected never");
  throw new QueryProblem(`${key}: ${isUnknown ? "not supported here" : message}`);
}

export function isWanted({ id, type, attributes }: Entity, wanted: Wanted): boolean {
  if (wanted.ids !== undefined && !wanted.ids.has(id)) return false;
  if (wanted.types?.has(type) === false && !wanted.types.has(typeIri(type))) return false;
  if (wanted.attributes === undefined) return true;
  return Object.keys(attributes).some((name) => isNamed(wanted.attributes, type, name));
}

/** An entity with the attributes that are wanted. */
export function onlyWanted(entity: Entity, { attributes: names }: Wanted): Entity {
  if (names === undefined) return entity;
  const { type, attributes } = entity;
  const kept = Object.entries(attributes).filter(([name]) => isNamed(names, type, name));
  return { ...entity, attributes: Object.fromEntries(kept) };
}

function isNamed(names: ReadonlySet<string> | undefined, type: ModelName, name: string): boolean {
  return names === undefined || names.has(name) || names.has(attributeIri(type, name));
}
