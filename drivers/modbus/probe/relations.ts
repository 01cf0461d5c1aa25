/**
 * Relations between quantities of one family: what holds by physics and rarely by chance. Each
 * search is bounded by `reach` registers around its first member. Pure.
 *
 * How rarely is measured on the device itself: the same search for a relation that means nothing
 * (a power that is 1.13 times too high) finds what chance gives there. What is found more often
 * than that counts, and by how much.
 */
import type { Family } from "./families.ts";
import type { QuantityName } from "./quantities.ts";
import type { RawReading } from "./readings.ts";
import { readAs } from "./readings.ts";
import type { Scale } from "./scales.ts";
import { scaledBy, scalesOf } from "./scales.ts";
import type { Snapshot } from "./snapshot.ts";

/** One reason to take a reading for a quantity. */
export interface Support {
  readonly reading: RawReading;
  readonly quantity: QuantityName;
  readonly scale: number;
  /** @unit nat */
  readonly odds: number;
  readonly why: string;
}

/** Readings that stand in a relation, not yet weighed. */
interface Match {
  /** What repeats from phase to phase: distances and scales. */
  readonly pattern: string;
  readonly members: readonly Omit<Support, "odds">[];
  /** How far off the relation is, as a share; undefined where that says nothing. */
  readonly off?: number;
  /** How unusual its scales are. @unit nat */
  readonly cost?: number;
}

/** Relations that mean nothing: how much the true one is stretched. */
const decoys = [0.87, 0.93, 1.08, 1.13, 1.19] as const;

/** What is found is counted this much too high, and chance too. */
const prior = 0.25;

/** A pattern that repeats for another phase. @unit nat */
const repeatOdds = 1.5;

/** Odds that a search of any size gives at most. @unit nat */
const mostOdds = 5;

/** Members of a relation stand this close together. @unit registers */
const reach = 48;

/** A meter's own figures agree this well. */
const accuracy = 0.004;

/** Voltages tried as the U of a power. */
const voltageLimit = 9;

/** Matches of one search, at most. */
const matchLimit = 2000;

/** Rising as a power says is seldom chance. @unit nat */
const counterOdds = 5;

/**
 * What a search finds, each with the odds that its like is not chance: a pattern that repeats for
 * a second and a third phase is held against decoys that repeat as often.
 */
export function weighed(
  search: (stretch: number) => readonly Match[],
  stretches: readonly number[] = decoys,
): Support[] {
  const found = repeated(search(1));
  if (found.length === 0) return [];
  const own = countsOf(found);
  const chance = stretches.map((stretch) => countsOf(repeated(search(stretch))));
  return found.flatMap(({ match, times }) => {
    const byChance = chance.reduce((sum, counts) => sum + (counts[times - 1] ?? 0), 0);
    const mean = byChance / chance.length;
    const oftener = Math.log(((own[times - 1] ?? 0) + prior) / (mean + prior));
    const odds = Math.min(mostOdds, oftener + repeatOdds * (times - 1));
    const { cost = 0 } = match;
    const tight = match.off === undefined ? 0 : tightness(match.off);
    return match.members.map((member) => ({ ...member, odds: Math.max(0, odds) + tight - cost }));
  });
}

/**
 * Chance is off by anything up to the accuracy. What is much nearer is no chance, nor is it a float
 * whose words are taken from two neighbours: that one is off by up to 0.4 %. @unit nat
 */
function tightness(off: number): number {
  return 0.5 * Math.log(accuracy / Math.max(off, accuracy / 40)) - 0.5;
}

interface Repeated {
  readonly match: Match;
  readonly times: number;
}

/** How many matches repeat at least once, twice, three times. */
function countsOf(all: readonly Repeated[]): readonly number[] {
  return [1, 2, 3].map((least) => all.filter(({ times }) => times >= least).length);
}

function repeated(matches: readonly Match[]): Repeated[] {
  const counts = new Map<string, number>();
  for (const { pattern } of matches) counts.set(pattern, (counts.get(pattern) ?? 0) + 1);
  return matches.map((match) => ({ match, times: Math.min(3, counts.get(match.pattern) ?? 1) }));
}

/** Each with how unusual it is: the product holds as well for ten times both. @unit nat */
const currentScales: readonly Scale[] = [
  { scale: 0.01, cost: 0 },
  { scale: 0.001, cost: 0 },
  { scale: 0.1, cost: 0.4 },
  { scale: 1, cost: 1.5 },
];
const powerScales: readonly Scale[] = [
  { scale: 1, cost: 0 },
  { scale: 0.1, cost: 0.1 },
  { scale: 10, cost: 0.8 },
  { scale: 1000, cost: 1.2 },
  { scale: 0.01, cost: 1 },
];
const oneScale: readonly Scale[] = [{ scale: 1, cost: 0 }];
const floatPowerScales: readonly Scale[] = [
  { scale: 1, cost: 0 },
  { scale: 1000, cost: 0.5 },
];
const factorScales = [0.001, 0.01, 1] as const;

/** P = U · I · pf, where all four stand near each other. */
export function powers(family: Family, voltages: readonly Support[]): Support[] {
  const factors = factorsOf(family);
  if (factors.length === 0) return [];
  const strongest = voltages.toSorted((a, b) => b.odds - a.odds).slice(0, voltageLimit);
  return weighed((stretch) => {
    const found: Match[] = [];
    for (const voltage of strongest) {
      const volts = scaledBy(voltage.reading.raw, voltage.scale) * stretch;
      const near = family.readings.filter(
        (reading) =>
          reading !== voltage.reading && Math.abs(reading.at - voltage.reading.at) <= reach,
      );
      for (const current of near) {
        if (current.raw <= 0 || found.length > matchLimit) continue;
        const others = near.filter((power) => power !== current);
        const trio = { family, voltage, volts, current, factors };
        found.push(...others.flatMap((power) => powerOf({ ...trio, power })));
      }
    }
    return found;
  });
}

interface Factor {
  readonly reading: RawReading;
  readonly scale: number;
  readonly value: number;
}

/** Readings that can be a power factor, in order of size. */
function factorsOf({ readings, float }: Family): Factor[] {
  const scales = float ? [1] : factorScales.filter((scale) => scale < 1);
  return readings
    .flatMap((reading) =>
      scales.map((scale) => ({ reading, scale, value: Math.abs(scaledBy(reading.raw, scale)) })),
    )
    .filter(({ value }) => value >= 0.3 && value < 1)
    .toSorted((a, b) => a.value - b.value);
}

interface Trio {
  readonly family: Family;
  readonly voltage: Support;
  readonly volts: number;
  readonly current: RawReading;
  readonly power: RawReading;
  readonly factors: readonly Factor[];
}

function powerOf({ family, voltage, volts, current, power, factors }: Trio): Match[] {
  const found: Match[] = [];
  for (const amperes of family.float ? oneScale : currentScales) {
    const apparent = volts * scaledBy(current.raw, amperes.scale);
    for (const watts of family.float ? floatPowerScales : powerScales) {
      const ratio = Math.abs(scaledBy(power.raw, watts.scale)) / apparent;
      if (ratio < 0.3 || ratio >= 1) continue;
      const factor = nearestFactor(factors, ratio);
      if (factor === undefined || factor.reading === current || factor.reading === power) continue;
      if (Math.abs(factor.reading.at - voltage.reading.at) > reach) continue;
      const shared = family.float ? "" : " (as it would for ten times I and P)";
      const why = `P = U · I · pf holds${shared}`;
      const { at } = voltage.reading;
      const scales = [voltage.scale, amperes.scale, watts.scale, factor.scale];
      const distances = [current.at - at, power.at - at, factor.reading.at - at];
      found.push({
        pattern: [...distances, ...scales].join(" "),
        off: Math.abs(factor.value / ratio - 1),
        cost: amperes.cost + watts.cost,
        members: [
          { reading: voltage.reading, quantity: "voltage", scale: voltage.scale, why },
          { reading: current, quantity: "current", scale: amperes.scale, why },
          { reading: power, quantity: "power", scale: watts.scale, why },
          { reading: factor.reading, quantity: "pf", scale: factor.scale, why },
        ],
      });
    }
  }
  return found;
}

/** The power factor that fits a ratio, found by halving. */
function nearestFactor(factors: readonly Factor[], ratio: number): Factor | undefined {
  let low = 0;
  let high = factors.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((factors[middle]?.value ?? 0) < ratio) low = middle + 1;
    else high = middle;
  }
  const near = [factors[low - 1], factors[low]].filter((factor) => factor !== undefined);
  return near.find(({ value }) => Math.abs(value / ratio - 1) <= accuracy);
}

/** Three at equal distance and their sum: the phases of a power and its total. */
export function sums(family: Family): Support[] {
  const { readings, byAddress, float } = family;
  return weighed((stretch) => {
    const found: Match[] = [];
    for (const first of readings) {
      for (let step = 1; step <= 40; step += 1) {
        const trio = [first, byAddress.get(first.at + step), byAddress.get(first.at + 2 * step)];
        const phases = trio.filter((reading) => reading !== undefined);
        // Small whole numbers add up to something everywhere.
        if (phases.length < 3 || !isLoad(phases, float) || found.length > matchLimit) continue;
        const total = totalFor(readings, phases, stretch);
        if (total === undefined) continue;
        const why = "the three phases add up to the total";
        const members = [...phases, total].map(
          (reading) => ({ reading, quantity: "power", scale: 1, why }) as const,
        );
        const sum = phases.reduce((all, { raw }) => all + raw, 0) * stretch;
        found.push({ pattern: `${first.at} ${step}`, members, off: Math.abs(total.raw / sum - 1) });
      }
    }
    return found;
  });
}

/** Phases of one load are of one sign, and none is all of it. */
function isLoad(phases: readonly RawReading[], float: boolean): boolean {
  const sizes = phases.map(({ raw }) => Math.abs(raw));
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const alike = phases.every(({ raw }) => raw > 0) || phases.every(({ raw }) => raw < 0);
  return alike && least > (float ? 0.01 : 100) && most < 1e8 && most < 30 * least;
}

function totalFor(
  readings: readonly RawReading[],
  phases: readonly RawReading[],
  stretch: number,
): RawReading | undefined {
  const sum = phases.reduce((total, { raw }) => total + raw, 0) * stretch;
  const last = phases.at(-1)?.at ?? 0;
  return readings.find(
    (reading) =>
      Math.abs(reading.at - last) <= reach &&
      !phases.includes(reading) &&
      Math.abs(reading.raw / sum - 1) <= accuracy,
  );
}

const squareOrders = [
  ["power", "apparent", "reactive"],
  ["power", "reactive", "apparent"],
  ["apparent", "power", "reactive"],
] as const;

/** P, S and Q at equal distance in one of the usual orders, with S² = P² + Q². */
export function squares({ byAddress, readings, float }: Family): Support[] {
  return weighed((stretch) => {
    const found: Match[] = [];
    for (const first of readings) {
      for (let step = 1; step <= 20; step += 1) {
        const trio = [first, byAddress.get(first.at + step), byAddress.get(first.at + 2 * step)];
        const there = trio.filter((reading) => reading !== undefined);
        if (there.length < 3 || !isTelling(there, float) || found.length > matchLimit) continue;
        found.push(...squaresOf(there, { step, stretch }));
      }
    }
    return found;
  });
}

function squaresOf(
  trio: readonly RawReading[],
  { step, stretch }: { readonly step: number; readonly stretch: number },
): Match[] {
  return squareOrders.flatMap((order) => {
    const of = (quantity: (typeof order)[number]): number =>
      trio[order.findIndex((one) => one === quantity)]?.raw ?? 0;
    const wanted = Math.hypot(of("power"), of("reactive")) * stretch;
    const off = Math.abs(of("apparent") / wanted - 1);
    if (off > accuracy) return [];
    const members = trio.flatMap((reading, index) => {
      const quantity = order[index];
      const why = "S² = P² + Q² holds";
      return quantity === undefined ? [] : [{ reading, quantity, scale: 1, why }];
    });
    return [{ pattern: `${order.join(" ")} ${step}`, members, off }];
  });
}

/** Equal numbers, and one beside a large one, fit any triangle. */
function isTelling(trio: readonly RawReading[], float: boolean): boolean {
  const sizes = trio.map(({ raw }) => Math.abs(raw)).toSorted((a, b) => a - b);
  const [least = 0, middle = 0] = sizes;
  const sized = least > (float ? 0.01 : 100) && middle < 1e8;
  return sized && least > middle * 0.05 && least < middle * 0.999;
}

/** Counters: never fall, and rise about as the power says. */
export function counters(
  { readings, float }: Family,
  powers: readonly Support[],
  snapshots: readonly Snapshot[],
): Support[] {
  const [first, ...later] = snapshots;
  const last = later.at(-1);
  if (first === undefined || last === undefined) return [];
  const hours = (last.time - first.time) / 3_600_000;
  const watts = powers.map(({ reading, scale }) => Math.abs(scaledBy(reading.raw, scale)));
  return readings.flatMap((reading) => {
    const values = later.map((snapshot) => readAs(snapshot, reading, reading)?.raw);
    const end = values.at(-1);
    const rises = [reading.raw, ...values].every(
      (value, index, all) => index === 0 || (value ?? -1) >= (all[index - 1] ?? 0),
    );
    if (end === undefined || !rises || end <= reading.raw) return [];
    const step = end - reading.raw;
    return scalesOf("energy", float).flatMap(({ scale }): Support[] => {
      const risen = scaledBy(step, scale);
      // A count of whole steps may be one step off at either end.
      const grain = float ? 0 : scale;
      const fits = watts.some((power) => {
        const due = power * hours;
        return due > 0 && Math.abs(risen - due) <= 0.2 * due + grain && risen > grain;
      });
      const why = "rises as the power says";
      return fits ? [{ reading, quantity: "energy", scale, odds: counterOdds, why }] : [];
    });
  });
}
