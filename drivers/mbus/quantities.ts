/**
 * What a value information block says: quantity, unit and power of ten (EN 13757-3). Each quantity
 * has one unit here, whatever the meter counts in: Wh, m³, kg, W, m³/h, kg/h, °C, K, Pa, s, V, A,
 * Hz, var, VA, %. Codes that are not in the tables give no quantity.
 */

export interface Quantity {
  readonly name: string;
  /** From the number on the wire to the unit of the quantity: `raw * times / over`. */
  readonly times: number;
  readonly over: number;
  /** Added after that, in the same unit. */
  readonly plus: number;
  /** The record says by itself that it has no value. [MBUS-DOC 8.4] */
  readonly missing: boolean;
}

interface Entry {
  readonly name: string;
  /** How many of the lowest bits hold the power of ten. */
  readonly bits: number;
  /** Power of ten when those bits are 0. */
  readonly power: number;
  /** From the table's own unit to ours. */
  readonly times?: number;
  readonly over?: number;
}

const perHour = 3600;

/** Primary codes, by their first value. [MBUS-DOC 8.4] */
const primary: ReadonlyMap<number, Entry> = new Map([
  [0x00, { name: "energy", bits: 3, power: -3 }],
  [0x08, { name: "energy", bits: 3, power: 0, over: perHour }],
  [0x10, { name: "volume", bits: 3, power: -6 }],
  [0x18, { name: "mass", bits: 3, power: -3 }],
  [0x28, { name: "power", bits: 3, power: -3 }],
  [0x30, { name: "power", bits: 3, power: 0, over: perHour }],
  [0x38, { name: "volume_flow", bits: 3, power: -6 }],
  [0x40, { name: "volume_flow", bits: 3, power: -7, times: 60 }],
  [0x48, { name: "volume_flow", bits: 3, power: -9, times: perHour }],
  [0x50, { name: "mass_flow", bits: 3, power: -3 }],
  [0x58, { name: "flow_temperature", bits: 2, power: -3 }],
  [0x5c, { name: "return_temperature", bits: 2, power: -3 }],
  [0x60, { name: "temperature_difference", bits: 2, power: -3 }],
  [0x64, { name: "external_temperature", bits: 2, power: -3 }],
  [0x68, { name: "pressure", bits: 2, power: -3, times: 1e5 }],
  [0x6e, { name: "cost_allocator", bits: 0, power: 0 }],
  [0x78, { name: "fabrication_number", bits: 0, power: 0 }],
]);

/** Times, whose two lowest bits are seconds, minutes, hours, days. [MBUS-DOC 8.4] */
const times: ReadonlyMap<number, string> = new Map([
  [0x20, "on_time"],
  [0x24, "operating_time"],
  [0x70, "averaging_time"],
  [0x74, "actuality_time"],
]);
const timeUnits = [1, 60, 3600, 86_400] as const;

/** Codes behind FD. [MBUS-DOC 8.4] */
const second: ReadonlyMap<number, Entry> = new Map([
  [0x08, { name: "access_number", bits: 0, power: 0 }],
  [0x0b, { name: "parameter_set", bits: 0, power: 0 }],
  [0x0c, { name: "model", bits: 0, power: 0 }],
  [0x0d, { name: "hardware_version", bits: 0, power: 0 }],
  [0x0e, { name: "firmware_version", bits: 0, power: 0 }],
  [0x0f, { name: "software_version", bits: 0, power: 0 }],
  [0x10, { name: "customer_location", bits: 0, power: 0 }],
  [0x11, { name: "customer", bits: 0, power: 0 }],
  [0x17, { name: "error_flags", bits: 0, power: 0 }],
  [0x1a, { name: "digital_output", bits: 0, power: 0 }],
  [0x1b, { name: "digital_input", bits: 0, power: 0 }],
  [0x3a, { name: "dimensionless", bits: 0, power: 0 }],
  [0x40, { name: "voltage", bits: 4, power: -9 }],
  [0x50, { name: "current", bits: 4, power: -12 }],
  [0x60, { name: "reset_counter", bits: 0, power: 0 }],
  [0x61, { name: "cumulation_counter", bits: 0, power: 0 }],
  [0x74, { name: "battery_days", bits: 0, power: 0 }],
]);

/** Codes behind FB. [MBUS-DOC 8.4] */
const first: ReadonlyMap<number, Entry> = new Map([
  [0x00, { name: "energy", bits: 1, power: 5 }],
  [0x02, { name: "reactive_energy", bits: 1, power: 3 }],
  [0x04, { name: "apparent_energy", bits: 1, power: 3 }],
  [0x08, { name: "energy", bits: 1, power: 8, over: perHour }],
  [0x10, { name: "volume", bits: 1, power: 2 }],
  [0x14, { name: "reactive_power", bits: 2, power: 0 }],
  [0x18, { name: "mass", bits: 1, power: 5 }],
  [0x1a, { name: "relative_humidity", bits: 1, power: -1 }],
  [0x28, { name: "power", bits: 1, power: 5 }],
  [0x2a, { name: "phase_voltage_angle", bits: 0, power: -1 }],
  [0x2b, { name: "phase_current_angle", bits: 0, power: -1 }],
  [0x2c, { name: "frequency", bits: 2, power: -3 }],
  [0x30, { name: "power", bits: 1, power: 8, over: perHour }],
  [0x34, { name: "apparent_power", bits: 2, power: 0 }],
]);

/** Where the quantity stands in the byte after the VIF. [MBUS-DOC 8.4] */
export const extensionTables: ReadonlyMap<number, ReadonlyMap<number, Entry>> = new Map([
  [0xfb, first],
  [0xfd, second],
]);

const extended = 0x80;

/** Every name there is, for profiles. */
export const quantityNames: readonly string[] = [
  ...new Set([
    ...[primary, first, second].flatMap((table) => [...table.values()].map(({ name }) => name)),
    ...times.values(),
  ]),
];

/**
 * The quantity of a value information block; undefined when the tables lack it, or when one of its
 * extensions makes something else of it: "per pulse", "at its maximum", the maker's own.
 */
export function quantityOf(codes: Uint8Array): Quantity | undefined {
  const [vif = 0] = codes;
  const table = extensionTables.get(vif);
  const code = (table === undefined ? vif : (codes[1] ?? 0)) & ~extended;
  const basic =
    table === undefined ? (timeOf(code) ?? inTable(primary, code)) : inTable(table, code);
  if (basic === undefined) return undefined;
  let quantity: Quantity | undefined = basic;
  for (const extension of codes.subarray(table === undefined ? 1 : 2)) {
    quantity = quantity && corrected(quantity, extension & ~extended);
  }
  return quantity;
}

function timeOf(code: number): Quantity | undefined {
  const name = times.get(code & ~3);
  return name === undefined ? undefined : plain(name, timeUnits[code & 3] ?? 1, 1);
}

function inTable(table: ReadonlyMap<number, Entry>, code: number): Quantity | undefined {
  for (const [from, { name, bits, power, times = 1, over = 1 }] of table) {
    if (code < from || code >= from + 2 ** bits) continue;
    const exponent = power + (code - from);
    const up = exponent > 0 ? 10 ** exponent : 1;
    const down = exponent < 0 ? 10 ** -exponent : 1;
    return plain(name, times * up, over * down);
  }
  return undefined;
}

function plain(name: string, times: number, over: number): Quantity {
  return { name, times, over, plus: 0, missing: false };
}

/** Correction of the value by an extension. [MBUS-DOC 8.4] */
function corrected(quantity: Quantity, code: number): Quantity | undefined {
  const { times, over } = quantity;
  // Error codes of a record, 15 "no data available" among them. [MBUS-DOC 8.4]
  if (code > 0 && code <= 0x1f) return { ...quantity, missing: true };
  if (code === 0) return quantity;
  if (code >= 0x70 && code <= 0x77) {
    const exponent = code - 0x76;
    return exponent < 0
      ? { ...quantity, over: over * 10 ** -exponent }
      : { ...quantity, times: times * 10 ** exponent };
  }
  if (code >= 0x78 && code <= 0x7b) {
    return { ...quantity, plus: quantity.plus + (10 ** (code - 0x7b) * times) / over };
  }
  return code === 0x7d ? { ...quantity, times: times * 1000 } : undefined;
}
