/**
 * What ipmitool 1.8 prints, in its locale `C`.
 *
 *   CPU1 Temp        | 02h | ok  |  3.1 | 61 degrees C
 *   name               number status entity reading, or the states of a discrete sensor
 */
import type { Health, Sensor, Sensors, Unit } from "./found.ts";
import { celsius, sensorsOf } from "./found.ts";
import type { Reader, Table } from "./table.ts";
import { other, readTable, watts, words } from "./table.ts";

const linePattern =
  /^(.{0,64}?) \| ([0-9A-F]{2})h \| ([a-z]{2,3}) {0,2}\| {0,2}(\d{1,3}\.\d{1,3}) \|(?: (.*))?$/;

/** Status of a sensor by its thresholds; `ns`: it has no reading. [IPMI-2.0 35.14] */
const statuses: Readonly<Record<string, Health | "none">> = {
  ok: 0,
  nc: 1,
  lnc: 1,
  unc: 1,
  cr: 2,
  lcr: 2,
  ucr: 2,
  nr: 2,
  lnr: 2,
  unr: 2,
  ns: "none",
};

const units: Readonly<Record<string, Unit>> = {
  "degrees C": "c",
  Volts: "v",
  Amps: "a",
  Watts: "w",
  RPM: "rpm",
  percent: "pct",
  Hz: "hz",
};

/** Words of all units there are; with modifiers they stand as `Watts * hour`. */
const unitWords = new Set(
  `unspecified degrees C F K Volts Amps Watts Joules Coulombs VA Nits lumen lux Candela kPa PSI
  Newton CFM RPM Hz microsecond millisecond second minute hour day week mil inches feet cu in mm cm
  m liters fluid ounce radians steradians revolutions cycles gravities pound ft-lb oz-in gauss
  gilberts henry millihenry farad microfarad ohms siemens mole becquerel PPM reserved Decibels DbA
  DbC gray sievert color temp deg bit kilobit megabit gigabit byte kilobyte megabyte gigabyte word
  dword qword line hit miss retry reset overflow overrun underrun collision packets messages
  characters error correctable uncorrectable fatal grams percent`.split(/\s+/),
);

const readingPattern = /^(-?\d{1,12}(?:\.\d{1,6})?) ([A-Za-z%][A-Za-z0-9 /*%.-]{0,60})$/;

/** Where a device or a controller stands, and what Intel's own records are. */
const locatorPattern = /^(?:(?:Logical|Physical) FRU @|(?:Static|Dynamic) MC @|Generic )/;
const intelPattern = /^Power Redundancy *\| .* \| (?:ok|nr)$/;

/** What `sdr info` prints of the list of sensors; the first three tell one list from another. */
const stampPattern = /^(?:Record Count|Most recent Addition|Most recent Erase) +: /;
const infoPattern =
  /^(?:SDR (?:Version|overflow|Repository .{1,30})|Free Space|.{1,30} supported) +: /;

export interface Listing {
  /** Changes when the controller's list does; undefined: the controller does not tell. */
  readonly stamp: string | undefined;
  /** The lines of the sensors. */
  readonly output: string;
}

/** Parts what `sdr info` prints from the sensors that are printed behind it. [IPMI-2.0 33.9] */
export function splitListing(output: string): Listing {
  const lines = output.split("\n");
  const telling = lines.filter((line) => stampPattern.test(line));
  const rest = lines.filter((line) => !stampPattern.test(line) && !infoPattern.test(line));
  const stamp = telling.length === 3 ? telling.join("\n") : undefined;
  return { stamp, output: rest.join("\n") };
}

export function parseSensors(output: string): Sensors {
  return sensorsOf(output, parseLine);
}

function parseLine(line: string): Sensor | "other" | undefined {
  if (intelPattern.test(line)) return "other";
  const [, name = "", key, status = "", entity, text = ""] = linePattern.exec(line) ?? [];
  const health = Object.hasOwn(statuses, status) ? statuses[status] : undefined;
  if (key === undefined || health === undefined) return undefined;
  if (locatorPattern.test(text)) return "other";
  const sensor = { name: name.trim(), key: key.toLowerCase(), entity, states: [], raw: line };
  if (health === "none") return sensor;
  if (/^-?[\d.]/.test(text) && !text.startsWith("0x")) {
    const value = valueOf(text);
    if (value === undefined) return undefined;
    return value === "other" ? sensor : { ...sensor, value, health };
  }
  // Only a reading can pass a threshold.
  if (status !== "ok") return undefined;
  return { ...sensor, states: text === "" ? [] : text.split(", ") };
}

function valueOf(text: string): Sensor["value"] | "other" {
  const [, digits, words = ""] = readingPattern.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (words === "degrees F") return { number: celsius(number, "f"), unit: "c" };
  if (words === "degrees K") return { number: celsius(number, "k"), unit: "c" };
  const unit = Object.hasOwn(units, words) ? units[words] : undefined;
  if (unit !== undefined) return { number, unit };
  const all = words.split(/[ %*/]+/).filter((word) => word !== "");
  return all.every((word) => unitWords.has(word)) ? "other" : undefined;
}

const powerReaders: Readonly<Record<string, Reader>> = {
  "Instantaneous power reading": watts("power_w"),
  "Minimum during sampling period": watts("power_min_w"),
  "Maximum during sampling period": watts("power_max_w"),
  "Average power reading over sample period": watts("power_mean_w"),
  "IPMI timestamp": other,
  "Sampling period": other,
  "Power reading state is": words("active", { activated: 1, deactivated: 0 }),
};

/** `dcmi power reading`; the figure `active` tells that it measures. [DCMI-1.5 6.6.1] */
export function parsePower(output: string): Table {
  return readTable(output, powerReaders, "power");
}

const faulty = { true: 1, false: 0 };

const chassisReaders: Readonly<Record<string, Reader>> = {
  "System Power": words("on_state", { on: 1, off: 0 }),
  "Power Overload": words("overload", faulty),
  "Main Power Fault": words("mains", faulty),
  "Power Control Fault": words("control", faulty),
  "Drive Fault": words("drive", faulty),
  "Cooling/Fan Fault": words("cooling", faulty),
  "Power Interlock": other,
  "Power Restore Policy": other,
  "Last Power Event": other,
  "Chassis Intrusion": other,
  "Front-Panel Lockout": other,
  "Sleep Button Disable": other,
  "Diag Button Disable": other,
  "Reset Button Disable": other,
  "Power Button Disable": other,
  "Sleep Button Disabled": other,
  "Diag Button Disabled": other,
  "Reset Button Disabled": other,
  "Power Button Disabled": other,
};

/** `chassis status`. [IPMI-2.0 28.2] */
export function parseChassis(output: string): Table {
  return readTable(output, chassisReaders, "chassis");
}
