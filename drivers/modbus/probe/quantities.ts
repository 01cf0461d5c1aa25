/**
 * What a register may hold, as people name it: the unit it is counted in here, how it is written,
 * and the field of a profile it becomes. Values are in the unit of the field (V, A, W, Wh …).
 */
import { GatewayError } from "../../../telemetry/index.ts";

export interface Quantity {
  /** Words for it, the first one is shown. */
  readonly names: readonly string[];
  /** The unit as it is written, without prefix; empty for a plain number. */
  readonly unit: string;
  /** Where it goes in a profile. */
  readonly measurement: string;
  readonly field: string;
  /** Only grows. */
  readonly counts?: true;
}

export const quantities = {
  voltage: {
    names: ["voltage", "u"],
    unit: "V",
    measurement: "energy_meter",
    field: "voltage_v",
  },
  current: {
    names: ["current", "i"],
    unit: "A",
    measurement: "energy_meter",
    field: "current_a",
  },
  power: {
    names: ["power", "p"],
    unit: "W",
    measurement: "energy_meter",
    field: "active_power_w",
  },
  reactive: {
    names: ["reactive", "q"],
    unit: "var",
    measurement: "energy_meter",
    field: "reactive_power_var",
  },
  apparent: {
    names: ["apparent", "s"],
    unit: "VA",
    measurement: "energy_meter",
    field: "apparent_power_va",
  },
  pf: {
    names: ["pf", "cosphi"],
    unit: "",
    measurement: "energy_meter",
    field: "power_factor_ratio",
  },
  frequency: {
    names: ["frequency", "f"],
    unit: "Hz",
    measurement: "energy_meter",
    field: "frequency_hz",
  },
  energy: {
    names: ["energy", "e"],
    unit: "Wh",
    measurement: "energy_meter",
    field: "import_wh_total",
    counts: true,
  },
  temperature: {
    names: ["temperature", "t"],
    unit: "C",
    measurement: "thermal",
    field: "temp_c",
  },
  humidity: { names: ["humidity", "rh"], unit: "%", measurement: "thermal", field: "rh_pct" },
  value: { names: ["value"], unit: "", measurement: "energy_meter", field: "x_value" },
} as const satisfies Record<string, Quantity>;

export type QuantityName = keyof typeof quantities;

const named: readonly (readonly [QuantityName, Quantity])[] = [
  ["voltage", quantities.voltage],
  ["current", quantities.current],
  ["power", quantities.power],
  ["reactive", quantities.reactive],
  ["apparent", quantities.apparent],
  ["pf", quantities.pf],
  ["frequency", quantities.frequency],
  ["energy", quantities.energy],
  ["temperature", quantities.temperature],
  ["humidity", quantities.humidity],
  ["value", quantities.value],
];

/** What somebody knows of a register: read off a display, or measured beside it. */
export interface Expectation {
  readonly quantity: QuantityName;
  /** @unit that of the quantity */
  readonly value: number;
  /** How far off it may be. @unit that of the quantity */
  readonly tolerance: number;
  /** Half of the last digit that was written. @unit that of the quantity */
  readonly precision: number;
}

const prefixes: Readonly<Record<string, number>> = { "": 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9 };

/** What a display read a moment ago may be off by. */
const usualTolerance = 0.01;

const number = String.raw`(?<number>-?\d+(?:\.\d+)?(?:e-?\d+)?)`;
const within = String.raw`(?:\s*(?:±|\+-)(?<off>\d+(?:\.\d+)?)(?<share>%)?)?`;
const form = new RegExp(
  String.raw`^(?:(?<name>[a-z]+)=)?${number}\s*(?<unit>[a-z°%]*)${within}$`,
  "i",
);

/**
 * `230V`, `power=1.52kW`, `temperature=21.5`, `230.1V±2%`: what is expected.
 * @throws E_USAGE
 */
export function parseExpectation(text: string): Expectation {
  const groups = form.exec(text.trim())?.groups;
  if (groups === undefined) throw unclear(text, "write NAME=NUMBER UNIT, like power=1.52kW");
  const { name, number = "", unit = "", off, share } = groups;
  const found = quantityOf(name, unit);
  if (found === undefined) {
    const known = named.map(([, { names }]) => names[0]).join(", ");
    throw unclear(text, `a quantity is one of ${known}, with its own unit`);
  }
  const { quantity, factor } = found;
  const value = Number(number) * factor;
  const places = /\.(\d+)/.exec(number)?.[1]?.length ?? 0;
  const precision = 0.5 * 10 ** -places * factor;
  const size = share === undefined ? Number(off) * factor : (Number(off) / 100) * value;
  const usual = Math.max(Math.abs(value) * usualTolerance, precision);
  const tolerance = off === undefined ? usual : Math.max(Math.abs(size), 1e-9);
  return { quantity, value, tolerance, precision: Math.min(precision, tolerance) };
}

function quantityOf(
  name: string | undefined,
  written: string,
): { readonly quantity: QuantityName; readonly factor: number } | undefined {
  const word = name?.toLowerCase();
  const unit = written.replace("°", "");
  for (const [quantity, entry] of named) {
    if (word !== undefined && !entry.names.includes(word)) continue;
    const factor = factorOf(unit, entry.unit);
    if (factor === undefined) continue;
    // A bare number says nothing of what it is.
    if (word === undefined && unit === "" && quantity !== "value") continue;
    return { quantity, factor };
  }
  return undefined;
}

function factorOf(written: string, unit: string): number | undefined {
  if (written === "") return 1;
  if (unit === "" || !written.toLowerCase().endsWith(unit.toLowerCase())) return undefined;
  const prefix = written.slice(0, written.length - unit.length);
  return prefixes[prefix] ?? prefixes[prefix.toLowerCase()];
}

function unclear(text: string, why: string): GatewayError {
  return new GatewayError("E_USAGE", `--expect ${text}: ${why}`);
}
