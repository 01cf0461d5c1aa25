/**
 * The fixed list of unit suffixes: a field's unit is the end of its name, and nothing else.
 * UCUM codes for `meta`; `integer` marks the suffixes whose values are whole numbers.
 */

export interface Unit {
  /** Unified Code for Units of Measure. */
  readonly ucum: string;
  /** What a table shows behind the value. */
  readonly shown: string;
  readonly integer?: true;
}

export const units = {
  w: { ucum: "W", shown: "W" },
  va: { ucum: "V.A", shown: "VA" },
  var: { ucum: "var", shown: "var" },
  wh: { ucum: "W.h", shown: "Wh" },
  wh_total: { ucum: "W.h", shown: "Wh", integer: true },
  varh_total: { ucum: "var.h", shown: "varh", integer: true },
  vah_total: { ucum: "V.A.h", shown: "VAh", integer: true },
  v: { ucum: "V", shown: "V" },
  a: { ucum: "A", shown: "A" },
  hz: { ucum: "Hz", shown: "Hz" },
  c: { ucum: "Cel", shown: "°C" },
  k: { ucum: "K", shown: "K" },
  pct: { ucum: "%", shown: "%" },
  ratio: { ucum: "1", shown: "" },
  pa: { ucum: "Pa", shown: "Pa" },
  l_total: { ucum: "L", shown: "l", integer: true },
  lkwh: { ucum: "L/kW.h", shown: "l/kWh" },
  lpm: { ucum: "L/min", shown: "l/min" },
  m3h: { ucum: "m3/h", shown: "m³/h" },
  m: { ucum: "m", shown: "m" },
  mm: { ucum: "mm", shown: "mm" },
  mm_total: { ucum: "mm", shown: "mm" },
  s: { ucum: "s", shown: "s" },
  ms: { ucum: "ms", shown: "ms" },
  h: { ucum: "h", shown: "h" },
  d: { ucum: "d", shown: "d" },
  s_total: { ucum: "s", shown: "s", integer: true },
  ms_total: { ucum: "ms", shown: "ms", integer: true },
  db: { ucum: "dB[SPL]", shown: "dB" },
  // Bare decibels, of a ratio: `db` alone is sound pressure.
  ratio_db: { ucum: "dB", shown: "dB" },
  dbm: { ucum: "dB[mW]", shown: "dBm" },
  lux: { ucum: "lx", shown: "lx" },
  wm2: { ucum: "W/m2", shown: "W/m²" },
  ugm3: { ucum: "ug/m3", shown: "µg/m³" },
  mgm3: { ucum: "mg/m3", shown: "mg/m³" },
  mgl: { ucum: "mg/L", shown: "mg/l" },
  ntu: { ucum: "{NTU}", shown: "NTU" },
  ph: { ucum: "[pH]", shown: "pH" },
  ppm: { ucum: "[ppm]", shown: "ppm" },
  ppb: { ucum: "[ppb]", shown: "ppb" },
  uscm: { ucum: "uS/cm", shown: "µS/cm" },
  kmh: { ucum: "km/h", shown: "km/h" },
  mps: { ucum: "m/s", shown: "m/s" },
  mmh: { ucum: "mm/h", shown: "mm/h" },
  vph: { ucum: "1/h", shown: "veh/h" },
  deg: { ucum: "deg", shown: "°" },
  rpm: { ucum: "{rpm}", shown: "rpm" },
  ohm: { ucum: "Ohm", shown: "Ω" },
  bps: { ucum: "bit/s", shown: "bit/s" },
  bytes: { ucum: "By", shown: "B", integer: true },
  bytes_total: { ucum: "By", shown: "B", integer: true },
  count: { ucum: "1", shown: "", integer: true },
  total: { ucum: "1", shown: "", integer: true },
  state: { ucum: "1", shown: "", integer: true },
  code: { ucum: "1", shown: "", integer: true },
} as const satisfies Record<string, Unit>;

const bySuffix: ReadonlyMap<string, Unit> = new Map(Object.entries(units));

/** The unit of a field: its longest suffix in the table, or undefined. */
export function unitOf(field: string): Unit | undefined {
  const words = field.split("_");
  for (let from = 1; from < words.length; from += 1) {
    const unit = bySuffix.get(words.slice(from).join("_"));
    if (unit !== undefined) return unit;
  }
  return undefined;
}
