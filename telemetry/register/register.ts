/**
 * Lookups and checks over the register. A point is legal when its measurement is known, its tags
 * are the measurement's channel, and each field is known (or starts with `x_`), of its own type
 * and finite.
 */
import type { Fields, FieldValue, Point } from "../points.ts";
import { numberingFields, quality } from "../points.ts";
import type { Unit } from "../units.ts";
import { unitOf } from "../units.ts";
import type { FieldEntry, MeasurementEntry } from "./measurements.ts";
import { measurements } from "./measurements.ts";
import type { RolledField, RollupWindow } from "./rollups.ts";
import { maxRolledFields, rolledCandidates, rollupName, rollupNames } from "./rollups.ts";

const register: ReadonlyMap<string, MeasurementEntry> = new Map(Object.entries(measurements));

/** Tags that every line may carry, in the order that suits the stores. */
export const placeTags = ["region", "org", "site", "zone", "rack", "device"] as const;

/** Largest number of fields a point may have; InfluxDB 3 allows 500 columns in a table. */
export const maxFields = 200;
/** Largest number of fields of a row: a point's and its batch's number. */
export const maxColumns = maxFields + numberingFields.size;

/** Largest number of fields of a roll-up's line: six of each field that is rolled up, and `q`. */
export const maxRollupFields = 6 * maxRolledFields + 1;

/** Longest text a field may hold. @unit characters */
export const maxText = 1024;

const namePattern = /^[a-z][a-z0-9_]{0,63}$/;

/** A measurement that devices may give. */
export function measurementEntry(name: string): MeasurementEntry | undefined {
  return register.get(name);
}

/** Which measurement a roll-up is of, and over which windows. */
export interface Rollup {
  readonly of: string;
  readonly window: RollupWindow;
}

const rollups: ReadonlyMap<string, Rollup> = new Map(
  [...register.keys()].flatMap((of) =>
    rollupNames.map((window): [string, Rollup] => [rollupName(of, window), { of, window }]),
  ),
);

/** What a stored measurement is a roll-up of, or undefined when it is none. */
export function rollupOf(name: string): Rollup | undefined {
  return rollups.get(name);
}

/** The channel tag of a stored measurement, a roll-up's too. */
export function channelTagOf(name: string): string | undefined {
  return register.get(rollups.get(name)?.of ?? name)?.channel;
}

/** Whether the hub stores under this name: a measurement of the register, or a roll-up of one. */
export function isStoredName(name: string): boolean {
  return register.has(name) || rollups.has(name);
}

export interface FieldFacts {
  readonly entry: FieldEntry | undefined;
  readonly unit: Unit | undefined;
  readonly type: "float" | "integer" | "text" | "any";
}

const qualityFacts: FieldFacts = { entry: { about: "Quality." }, unit: undefined, type: "integer" };

const numberFacts: FieldFacts = { entry: undefined, unit: undefined, type: "integer" };

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
  const found = known.get(measurement)?.get(field);
  if (found !== undefined) return found;
  const rollup = rollups.get(measurement);
  return rollup === undefined ? ownField(field) : rolledFieldOf(rollup.of, field)?.facts;
}

/** A field of a roll-up: what it is made of, and what is known of it. */
export interface RolledFacts extends RolledField {
  readonly facts: FieldFacts;
}

/** What a field of a roll-up of `measurement` is, or undefined when there is no such field. */
export function rolledFieldOf(measurement: string, name: string): RolledFacts | undefined {
  for (const rolled of rolledCandidates(name)) {
    const facts = fieldFacts(measurement, rolled.field);
    if (rolled.field === "q" || facts === undefined || facts.type === "text") continue;
    return { ...rolled, facts: factsOfRolled(rolled, facts) };
  }
  return undefined;
}

function factsOfRolled({ aggregate, field }: RolledField, facts: FieldFacts): FieldFacts {
  if (aggregate === "count") {
    return { entry: { about: `Rows with ${field}.` }, unit: unitOf("x_count"), type: "integer" };
  }
  const about = `${aggregate} of ${field}`;
  if (aggregate === "sum" || aggregate === "mean") {
    return { entry: { about }, unit: facts.unit, type: "float" };
  }
  const { states } = facts.entry ?? {};
  const entry = states === undefined ? { about } : { about, states };
  return { entry, unit: facts.unit, type: facts.type === "integer" ? "integer" : "float" };
}

/** Whether a numeric field of a measurement begins again at 0 with what counts it. */
export function restartsAtZero(measurement: string, field: string): boolean {
  return fieldFacts(measurement, field)?.entry?.restarts === true;
}

/** The same for a column of a store, where rows also carry their batch's number. */
export function columnFacts(measurement: string, field: string): FieldFacts | undefined {
  return numberingFields.has(field) ? numberFacts : fieldFacts(measurement, field);
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

/** The same for a row of a roll-up that the hub of another region has made. */
export function summaryProblemOf(point: Point): string | undefined {
  const rollup = rollups.get(point.measurement);
  if (rollup === undefined) return `${point.measurement} is no roll-up`;
  return problemIn(point, register.get(rollup.of), maxRolledFields * aggregatesMost);
}

/** Why a point may not be stored, in one sentence, or undefined when it may. */
export function problemOf(point: Point): string | undefined {
  const entry = register.get(point.measurement);
  if (entry === undefined) {
    if (rollups.has(point.measurement)) return `${point.measurement} is made by the hub alone`;
    return `measurement ${point.measurement} is not in the register`;
  }
  return problemIn(point, entry);
}

/** Aggregates of one field at most. */
const aggregatesMost = 6;

function problemIn(
  point: Point,
  entry: MeasurementEntry | undefined,
  most = maxFields,
): string | undefined {
  for (const tag in point.tags) {
    const value = point.tags[tag] ?? "";
    if (tag !== entry?.channel) return `${point.measurement} has no tag ${tag}`;
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
  return count > most ? `a point has at most ${most} fields` : undefined;
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
