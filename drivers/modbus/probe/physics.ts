/**
 * Finds quantities without being told what to expect, from the physics between them. Pure.
 *
 *   voltages near a mains voltage, three alike at equal distance      frequency near 50 or 60 Hz
 *   P = U · I · pf         L1 + L2 + L3 = total         S² = P² + Q²
 *   energy never falls, and rises about as P · dt        air at plausible °C and %
 *
 * Each relation that holds lifts those who take part; alone, only voltage and frequency stand.
 */
import type { Candidate } from "./candidates.ts";
import type { Family } from "./families.ts";
import { familiesOf } from "./families.ts";
import type { QuantityName } from "./quantities.ts";
import type { RawReading } from "./readings.ts";
import type { Support } from "./relations.ts";
import { counters, powers, squares, sums, weighed } from "./relations.ts";
import { scaledBy, scalesOf } from "./scales.ts";
import type { Snapshot } from "./snapshot.ts";

/** Voltages that mains and their transformers have. @unit V */
const mains = [100, 110, 115, 120, 127, 208, 220, 230, 240, 277, 380, 400, 415, 480] as const;

/** Mains are nearly always this near to their name. */
const mainsTolerance = 0.06;

/** Mains frequency, and how far it strays. @unit Hz */
const frequencies = [50, 60] as const;
const frequencyTolerance = 0.5;

/** Candidates shown at most. */
const keptLimit = 60;

/** Voltages as little like mains as these are like each other. */
const noMains = [0.23, 0.31, 3.1, 4.3, 6.1] as const;

/** Odds against any one place being a given quantity. @unit nat */
const placeOdds = 1.5;

/** Support from three voltages alike at equal distance. @unit nat */
const threeAlike = 3;

/** What physics finds in what a device showed at one or more moments, the likeliest first. */
export function plausible(snapshots: readonly Snapshot[]): Candidate[] {
  const [first] = snapshots;
  if (first === undefined) return [];
  const found = familiesOf(first).flatMap((family) => inFamily(family, snapshots));
  const byKey = new Map<string, Candidate>();
  for (const candidate of found) {
    const key = `${candidate.table} ${candidate.at} ${candidate.quantity}`;
    const known = byKey.get(key);
    if (known === undefined || known.score < candidate.score) byKey.set(key, candidate);
  }
  return onePerPlace([...byKey.values()]).slice(0, keptLimit);
}

/** A register holds one quantity: the likeliest; a wide value also covers what stands in it. */
function onePerPlace(found: readonly Candidate[]): Candidate[] {
  const taken = new Set<string>();
  const kept: Candidate[] = [];
  for (const candidate of found.toSorted((a, b) => b.score - a.score || a.at - b.at)) {
    const width = candidate.type.endsWith("64") ? 4 : candidate.type.endsWith("32") ? 2 : 1;
    const keys = Array.from(
      { length: width },
      (_, step) => `${candidate.table} ${candidate.at + step}`,
    );
    if (keys.some((key) => taken.has(key))) continue;
    for (const key of keys) taken.add(key);
    kept.push(candidate);
  }
  return kept;
}

function inFamily(family: Family, snapshots: readonly Snapshot[]): Candidate[] {
  const voltages = voltagesOf(family);
  const trios = alike(voltages);
  const products = powers(family, trios.length > 0 ? trios : voltages);
  const related = [...sums(family), ...squares(family)];
  const supports = [
    ...voltages,
    ...trios,
    ...frequenciesOf(family),
    ...products,
    ...inScaleOf(products, related),
    ...airOf(family),
  ];
  const power = supports.filter(({ quantity }) => quantity === "power");
  const all = [...supports, ...counters(family, power, snapshots)];
  return together(all).filter(({ score }) => score > 0);
}

/** Sums do not tell a scale: products do, where both speak of the same power. */
function inScaleOf(products: readonly Support[], related: readonly Support[]): Support[] {
  const places = new Set(related.map(({ reading }) => reading.at));
  const told = products.filter(
    ({ reading, quantity }) => quantity === "power" && places.has(reading.at),
  );
  const [best] = told.toSorted((a, b) => b.odds - a.odds);
  return related.map((support) => ({ ...support, scale: best?.scale ?? support.scale }));
}

/** Near a mains voltage; held against voltages that no mains has. */
function voltagesOf(family: Family): Support[] {
  const scales = scalesOf("voltage", family.float).filter(({ scale }) => scale <= 1);
  return weighed(
    (stretch) =>
      family.readings.flatMap((reading) =>
        scales.flatMap(({ scale }) => {
          const value = scaledBy(reading.raw, scale) * stretch;
          const near = nearestOf(value, mains);
          if (Math.abs(value / near - 1) > mainsTolerance) return [];
          const why = `near ${near} V`;
          const pattern = `${reading.at} ${scale}`;
          return [{ pattern, members: [{ reading, quantity: "voltage", scale, why } as const] }];
        }),
      ),
    noMains,
  );
}

/** Near a mains frequency; held against frequencies that no mains has. */
function frequenciesOf(family: Family): Support[] {
  // A whole number of hertz is too coarse to tell from any other 50.
  const fine = scalesOf("frequency", family.float).filter(
    ({ scale }) => scale < 1 || (family.float && scale === 1),
  );
  return weighed((stretch) =>
    family.readings.flatMap((reading) =>
      fine.flatMap(({ scale }) => {
        const value = scaledBy(reading.raw, scale) * stretch;
        const near = nearestOf(value, frequencies);
        if (Math.abs(value - near) > frequencyTolerance) return [];
        const why = `near ${near} Hz`;
        const pattern = `${reading.at} ${scale}`;
        return [{ pattern, members: [{ reading, quantity: "frequency", scale, why } as const] }];
      }),
    ),
  );
}

/** Air: temperature and humidity side by side in the same scale. */
function airOf(family: Family): Support[] {
  const step = widthOf(family);
  return family.readings.flatMap((reading) => {
    const other = family.byAddress.get(reading.at + step);
    if (other === undefined) return [];
    const scales = family.float ? [1] : [0.1, 0.01];
    return scales.flatMap((scale): Support[] => {
      const pair = [reading, other] as const;
      const inRange = (one: RawReading, low: number, high: number): boolean =>
        one.raw * scale >= low && one.raw * scale <= high;
      const [warm, moist] = inRange(reading, 5, 45) ? pair : [other, reading];
      if (!inRange(warm, 5, 45) || !inRange(moist, 15, 98)) return [];
      const odds = 0.6;
      const why = "a plausible °C beside a plausible %";
      return [
        { reading: warm, quantity: "temperature", scale, odds, why },
        { reading: moist, quantity: "humidity", scale, odds, why },
      ];
    });
  });
}

/** Registers from one value to the next. */
function widthOf({ form }: Family): number {
  return form.type.endsWith("64") ? 4 : form.type.endsWith("32") ? 2 : 1;
}

/** Three voltages at equal distances, within a few percent of each other. */
function alike(voltages: readonly Support[]): Support[] {
  const found: Support[] = [];
  const byKey = new Map(voltages.map((one) => [`${one.reading.at} ${one.scale}`, one]));
  for (const one of voltages) {
    for (let step = 1; step <= 40; step += 1) {
      const trio = [0, 1, 2].map((times) =>
        byKey.get(`${one.reading.at + times * step} ${one.scale}`),
      );
      const there = trio.filter((support) => support !== undefined);
      const values = there.map(({ reading }) => reading.raw);
      if (there.length < 3 || Math.max(...values) > 1.06 * Math.min(...values)) continue;
      const why = "three alike at equal distance";
      found.push(...there.map((support) => ({ ...support, odds: threeAlike - step / 20, why })));
      break;
    }
  }
  return found;
}

function nearestOf(value: number, names: readonly number[]): number {
  const off = (name: number): number => Math.abs(value - name);
  return names.reduce((near, name) => (off(name) < off(near) ? name : near), names[0] ?? 0);
}

interface Sum {
  readonly support: Support;
  readonly reasons: Map<string, number>;
}

/** One candidate a place, quantity and scale: each kind of reason counts once. */
function together(supports: readonly Support[]): Candidate[] {
  const byKey = new Map<string, Sum>();
  for (const support of supports) {
    const { reading, quantity, scale, why, odds } = support;
    const key = `${reading.at} ${quantity} ${scale}`;
    const sum = byKey.get(key) ?? { support, reasons: new Map<string, number>() };
    sum.reasons.set(why, Math.max(odds, sum.reasons.get(why) ?? -Infinity));
    byKey.set(key, sum);
  }
  return [...byKey.values()].map(({ support, reasons }) => candidateOf(support, reasons));
}

function candidateOf(
  { reading, quantity, scale }: Support,
  reasons: ReadonlyMap<string, number>,
): Candidate {
  const score = [...reasons.values()].reduce((sum, odds) => sum + odds, -placeOdds);
  const { table, at, type, order, also, raw } = reading;
  return {
    table,
    at,
    type,
    order,
    also,
    quantity,
    scale,
    score,
    value: scaledBy(raw, scale),
    why: [...reasons.keys()],
    confidence: 1 / (1 + Math.exp(-score)),
  };
}

/** Quantities in the order in which a profile shows them. */
export const quantityOrder: readonly QuantityName[] = [
  "voltage",
  "current",
  "power",
  "reactive",
  "apparent",
  "pf",
  "frequency",
  "energy",
  "temperature",
  "humidity",
  "value",
];
