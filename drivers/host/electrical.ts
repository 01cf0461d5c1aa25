/**
 * Voltages, currents, powers and energies inside the machine, from hwmon chips (hwmon.ts), in their
 * units there: mV, mA, µW, µJ. Where a chip measures power over its own interval
 * (`powerN_average`), that is read, else what it sees now.
 */
import type { EnergyCounters } from "./energy.ts";
import type { HostFiles } from "./files.ts";
import { countOf, uniqueNames, wholeNumber } from "./files.ts";
import type { Hwmon, Sensor } from "./hwmon.ts";
import type { Row, Value } from "./row.ts";

/** What a chip's file holds: the field it becomes, and how many make one of its unit. */
const quantities = {
  in: ["voltage_v", 1000],
  curr: ["current_a", 1000],
  power: ["power_w", 1e6],
} as const;

/** The part `electrical` of a session. */
export class ElectricalPart {
  readonly #files: HostFiles;
  readonly #hwmon: Hwmon;
  readonly #energy: EnergyCounters;
  #sensors: readonly Sensor[] = [];

  constructor(files: HostFiles, hwmon: Hwmon, energy: EnergyCounters) {
    this.#files = files;
    this.#hwmon = hwmon;
    this.#energy = energy;
  }

  /** Takes over which sensors there are, after hwmon has looked. */
  scan(): Promise<void> {
    const unique = uniqueNames();
    const sensors = this.#hwmon.sensors("in", "curr", "power", "energy");
    this.#sensors = sensors.map((sensor) => ({ ...sensor, name: unique(sensor.name) }));
    return Promise.resolve();
  }

  async read(): Promise<Row[]> {
    const rows = await Promise.all(
      this.#sensors.map(async (sensor): Promise<Row[]> => {
        const values = await this.#values(sensor);
        if (values === undefined) return [];
        return [{ measurement: "electrical_sensor", channel: ["sensor", sensor.name], values }];
      }),
    );
    return rows.flat();
  }

  async #values({ kind, name, path: at }: Sensor): Promise<Record<string, Value> | undefined> {
    if (kind === "energy") {
      const energy = await this.#files.read(at, countOf);
      if (energy === undefined) return undefined;
      const { wattHours } = this.#energy.advance({ key: `sensor ${name}` }, energy.value);
      return { energy_wh_total: { value: wattHours, at, raw: energy.raw } };
    }
    if (kind !== "in" && kind !== "curr" && kind !== "power") return undefined;
    const [field, scale] = quantities[kind];
    const count = await this.#files.read(at, wholeNumber);
    if (count === undefined) return undefined;
    return { [field]: { value: count.value / scale, at, raw: count.raw } };
  }
}
