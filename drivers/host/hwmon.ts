/**
 * Sensors of the machine as hwmon chips show them (Linux Documentation/hwmon/
 * sysfs-interface.rst): which there are, and what they are called.
 *
 * A name must mean the same place after a reboot, so it is built from the device behind a chip
 * (`nvme0`, `coretemp-0`) and from the label that the driver gives (`vin`, `Package id 0`), never
 * from the number of the hwmon folder, which follows the order of loading. A disk's own sensor
 * (drivetemp) is called by the disk's world wide name, as its number follows the order of finding.
 *
 * Limit: `maxSensors`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { safeName } from "./files.ts";

/** Two sockets with a sensor a core, and a board with four chips, stay far below. */
const maxSensors = 512;
const folder = "/sys/class/hwmon";

/** Longest name of a sensor; one more may need a number behind it. */
export const longestName = 60;

const kinds = ["temp", "humidity", "fan", "in", "curr", "power", "energy"] as const;
export type SensorKind = (typeof kinds)[number];

export interface Sensor {
  readonly kind: SensorKind;
  readonly name: string;
  /** Path of its reading: `…/hwmon3/power1_average`. */
  readonly path: string;
  /** Path of the file that tells whether it is faulty, where there is one. */
  readonly fault: string | undefined;
}

/** `temp1_input`, `power1_average`. */
const readingPattern = /^(([a-z]+)\d{1,4})_(input|average)$/;

/** The chips of a session; several parts read their sensors. */
export class Hwmon {
  readonly #files: HostFiles;
  #sensors: readonly Sensor[] = [];

  constructor(files: HostFiles) {
    this.#files = files;
  }

  /** Those of some kinds, as found by the last scan. */
  sensors(...kinds: readonly SensorKind[]): readonly Sensor[] {
    return this.#sensors.filter(({ kind }) => kinds.includes(kind));
  }

  /** Looks which there are. */
  async scan(): Promise<void> {
    const sensors: Sensor[] = [];
    for (const name of await this.#files.list(folder)) {
      sensors.push(...(await this.#chip(`${folder}/${name}`)));
    }
    if (sensors.length > maxSensors) this.#files.trouble(`${folder} beyond ${maxSensors} sensors`);
    this.#sensors = sensors.slice(0, maxSensors);
  }

  async #chip(path: string): Promise<Sensor[]> {
    const device = await this.#files.link(`${path}/device`);
    // A thermal zone shows up here again; it is read at its own place.
    if (device?.startsWith("thermal_zone") === true) return [];
    const chip = await this.#files.read(`${path}/name`, safeName);
    if (chip === undefined) return [];
    const place = await this.#place(path, chip.value, device);
    const names = await this.#files.list(path);
    const there = new Set(names);
    const sensors: Sensor[] = [];
    for (const file of names) {
      const [, stem = "", word, way] = readingPattern.exec(file) ?? [];
      const kind = kinds.find((one) => one === word);
      // A power meter gives a mean over its own interval, or what it sees now.
      const wanted = kind === "power" && there.has(`${stem}_average`) ? "average" : "input";
      if (kind === undefined || way !== wanted) continue;
      const label = there.has(`${stem}_label`)
        ? await this.#files.read(`${path}/${stem}_label`, safeName)
        : undefined;
      const fault = there.has(`${stem}_fault`) ? `${path}/${stem}_fault` : undefined;
      const name = `${place}_${label?.value ?? stem}`.slice(0, longestName);
      sensors.push({ kind, name, path: `${path}/${file}`, fault });
    }
    return sensors;
  }

  /** `coretemp` on `coretemp.0` → `coretemp-0`; `k10temp` on `0000:00:18.3` → both. */
  async #place(path: string, chip: string, device: string | undefined): Promise<string> {
    if (chip === "drivetemp") {
      const disk = await this.#files.read(`${path}/device/wwid`, safeName);
      if (disk !== undefined) return `${chip}-${disk.value}`;
    }
    const place = device === undefined ? undefined : safeName(device);
    if (place === undefined) return chip;
    return place.startsWith(chip) ? place : `${chip}-${place}`;
  }
}
