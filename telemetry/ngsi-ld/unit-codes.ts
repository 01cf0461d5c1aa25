/**
 * UN/CEFACT common codes (UNECE Recommendation 20) of the register's units: what NGSI-LD calls
 * `unitCode`. A unit without a row has none there and is given in words.
 */

/** By UCUM code; kWh, hPa and m³ are what some Smart Data Models ask for. */
const unitCodes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    W: "WTT",
    "V.A": "D46",
    var: "D44",
    "W.h": "WHR",
    "kW.h": "KWH",
    V: "VLT",
    A: "AMP",
    Hz: "HTZ",
    Cel: "CEL",
    K: "KEL",
    "%": "P1",
    "1": "C62",
    Pa: "PAL",
    hPa: "A97",
    L: "LTR",
    m3: "MTQ",
    "L/min": "L2",
    "m3/h": "MQH",
    m: "MTR",
    mm: "MMT",
    s: "SEC",
    ms: "C26",
    h: "HUR",
    d: "DAY",
    "dB[SPL]": "2N",
    dB: "2N",
    lx: "LUX",
    "W/m2": "D54",
    "ug/m3": "GQ",
    "mg/m3": "GP",
    "mg/L": "M1",
    "[pH]": "Q30",
    "[ppm]": "59",
    "[ppb]": "61",
    "uS/cm": "G42",
    "km/h": "KMH",
    "m/s": "MTS",
    "mm/h": "H67",
    "1/h": "H10",
    deg: "DD",
    "{rpm}": "RPM",
    Ohm: "OHM",
    "bit/s": "B10",
    By: "AD",
  }),
);

/** The common code of a unit, or undefined where UN/CEFACT has none. @param ucum its UCUM code */
export function unitCodeOf(ucum: string): string | undefined {
  return unitCodes.get(ucum);
}
