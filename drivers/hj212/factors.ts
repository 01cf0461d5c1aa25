/**
 * Factors by their codes (HJ 212-2017 appendix B, HJ 524 for air, HJ 525 for water) as fields of
 * the register, and what a data mark does to a value's quality.
 */
import { quality } from "../../telemetry/index.ts";

export interface Factor {
  readonly measurement: string;
  readonly field: string;
  /** From the factor's unit to the field's. */
  readonly toField: (value: number, system: string) => number;
}

const ambientAir = "22";

const same = (value: number): number => value;

/** Ambient stations tell µg/m³, sources of pollution mg/m³ (appendix B, table B.2). */
const micrograms = (value: number, system: string): number =>
  system === ambientAir ? value : value * 1000;

/**
 * The standard has kPa, stations also send hPa or Pa; air anywhere has 30 to 110 kPa, so that the
 * size of the number tells. @unit Pa
 */
const pascals = (value: number): number => {
  if (value < 200) return value * 1000;
  return value < 2000 ? value * 100 : value;
};

const air = (field: string, toField: Factor["toField"] = same): Factor => {
  return { measurement: "environment", field, toField };
};
const water = (field: string): Factor => {
  return { measurement: "water_quality", field, toField: same };
};

/** Of two codes for one field the first that is there counts. */
export const factors: ReadonlyMap<string, Factor> = new Map<string, Factor>([
  ["a01001", air("temp_c")],
  ["a01002", air("rh_pct")],
  ["a01006", air("pressure_pa", pascals)],
  ["a01007", air("wind_mps")],
  ["a01008", air("wind_deg")],
  ["a34001", air("tsp_ugm3", micrograms)],
  ["a34002", air("pm10_ugm3", micrograms)],
  ["a34004", air("pm25_ugm3", micrograms)],
  ["a21026", air("so2_ugm3", micrograms)],
  ["a21003", air("no_ugm3", micrograms)],
  ["a21004", air("no2_ugm3", micrograms)],
  ["a21002", air("nox_ugm3", micrograms)],
  ["a21005", air("co_mgm3")],
  ["a05024", air("o3_ugm3", micrograms)],
  ["n00006", air("laeq_db")],
  ["Leq", air("laeq_db")],
  ["LA", air("laeq_db")],
  ["n00010", air("lamax_db")],
  ["Lmx", air("lamax_db")],
  ["w01001", water("acidity_ph")],
  ["w01003", water("turbidity_ntu")],
  ["w01009", water("oxygen_mgl")],
  ["w01010", water("temp_c")],
  ["w01012", water("solids_mgl")],
  ["w01014", water("conductivity_uscm")],
  ["w01018", water("cod_mgl")],
  ["w01019", water("permanganate_mgl")],
  ["w21001", water("nitrogen_mgl")],
  ["w21003", water("ammonia_mgl")],
  ["w21011", water("phosphorus_mgl")],
  // Litres a second.
  ["w00000", { measurement: "water_level", field: "flow_m3h", toField: (value) => value * 3.6 }],
]);

/** Data marks [HJ-212-2017 table 8]; one that is not there or not known is uncertain. */
const marks: ReadonlyMap<string, number> = new Map([
  ["N", quality.good],
  ["F", quality.uncertain], // out of operation
  ["M", quality.uncertain], // under maintenance
  ["S", quality.substituted], // set by hand
  ["D", quality.uncertain], // instrument faulty
  ["C", quality.uncertain], // being calibrated
  ["T", quality.uncertain], // above its range
  ["B", quality.noCommunication], // the instrument does not answer
]);

/** A station that marks nothing is believed. */
export function qualityOf(mark: string | undefined): number {
  if (mark === undefined || mark === "") return quality.good;
  return marks.get(mark.toUpperCase()) ?? quality.uncertain;
}
