/**
 * Fans of the machine, from hwmon chips (hwmon.ts): `fanN_input` in revolutions a minute, and
 * `fanN_fault` where the chip has it (1: the fan failed).
 *
 * `pwmN` is left out: it is what a fan is asked for, not what it does, and which fan it drives is
 * up to the board. `fanN_alarm` is left out: it compares with a limit that nobody may have set. A
 * header without a fan shows 0.
 */
import type { HostFiles } from "./files.ts";
import { countOf, uniqueNames } from "./files.ts";
import type { Hwmon, Sensor } from "./hwmon.ts";
import type { Row, Value } from "./row.ts";

const good = 0;
const critical = 2;

/** The part `fans` of a session. */
export class FansPart {
  readonly #files: HostFiles;
  readonly #hwmon: Hwmon;
  #fans: readonly Sensor[] = [];

  constructor(files: HostFiles, hwmon: Hwmon) {
    this.#files = files;
    this.#hwmon = hwmon;
  }

  /** Takes over which fans there are, after hwmon has looked. */
  scan(): Promise<void> {
    const unique = uniqueNames();
    const fans = this.#hwmon.sensors("fan");
    this.#fans = fans.map((fan) => ({ ...fan, name: unique(fan.name) }));
    return Promise.resolve();
  }

  async read(): Promise<Row[]> {
    const rows = await Promise.all(this.#fans.map((fan) => this.#row(fan)));
    return rows.flat();
  }

  async #row({ name, path, fault }: Sensor): Promise<Row[]> {
    const [speed, failed] = await Promise.all([
      this.#files.read(path, countOf),
      fault === undefined ? undefined : this.#files.read(fault, countOf),
    ]);
    const values: Record<string, Value> = {};
    if (speed !== undefined) values["speed_rpm"] = { value: speed.value, at: path, raw: speed.raw };
    if (failed !== undefined && fault !== undefined) {
      const value = failed.value === 0 ? good : critical;
      values["health_state"] = { value, at: fault, raw: failed.raw };
    }
    if (Object.keys(values).length === 0) return [];
    return [{ measurement: "fan", channel: ["fan", name], values }];
  }
}
