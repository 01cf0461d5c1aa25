/**
 * Temperatures of the machine: hwmon chips (Linux Documentation/hwmon/sysfs-interface.rst) and
 * thermal zones (Documentation/ABI/testing/sysfs-class-thermal); both give millidegrees Celsius.
 *
 * The tag `sensor` must name the same place after a reboot, so it is built from the device behind
 * a chip (`nvme0`, `coretemp-0`), never from the number of the hwmon folder, which follows the
 * order of loading.
 *
 * Limit: `maxSensors`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { safeName, wholeNumber } from "./files.ts";
import type { Row } from "./row.ts";

const maxSensors = 256;
const hwmonFolder = "/sys/class/hwmon";
const zoneFolder = "/sys/class/thermal";

interface Sensor {
  readonly name: string;
  readonly path: string;
}

/** The part `thermal` of a session. */
export class ThermalPart {
  readonly #files: HostFiles;
  #sensors: readonly Sensor[] = [];

  constructor(files: HostFiles) {
    this.#files = files;
  }

  /** Looks which sensors there are. */
  async scan(): Promise<void> {
    const found = [...(await hwmonSensors(this.#files)), ...(await zoneSensors(this.#files))];
    const taken = new Set<string>();
    this.#sensors = found.slice(0, maxSensors).map(({ name, path }) => {
      let unique = name;
      for (let nth = 2; taken.has(unique); nth += 1) unique = `${name}-${nth}`;
      taken.add(unique);
      return { name: unique, path };
    });
  }

  async read(): Promise<Row[]> {
    const rows = await Promise.all(
      this.#sensors.map(async ({ name, path }): Promise<Row[]> => {
        const milli = await this.#files.read(path, wholeNumber);
        if (milli === undefined) return [];
        const temp = { value: milli.value / 1000, at: path, raw: milli.raw };
        return [{ measurement: "thermal", channel: ["sensor", name], values: { temp_c: temp } }];
      }),
    );
    return rows.flat();
  }
}

async function hwmonSensors(files: HostFiles): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  for (const folder of await files.list(hwmonFolder)) {
    const chipPath = `${hwmonFolder}/${folder}`;
    const device = await files.link(`${chipPath}/device`);
    // A thermal zone shows up here again; it is read at its own place.
    if (device?.startsWith("thermal_zone") === true) continue;
    const chip = await files.read(`${chipPath}/name`, safeName);
    if (chip === undefined) continue;
    const place = chipName(chip.value, device);
    for (const file of await files.list(chipPath)) {
      const input = /^(temp\d+)_input$/.exec(file)?.[1];
      if (input === undefined) continue;
      const label = await files.read(`${chipPath}/${input}_label`, safeName);
      const name = `${place}_${label?.value ?? input}`.slice(0, 60);
      sensors.push({ name, path: `${chipPath}/${file}` });
    }
  }
  return sensors;
}

/** `coretemp` on `coretemp.0` → `coretemp-0`; `k10temp` on `0000:00:18.3` → both. */
function chipName(chip: string, device: string | undefined): string {
  const place = device === undefined ? undefined : safeName(device);
  if (place === undefined) return chip;
  return place.startsWith(chip) ? place : `${chip}-${place}`;
}

async function zoneSensors(files: HostFiles): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  for (const zone of await files.list(zoneFolder)) {
    if (!/^thermal_zone\d+$/.test(zone)) continue;
    const type = await files.read(`${zoneFolder}/${zone}/type`, safeName);
    if (type === undefined) continue;
    sensors.push({ name: `zone_${type.value}`.slice(0, 60), path: `${zoneFolder}/${zone}/temp` });
  }
  return sensors;
}
