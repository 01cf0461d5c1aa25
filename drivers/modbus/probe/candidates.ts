/**
 * Ranks what registers may be against what is expected of them. Pure.
 *
 * A candidate's score is the logarithm of its odds: how well the value fits, less how unusual its
 * form, scale and place are, less how easily registers of any content would have fitted. A value
 * that a 16-bit register hits by chance once in a hundred proves less than a float that fits.
 */
import type { Place } from "./places.ts";
import type { Expectation, QuantityName } from "./quantities.ts";
import { quantities } from "./quantities.ts";
import type { RawReading } from "./readings.ts";
import { readAs, readingsAt } from "./readings.ts";
import { scaledBy, scalesOf } from "./scales.ts";
import type { Snapshot } from "./snapshot.ts";
import { registerTables } from "./snapshot.ts";

export interface Candidate extends Pick<RawReading, "table" | "at" | "type" | "order" | "also"> {
  readonly quantity: QuantityName;
  readonly scale: number;
  /** @unit that of the quantity */
  readonly value: number;
  readonly why: readonly string[];
  /** Probability that this is it, among all that was looked at. @range 0 to 1 */
  readonly confidence: number;
  /** @unit nat */
  readonly score: number;
}

/** What is known of one expectation after the search. */
export interface Answer {
  readonly expectation: Expectation;
  /** The best first, bounded. */
  readonly candidates: readonly Candidate[];
}

export interface Search {
  /** The first is searched; later ones must agree with it. */
  readonly snapshots: readonly Snapshot[];
  readonly expectations: readonly Expectation[];
  /** Where to look; undefined: at every address of the snapshot. */
  readonly places?: readonly Place[] | undefined;
}

/** Candidates kept of an expectation. */
const keptLimit = 20;

/** Most that other quantities in the same form speak for a candidate. @unit nat */
const familyBonus = 2;

/** A value that left the expectation between two reads. @unit nat */
const unsteadyCost = 5;

/** A counter wider than 16 bits is what one expects. @unit nat */
const wideCounterBonus = 1;

/** The candidates of each expectation, the likeliest first. */
export function candidates(search: Search): Answer[] {
  const [snapshot] = search.snapshots;
  if (snapshot === undefined) return [];
  const places = search.places ?? everyPlace(snapshot);
  const read = places.map((place) => ({
    place,
    readings: readingsAt(snapshot, place.table, place.at),
  }));
  const later = search.snapshots.slice(1);
  const found = search.expectations.map((expectation) => {
    const all = read.flatMap((one) => fits(one, later, expectation));
    return { expectation, candidates: best(all) };
  });
  return found.map((answer, index) => {
    const others = found.filter((_, other) => other !== index);
    const lifted = answer.candidates.map((candidate) => withFamily(candidate, others));
    return { ...answer, candidates: ranked(lifted, places.length) };
  });
}

function everyPlace({ words }: Snapshot): Place[] {
  return registerTables.flatMap((table) =>
    [...words[table].keys()].map((at) => ({ table, at, reading: "", cost: 0 })),
  );
}

interface ReadPlace {
  readonly place: Place;
  readonly readings: readonly RawReading[];
}

function fits(
  { place, readings }: ReadPlace,
  later: readonly Snapshot[],
  expectation: Expectation,
): Candidate[] {
  return readings.flatMap((reading) => {
    const one = bestScale(reading, expectation);
    if (one === undefined) return [];
    const steady = later.every((snapshot) => isSteady(reading, one, { snapshot, expectation }));
    const score = one.score - place.cost - (steady ? 0 : unsteadyCost);
    const why = [
      fitText(one.value, expectation),
      ...(place.reading === "" || place.reading === "as given" ? [] : [place.reading]),
      ...(steady ? [] : ["it did not stay there"]),
    ];
    const { table, at, type, order, also } = reading;
    const { quantity } = expectation;
    const { scale, value } = one;
    const form = { table, at, type, order, also, quantity, scale };
    return [{ ...form, value, why, score, confidence: 0 }];
  });
}

interface Scaled {
  readonly scale: number;
  readonly value: number;
  readonly score: number;
}

/** Of all scales that bring a raw number into the tolerance, the likeliest. */
function bestScale(reading: RawReading, expectation: Expectation): Scaled | undefined {
  const { quantity, value: wanted, tolerance } = expectation;
  let found: Scaled | undefined;
  for (const { scale, cost } of scalesOf(quantity, reading.float)) {
    const value = scaledBy(reading.raw, scale);
    const off = Math.abs(value - wanted) / tolerance;
    if (off > 1) continue;
    const wide = isCounter(quantity) && reading.bits >= 32 && !reading.float;
    const chance = chanceOf(reading, expectation, scale);
    const fit = fitOf(value, expectation) - Math.log(chance);
    const score = fit - reading.cost - cost + (wide ? wideCounterBonus : 0);
    if (found === undefined || score > found.score) found = { scale, value, score };
  }
  return found;
}

/**
 * How well a value fits: either it is what was read off a display, to the last digit, or it has
 * moved since, within the tolerance. @unit nat
 */
function fitOf(value: number, { value: wanted, tolerance, precision }: Expectation): number {
  const off = value - wanted;
  const moved = Math.exp(-2 * (off / tolerance) ** 2);
  const exact = (tolerance / (2 * precision)) * Math.exp(-0.5 * (off / precision) ** 2);
  return Math.log(0.5 * moved + 0.5 * exact);
}

function isCounter(quantity: QuantityName): boolean {
  return "counts" in quantities[quantity];
}

const leastChance = 1e-9;

/** The share of all contents of the registers that would fit as well. */
export function chanceOf(
  { float, bits }: Pick<RawReading, "float" | "bits">,
  { value, tolerance }: Pick<Expectation, "value" | "tolerance">,
  scale: number,
): number {
  const share = value === 0 ? 1 : Math.min(1, (2 * tolerance) / Math.abs(value) / Math.LN2);
  // Half of all floats are of the other sign, and each of some 250 powers of two is as likely.
  if (float) return Math.max(leastChance, share / 500);
  // Whole numbers of devices are of every size alike, or their bits are of any content.
  const even = Math.min(1, Math.max(1, (2 * tolerance) / scale) / 2 ** bits);
  return Math.max(leastChance, (even + share / bits) / 2);
}

function isSteady(
  reading: RawReading,
  { scale, value }: Scaled,
  { snapshot, expectation }: { readonly snapshot: Snapshot; readonly expectation: Expectation },
): boolean {
  const again = readAs(snapshot, reading, reading);
  if (again === undefined) return false;
  const now = scaledBy(again.raw, scale);
  if (isCounter(expectation.quantity) && now < value) return false;
  return Math.abs(now - expectation.value) <= 3 * expectation.tolerance;
}

function fitText(value: number, { value: wanted }: Expectation): string {
  if (value === wanted) return "exactly as expected";
  const off = wanted === 0 ? Math.abs(value) : Math.abs(value / wanted - 1) * 100;
  return `${off < 0.01 ? "less than 0.01" : off.toFixed(2)} % off`;
}

function best(all: Candidate[]): Candidate[] {
  return all.toSorted((a, b) => b.score - a.score || a.at - b.at).slice(0, keptLimit);
}

/** Devices keep to one form: what other quantities are likely to be in speaks for a candidate. */
function withFamily(candidate: Candidate, others: readonly Answer[]): Candidate {
  let bonus = 0;
  for (const { candidates: theirs } of others) {
    const top = Math.max(...theirs.map(({ score }) => score));
    const weights = theirs.map((one) => Math.exp(one.score - top));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const same = theirs.map((one, index) => kinship(candidate, one) * (weights[index] ?? 0));
    const share = total === 0 ? 0 : same.reduce((sum, weight) => sum + weight, 0) / total;
    bonus += familyBonus * share;
  }
  const why = bonus > familyBonus / 2 ? ["others have this form too"] : [];
  return { ...candidate, score: candidate.score + bonus, why: [...candidate.why, ...why] };
}

/** How alike two candidates are: counters are wider than the rest, but in the same byte order. */
function kinship(one: Candidate, other: Candidate): number {
  if (one.table !== other.table || one.at === other.at || one.order !== other.order) return 0;
  return one.type === other.type ? 1 : 0.5;
}

/** Scores as probabilities, against the chance that it is none of these. */
function ranked(found: readonly Candidate[], places: number): Candidate[] {
  const weights = found.map(({ score }) => Math.exp(Math.min(score, 60)));
  const total = weights.reduce((sum, weight) => sum + weight, Math.max(1, places));
  return found
    .map((candidate, index) => ({ ...candidate, confidence: (weights[index] ?? 0) / total }))
    .toSorted((a, b) => b.score - a.score || a.at - b.at);
}
