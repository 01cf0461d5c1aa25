/**
 * What the sentences of weather and water instruments say, in the register's units. Field numbers
 * are the standard's (NMEA 0183 version 3.01, section 6.3 "approved sentences").
 */
import type { Sentence } from "./sentence.ts";
import { decimal, fieldOf, numberOf } from "./sentence.ts";

/** One value and the field of the sentence that it stands in. */
export interface Value {
  readonly measurement: "environment" | "water_level";
  readonly field: string;
  readonly value: number;
  /** `MWV 3`. */
  readonly at: string;
  readonly raw: string;
  /** Of two values of one field the one of higher rank counts: true wind over relative. */
  readonly rank: number;
}

const knot = 1852 / 3600;

/** Speeds by the letter of their unit. */
const toMps: ReadonlyMap<string, number> = new Map([
  ["N", knot],
  ["K", 1 / 3.6],
  ["M", 1],
  ["S", 0.44704],
]);

const pascalsPerInch = 3386.389;
const metresPerFathom = 1.8288;

type Reader = (sentence: Sentence) => readonly (Value | undefined)[];

interface Spot {
  readonly measurement: Value["measurement"];
  readonly field: string;
  /** Number of the sentence's field. */
  readonly number: number;
  readonly scale?: number | undefined;
  readonly rank?: number | undefined;
}

function take(sentence: Sentence, spot: Spot): Value | undefined {
  const { measurement, field, number, scale = 1, rank = 0 } = spot;
  const found = numberOf(sentence, number);
  if (found === undefined) return undefined;
  const value = exact(found * scale);
  const at = `${sentence.type} ${number}`;
  return { measurement, field, value, at, raw: fieldOf(sentence, number), rank };
}

/** Twelve digits carry no rounding noise. */
export function exact(value: number): number {
  return Number(value.toPrecision(12));
}

const air = (field: string, number: number, scale?: number): Spot => {
  return { measurement: "environment", field, number, scale };
};
const water = (field: string, number: number, scale?: number): Spot => {
  return { measurement: "water_level", field, number, scale };
};

const spots =
  (...spots: readonly Spot[]): Reader =>
  (sentence) =>
    spots.map((spot) => take(sentence, spot));

/** The first that has a value: instruments fill in one unit and leave the others empty. */
const firstOf =
  (...spots: readonly Spot[]): Reader =>
  (sentence) => {
    for (const spot of spots) {
      const value = take(sentence, spot);
      if (value !== undefined) return [value];
    }
    return [];
  };

const all =
  (...readers: readonly Reader[]): Reader =>
  (sentence) =>
    readers.flatMap((read) => read(sentence));

/** 1 angle, 2 R relative or T true, 3 speed, 4 its unit, 5 A valid. */
function windSpeedAndAngle(sentence: Sentence): readonly (Value | undefined)[] {
  const scale = toMps.get(fieldOf(sentence, 4));
  if (fieldOf(sentence, 5) !== "A") return [];
  const rank = fieldOf(sentence, 2) === "T" ? 1 : 0;
  return [
    take(sentence, { ...air("wind_deg", 1), rank }),
    scale === undefined ? undefined : take(sentence, { ...air("wind_mps", 3, scale), rank }),
  ];
}

/** 1 depth below the transducer, 2 offset: from the surface if positive, to the keel if not. */
function depth(sentence: Sentence): readonly (Value | undefined)[] {
  const below = take(sentence, water("level_m", 1));
  const offset = Math.max(0, numberOf(sentence, 2) ?? 0);
  return [below && { ...below, value: exact(below.value + offset), rank: 1 }];
}

export const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["MWV", windSpeedAndAngle],
  // 1 true, 3 magnetic direction; 5 knots, 7 m/s.
  [
    "MWD",
    all(
      spots({ ...air("wind_deg", 1), rank: 1 }),
      firstOf({ ...air("wind_mps", 7), rank: 1 }, { ...air("wind_mps", 5, knot), rank: 1 }),
    ),
  ],
  // 1 inHg, 3 bar; 5 air, 7 water °C; 9 humidity %; 11 dew point; 13 true wind; 17 knots, 19 m/s.
  [
    "MDA",
    all(
      firstOf(air("pressure_pa", 3, 1e5), air("pressure_pa", 1, pascalsPerInch)),
      spots(air("temp_c", 5), water("temp_c", 7), air("rh_pct", 9), air("dewpoint_c", 11)),
      spots({ ...air("wind_deg", 13), rank: 1 }),
      firstOf({ ...air("wind_mps", 19), rank: 1 }, { ...air("wind_mps", 17, knot), rank: 1 }),
    ),
  ],
  ["MMB", firstOf(air("pressure_pa", 3, 1e5), air("pressure_pa", 1, pascalsPerInch))],
  ["MTA", spots(air("temp_c", 1))],
  ["MHU", spots(air("rh_pct", 1), air("dewpoint_c", 3))],
  ["MTW", spots(water("temp_c", 1))],
  ["DPT", depth],
  // 1 feet, 3 metres, 5 fathoms; below the transducer, below the surface.
  [
    "DBT",
    firstOf(water("level_m", 3), water("level_m", 1, 0.3048), water("level_m", 5, metresPerFathom)),
  ],
  [
    "DBS",
    firstOf(
      { ...water("level_m", 3), rank: 2 },
      { ...water("level_m", 1, 0.3048), rank: 2 },
      { ...water("level_m", 5, metresPerFathom), rank: 2 },
    ),
  ],
  // 5 knots, 7 km/h through the water; past the instrument, where that stands still.
  ["VHW", firstOf(water("current_mps", 7, 1 / 3.6), water("current_mps", 5, knot))],
]);

/** One transducer of an XDR sentence: type, value, unit and name, four fields each. */
export interface Transducer {
  readonly type: string;
  readonly name: string;
  readonly value: number;
  readonly raw: string;
  /** Number of the field with the value. */
  readonly number: number;
}

/** Units of XDR that are not the register's already, by type and unit. */
const transducerScales: ReadonlyMap<string, number> = new Map([
  ["P B", 1e5],
  // Not of the standard: hPa, as Vaisala's.
  ["P H", 100],
  ["S N", knot],
  ["S K", 1 / 3.6],
  ["S S", 0.44704],
]);

/** The transducers of an XDR sentence that have a value. [NMEA-0183 6.3 XDR] */
export function transducersOf(sentence: Sentence): Transducer[] {
  const found: Transducer[] = [];
  for (let number = 2; number <= sentence.fields.length; number += 4) {
    const raw = fieldOf(sentence, number);
    const plain = decimal(raw);
    const type = fieldOf(sentence, number - 1);
    const unit = fieldOf(sentence, number + 1);
    if (plain === undefined || type === "") continue;
    const value = exact(inUnit(plain, type, unit));
    found.push({ type, name: fieldOf(sentence, number + 2), value, raw, number });
  }
  return found;
}

function inUnit(value: number, type: string, unit: string): number {
  if (type === "C" && unit === "F") return ((value - 32) * 5) / 9;
  if (type === "C" && unit === "K") return value - 273.15;
  return value * (transducerScales.get(`${type} ${unit}`) ?? 1);
}
