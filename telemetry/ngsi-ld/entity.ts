/** What an entity of NGSI-LD is made of, and how it is written (ETSI GS CIM 009 clause 5.2). */
import type { Location } from "../points.ts";
import type { ModelName } from "./models.ts";
import { attributeIri, typeIri, writtenName } from "./names.ts";

/** JSON that an attribute may hold. */
export type AttributeValue =
  | number
  | string
  | readonly string[]
  | Readonly<Record<string, number>>
  | { readonly type: "Point"; readonly coordinates: readonly [number, number] };

export interface Property {
  readonly type: "Property" | "GeoProperty";
  readonly value: AttributeValue;
  /** UN/CEFACT common code. */
  readonly unitCode?: string;
  /** The unit in words, where there is no code. */
  readonly unit?: Property;
  /** Code of the fault behind it. */
  readonly reason?: Property;
  /** ISO 8601, UTC, to the ms. */
  readonly observedAt?: string;
}

export interface Relationship {
  readonly type: "Relationship";
  /** Id of another entity. */
  readonly object: string;
}

export type Attributes = Readonly<Record<string, Property | Relationship>>;

export interface Entity {
  readonly id: string;
  readonly type: ModelName;
  /** By their short names. */
  readonly attributes: Attributes;
}

export function property(value: AttributeValue): Property {
  return { type: "Property", value };
}

/** @param time ms since 1970-01-01 UTC */
export function observedAt(time: number): { readonly observedAt: string } {
  return { observedAt: instant(time) };
}

/** ISO 8601, UTC. @param time ms since 1970-01-01 UTC, of a year that ISO 8601 has */
export function instant(time: number): string {
  return new Date(time).toISOString();
}

/** The attribute `location`, where it is known. */
export function locationOf(location: Location | undefined): Attributes {
  if (location === undefined) return {};
  const { longitude, latitude } = location;
  const value = { type: "Point", coordinates: [longitude, latitude] } as const;
  return { location: { type: "GeoProperty", value } };
}

/** `short` names need a context that has them; `full` ones are IRIs and need none. */
export type NameForm = "short" | "full";

/** An entity as it goes over the wire. */
export function writtenEntity(
  { id, type, attributes }: Entity,
  form: NameForm,
): Readonly<Record<string, unknown>> {
  if (form === "short") return { id, type, ...attributes };
  const named = Object.entries(attributes).map(([name, attribute]) => {
    return [writtenName(type, name), withFullUnit(attribute)];
  });
  return { id, type: typeIri(type), ...Object.fromEntries(named) };
}

/** Every broker has it; it goes last, as nothing may redefine it. */
export const coreContext = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld";

/** What the short names of an entity mean, with nothing to fetch but the core. */
export function inlineContext({ type, attributes }: Entity): readonly unknown[] {
  const names = Object.keys(attributes).map((name) => [name, attributeIri(type, name)]);
  return [{ ...Object.fromEntries(names), unit: unitIri, [type]: typeIri(type) }, coreContext];
}

const unitIri = attributeIri("DeviceMeasurement", "unit");

function withFullUnit(attribute: Property | Relationship): object {
  if (!("unit" in attribute)) return attribute;
  const { unit, ...rest } = attribute;
  return { ...rest, [unitIri]: unit };
}
