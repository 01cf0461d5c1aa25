/** What the tools' outputs are made into, whichever tool it was. */
import type { Fault } from "../../telemetry/index.ts";

/** Units that a sensor's value may have here; others are known, and have no place. */
export type Unit = "c" | "v" | "a" | "w" | "rpm" | "pct" | "hz";

/** As in the register: good, warning, critical. */
export type Health = 0 | 1 | 2;

/** One sensor of the controller's list, with or without a reading. */
export interface Sensor {
  /** As the controller calls it. */
  readonly name: string;
  /** Tells it from others of the same name: its number there. */
  readonly key: string;
  /** What it is part of, `10.1` a first power supply; only ipmitool tells. [IPMI-2.0 43.14] */
  readonly entity?: string | undefined;
  /** Its kind; only freeipmi tells: `Fan`. [IPMI-2.0 42.2] */
  readonly kind?: string | undefined;
  readonly value?: { readonly number: number; readonly unit: Unit } | undefined;
  /** What the controller makes of its value by its thresholds. */
  readonly health?: Health | undefined;
  /** States of a discrete sensor that hold. */
  readonly states: readonly string[];
  /** The line. */
  readonly raw: string;
}

export interface Sensors {
  readonly sensors: readonly Sensor[];
  readonly faults: readonly Fault[];
}

/** Fields of `server`. */
export type Figures = Readonly<Record<string, Figure>>;

export interface Figure {
  readonly value: number;
  readonly raw: string;
}

/** A reading of a value in the tool's words: degrees Fahrenheit and Kelvin become Celsius. */
export function celsius(number: number, unit: "f" | "k"): number {
  const value = unit === "f" ? ((number - 32) * 5) / 9 : number - 273.15;
  return Math.round(value * 100) / 100;
}

/** Lines that are no sensor named one by one; the rest are counted. */
const namedFaults = 10;

/** Sensors of one controller that are taken: more than the largest chassis has. */
const mostSensors = 1024;

/** Makes sensors of lines; what fits nothing is a fault, and never a value. */
export function sensorsOf(
  output: string,
  parse: (line: string) => Sensor | "other" | undefined,
): Sensors {
  const sensors: Sensor[] = [];
  const wrong: string[] = [];
  for (const line of output.split("\n")) {
    if (line.trim() === "") continue;
    const sensor = line.length > longestLine ? undefined : parse(line.trimEnd());
    if (sensor === undefined) wrong.push(line);
    else if (sensor !== "other") sensors.push(sensor);
  }
  const beyond = Math.max(0, sensors.length - mostSensors);
  const faults = wrong.slice(0, namedFaults).map((line) => frameFault(`sensors: ${shown(line)}`));
  const more = wrong.length - faults.length;
  if (more > 0) faults.push(frameFault(`sensors: ${more} more lines that are no sensor`));
  if (beyond > 0) faults.push(frameFault(`sensors: ${beyond} more than ${mostSensors}`));
  return { sensors: sensors.slice(0, mostSensors), faults };
}

/** @unit characters */
const longestLine = 1000;

function frameFault(at: string): Fault {
  return { code: "E_DEVICE_FRAME", at };
}

/** A line for people, short and without what a terminal would obey. */
export function shown(line: string): string {
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
