/**
 * Temperatures and humidity of the machine: hwmon chips (hwmon.ts) and thermal zones (Linux
 * Documentation/ABI/testing/sysfs-class-thermal), in thousandths of a degree Celsius and of a per
 * cent.
 *
 * Limit: `maxZones`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { safeName, uniqueNames, wholeNumber } from "./files.ts";
import type { Hwmon } from "./hwmon.ts";
import { longestName } from "./hwmon.ts";
import type { Row } from "./row.ts";

const maxZones = 128;
const zoneFolder = "/sys/class/thermal";

interface Place {
  readonly name: string;
  readonly path: string;
  readonly field: "temp_c" | "rh_pct";
}

/** The part `thermal` of a session. */
export class ThermalPart {
  readonly #files: HostFiles;
  readonly #hwmon: Hwmon;
  #places: readonly Place[] = [];

  constructor(files: HostFiles, hwmon: Hwmon) {
    this.#files = files;
    this.#hwmon = hwmon;
  }

  /** Looks which sensors there are, after hwmon has looked. */
  async scan(): Promise<void> {
    const sensors = this.#hwmon.sensors("temp", "humidity").map(({ kind, name, path }): Place => ({
      name,
      path,
      field: kind === "temp" ? "temp_c" : "rh_pct",
    }));
    const unique = uniqueNames();
    const found = [...sensors, ...(await this.#zones())];
    this.#places = found.map((place) => ({ ...place, name: unique(place.name) }));
  }

  async read(): Promise<Row[]> {
    const rows = await Promise.all(
      this.#places.map(async ({ name, path, field }): Promise<Row[]> => {
        const milli = await this.#files.read(path, wholeNumber);
        if (milli === undefined) return [];
        const values = { [field]: { value: milli.value / 1000, at: path, raw: milli.raw } };
        return [{ measurement: "thermal", channel: ["sensor", name], values }];
      }),
    );
    return rows.flat();
  }

  async #zones(): Promise<Place[]> {
    const places: Place[] = [];
    const names = await this.#files.list(zoneFolder);
    const zones = names.filter((name) => /^thermal_zone\d+$/.test(name));
    if (zones.length > maxZones) this.#files.trouble(`${zoneFolder} beyond ${maxZones} zones`);
    for (const zone of zones.slice(0, maxZones)) {
      const type = await this.#files.read(`${zoneFolder}/${zone}/type`, safeName);
      if (type === undefined) continue;
      const name = `zone_${type.value}`.slice(0, longestName);
      places.push({ name, path: `${zoneFolder}/${zone}/temp`, field: "temp_c" });
    }
    return places;
  }
}
