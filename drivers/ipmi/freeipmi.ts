/**
 * What freeipmi 1.6 prints, as comma separated output without header and with the state.
 *
 *   2,CPU1 Temp,Temperature,Nominal,61.00,C,'OK'
 *   record,name,kind,state,reading,unit,events
 */
import type { Health, Sensor, Sensors, Unit } from "./found.ts";
import { celsius, sensorsOf } from "./found.ts";
import type { Reader, Table } from "./table.ts";
import { other, readTable, watts, words } from "./table.ts";

/** The name may hold commas, the fields behind it do not, but for the events. */
const linePattern = new RegExp(
  [
    "^(\\d{1,5}),(.*),([^,]{1,60})",
    "(Nominal|Warning|Critical|Unknown|N/A),([^,]{1,20}),([^,]{1,60}),((?:'[^']*' ?)+|N/A)$",
  ].join(","),
);

const readingPattern = /^-?\d{1,12}(?:\.\d{1,6})?$/;

const states: Readonly<Record<string, Health>> = { Nominal: 0, Warning: 1, Critical: 2 };

const units: Readonly<Record<string, Unit>> = {
  C: "c",
  V: "v",
  A: "a",
  W: "w",
  RPM: "rpm",
  "%": "pct",
  Hz: "hz",
};

export function parseSensors(output: string): Sensors {
  return sensorsOf(output, parseLine);
}

function parseLine(line: string): Sensor | undefined {
  const [, key, name = "", kind, state = "", reading = "", unit = "", events = ""] =
    linePattern.exec(line) ?? [];
  if (key === undefined) return undefined;
  const sensor = { name: name.trim(), key, kind, states: [], raw: line };
  if (reading === "N/A") return { ...sensor, states: eventsOf(events) };
  if (!readingPattern.test(reading)) return undefined;
  const value = valueOf(Number(reading), unit);
  if (value === undefined) return sensor;
  const health = healthOf(state, eventsOf(events));
  return { ...sensor, value, ...(health === undefined ? {} : { health }) };
}

/**
 * By the thresholds that are passed, which is what the controller says: in `state` stands what
 * freeipmi is configured to make of it, as it comes nothing of a non-critical one.
 */
function healthOf(state: string, events: readonly string[]): Health | undefined {
  const passed = events.flatMap((event) => thresholdPattern.exec(event)?.[1] ?? []);
  if (passed.length > 0) return passed.every((kind) => kind === "Non-Critical") ? 1 : 2;
  return Object.hasOwn(states, state) ? states[state] : undefined;
}

const thresholdPattern = /(Non-Critical|Critical|Non-Recoverable) Threshold$/;

function valueOf(number: number, words: string): Sensor["value"] {
  if (words === "F") return { number: celsius(number, "f"), unit: "c" };
  if (words === "K") return { number: celsius(number, "k"), unit: "c" };
  const unit = Object.hasOwn(units, words) ? units[words] : undefined;
  return unit === undefined ? undefined : { number, unit };
}

/** `'Presence detected' 'Power Supply Failure detected'`. */
function eventsOf(text: string): string[] {
  return [...text.matchAll(/'([^']{1,120})'/g)].flatMap(([, event]) => event ?? []);
}

const powerReaders: Readonly<Record<string, Reader>> = {
  "Current Power": watts("power_w"),
  "Minimum Power over sampling duration": watts("power_min_w"),
  "Maximum Power over sampling duration": watts("power_max_w"),
  "Average Power over sampling duration": watts("power_mean_w"),
  "Time Stamp": other,
  "Statistics reporting time period": other,
  "Power Measurement": words("active", { Active: 1, "Not Available": 0 }),
};

/** `ipmi-dcmi --get-system-power-statistics`. [DCMI-1.5 6.6.1] */
export function parsePower(output: string): Table {
  return readTable(output, powerReaders, "power");
}

const faulty = { true: 1, false: 0 };

const chassisReaders: Readonly<Record<string, Reader>> = {
  "System Power": words("on_state", { on: 1, off: 0 }),
  "Power overload": words("overload", faulty),
  "Power fault": words("mains", faulty),
  "Power control fault": words("control", faulty),
  "Drive Fault": words("drive", faulty),
  "Cooling/fan fault": words("cooling", faulty),
  Interlock: other,
  "Power restore policy": other,
  "Last Power Event": other,
  "Chassis intrusion": other,
  "Front panel lockout": other,
  "Chassis Identify state": other,
  "Power off button": other,
  "Reset button": other,
  "Diagnostic Interrupt button": other,
  "Standby button": other,
  "Power off button disable": other,
  "Reset button disable": other,
  "Diagnostic interrupt button disable": other,
  "Standby button disable": other,
};

/** `ipmi-chassis --get-chassis-status`. [IPMI-2.0 28.2] */
export function parseChassis(output: string): Table {
  return readTable(output, chassisReaders, "chassis");
}
