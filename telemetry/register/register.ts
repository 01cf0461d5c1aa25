/**
 * Lookups and checks over the register. A point is legal when its measurement is known, its tags
 * are the measurement's channel, and each field is known (or starts with `x_`), of its own type
 * and finite.
 */
import type { Fields, FieldValue, Point } from "../points.ts";
import { quality } from "../points.ts";
import type { Unit } from "../units.ts";
import { unitOf } from "../units.ts";
import type { FieldEntry, MeasurementEntry } from "./measurements.ts";
import { measurements } from "./measurements.ts";

const register: ReadonlyMap<string, MeasurementEntry> = new Map(Object.entries(measurements));

/** Tags that every line may carry, in the order that suits the stores. */
export const placeTags = ["region", "org", "site", "zone", "rack", "device"] as const;

/** Largest number of fields a point may have; InfluxDB 3 allows 500 columns in a table. */
export const maxFields = 200;

/** Longest text a field may hold. @unit characters */
export const maxText = 1024;

const namePattern = /^[a-z][a-z0-9_]{0,63}$/;

export function measurementEntry(name: string): MeasurementEntry | undefined {
  return register.get(name);
}

export interface FieldFacts {
  readonly entry: FieldEntry | undefined;
  readonly unit: Unit | undefined;
  readonly type: "float" | "integer" | "text" | "any";
}

const qualityFacts: FieldFacts = { entry: { about: "Quality." }, unit: undefined, type: "integer" };

/** Everything the register says of each field, worked out once. */
const known: ReadonlyMap<string, ReadonlyMap<string, FieldFacts>> = new Map(
  [...register].map(([measurement, { fields }]) => {
    const facts = Object.entries(fields).map(([field, entry]): [string, FieldFacts] => [
      field,
      factsOf(field, entry),
    ]);
    return [measurement, new Map(facts)];
  }),
);

/** What is known of a field, or undefined when it is not legal there. */
export function fieldFacts(measurement: string, field: string): FieldFacts | undefined {
  if (field === "q") return qualityFacts;
  return known.get(measurement)?.get(field) ?? ownField(field);
}

/** A field of the user's own: of any type, unless its name ends in a unit. */
function ownField(field: string): FieldFacts | undefined {
  if (!field.startsWith("x_") || !namePattern.test(field)) return undefined;
  const unit = unitOf(field);
  return { entry: undefined, unit, type: unit === undefined ? "any" : numberType(unit) };
}

function factsOf(field: string, entry: FieldEntry): FieldFacts {
  const unit = unitOf(field);
  if (entry.text === true) return { entry, unit, type: "text" };
  return { entry, unit, type: unit === undefined ? "float" : numberType(unit) };
}

function numberType(unit: Unit): "integer" | "float" {
  return unit.integer === true ? "integer" : "float";
}

/** Why a point may not be stored, in one sentence, or undefined when it may. */
export function problemOf(point: Point): string | undefined {
  const entry = register.get(point.measurement);
  if (entry === undefined) return `measurement ${point.measurement} is not in the register`;
  for (const tag in point.tags) {
    const value = point.tags[tag] ?? "";
    if (tag !== entry.channel) return `${point.measurement} has no tag ${tag}`;
    if (value === "" || value.length > 64) return `tag ${tag} must have 1 to 64 characters`;
  }
  const facts = known.get(point.measurement);
  let count = 0;
  for (const field in point.fields) {
    count += 1;
    const fact = facts?.get(field) ?? fieldFacts(point.measurement, field);
    if (fact === undefined) return `${point.measurement} has no field ${field}`;
    const problem = valueProblem(fact, field, point.fields[field]);
    if (problem !== undefined) return problem;
  }
  if (count === 0) return "a point needs a field";
  return count > maxFields ? `a point has at most ${maxFields} fields` : undefined;
}

function valueProblem(
  facts: FieldFacts,
  field: string,
  value: FieldValue | undefined,
): string | undefined {
  if (typeof value === "string") {
    if (facts.type !== "text" && facts.type !== "any") return `${field} must be a number`;
    return value.length > maxText ? `${field} is longer than ${maxText} characters` : undefined;
  }
  if (facts.type === "text") return `${field} must be a text`;
  if (facts.type === "integer") {
    return Number.isSafeInteger(value) ? undefined : `${field} must be a whole number`;
  }
  return Number.isFinite(value) ? undefined : `${field} must be finite`;
}

/** The fields with `q` set to uncertain when one of them is outside its valid range. */
export function withRangeQuality(measurement: string, fields: Fields): Fields {
  for (const field in fields) {
    const value = fields[field];
    const range = fieldFacts(measurement, field)?.entry?.range;
    if (range === undefined || typeof value !== "number") continue;
    if (value < range[0] || value > range[1]) {
      const q = Math.max(quality.uncertain, Number(fields["q"] ?? 0));
      return { ...fields, q };
    }
  }
  return "q" in fields ? fields : { ...fields, q: quality.good };
}
