/**
 * Energy counters of the processor (RAPL) by way of powercap (Linux Documentation/power/powercap/
 * powercap.rst): `energy_uj` counts microjoules from 0 to `max_energy_range_uj` and begins again.
 * Each socket is a package with domains within it; `psys` is the whole board. AMD's processors show
 * theirs under the same names (kernel 5.8). Power is the mean since the poll before, so the first
 * poll of a session has none. Since 2020 the kernel lets only root read the counters
 * (CVE-2020-8694).
 *
 * Limit: `maxDomains`.
 */
import type { EnergyCounters } from "./energy.ts";
import type { HostFiles } from "./files.ts";
import { countOf, safeName, uniqueNames } from "./files.ts";
import type { Row, Value } from "./row.ts";

const maxDomains = 64;
const folder = "/sys/class/powercap";

interface Domain {
  readonly name: string;
  readonly path: string;
  /** Highest value of the counter. @unit µJ */
  readonly range: number;
}

/** The part `power` of a session. */
export class PowerPart {
  readonly #files: HostFiles;
  readonly #energy: EnergyCounters;
  #domains: readonly Domain[] = [];

  constructor(files: HostFiles, energy: EnergyCounters) {
    this.#files = files;
    this.#energy = energy;
  }

  /**
   * Looks which domains there are: `intel-rapl:0` (a socket), `intel-rapl:0:1` (within it). The
   * same counters by way of `intel-rapl-mmio` would count twice.
   */
  async scan(): Promise<void> {
    const unique = uniqueNames();
    const domains: Domain[] = [];
    for (const zone of await this.#files.list(folder)) {
      if (!/^intel-rapl:\d+(:\d+)?$/.test(zone) || domains.length >= maxDomains) continue;
      const path = `${folder}/${zone}`;
      const name = await this.#name(zone);
      const range = await this.#files.read(`${path}/max_energy_range_uj`, countOf);
      if (name === undefined || range === undefined) continue;
      domains.push({ name: unique(name), path, range: range.value });
    }
    this.#domains = domains;
  }

  async read(): Promise<Row[]> {
    const rows = await Promise.all(this.#domains.map((domain) => this.#row(domain)));
    return rows.flat();
  }

  /** `dram` within `package-0` is `package-0_dram`: each socket has one. */
  async #name(zone: string): Promise<string | undefined> {
    const own = await this.#files.read(`${folder}/${zone}/name`, safeName);
    const parent = /^(intel-rapl:\d+):\d+$/.exec(zone)?.[1];
    if (own === undefined || parent === undefined) return own?.value;
    const above = await this.#files.read(`${folder}/${parent}/name`, safeName);
    return above === undefined ? undefined : `${above.value}_${own.value}`.slice(0, 60);
  }

  async #row({ name, path, range }: Domain): Promise<Row[]> {
    const at = `${path}/energy_uj`;
    const energy = await this.#files.read(at, countOf);
    if (energy === undefined) return [];
    const { watts, wattHours } = this.#energy.advance({ key: `rapl ${name}`, range }, energy.value);
    const { raw } = energy;
    const values: Record<string, Value> = {
      ...(watts !== undefined && { power_w: { value: watts, at, raw } }),
      energy_wh_total: { value: wattHours, at, raw },
    };
    return [{ measurement: "host_power", channel: ["domain", name], values }];
  }
}
