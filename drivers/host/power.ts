/**
 * Energy counters of the processor (RAPL) by way of powercap (Linux Documentation/power/powercap/
 * powercap.rst): `energy_uj` counts microjoules from 0 to `max_energy_range_uj` and begins again.
 * Power is the mean since the poll before, so the first poll of a session has none. Since 2020 the
 * kernel lets only root read the counters (CVE-2020-8694).
 *
 * Limits: `maxDomains`; a counter that wraps twice between two polls counts too little (262 kJ at
 * 200 W last 22 minutes, so any usual interval is safe).
 */
import type { Clock } from "../../telemetry/index.ts";
import type { HostFiles } from "./files.ts";
import { safeName, wholeNumber } from "./files.ts";
import type { Row, Value } from "./row.ts";

const maxDomains = 64;
const folder = "/sys/class/powercap";
/** No domain draws this much: above it the counter was set back, it did not wrap. @unit W */
const implausible = 10_000;

interface Domain {
  readonly name: string;
  readonly path: string;
  /** Highest value of the counter. @unit µJ */
  readonly range: number;
  last: { readonly energy: number; readonly at: number } | undefined;
  /** Energy since the session began. @unit µJ */
  sum: number;
}

/** The part `power` of a session; it remembers each counter and what it has summed. */
export class PowerPart {
  readonly #files: HostFiles;
  readonly #clock: Clock;
  /** By path: a domain that was found once keeps its sum. */
  readonly #domains = new Map<string, Domain>();

  constructor(files: HostFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** Looks which domains there are: `intel-rapl:0` (a socket), `intel-rapl:0:1` (within it). */
  async scan(): Promise<void> {
    for (const zone of await this.#files.list(folder)) {
      const path = `${folder}/${zone}`;
      if (!/^intel-rapl:\d+(:\d+)?$/.test(zone) || this.#domains.has(path)) continue;
      const name = await this.#name(zone);
      const range = await this.#files.read(`${path}/max_energy_range_uj`, wholeNumber);
      if (name === undefined || range === undefined || this.#domains.size >= maxDomains) continue;
      this.#domains.set(path, { name, path, range: range.value, last: undefined, sum: 0 });
    }
  }

  async read(): Promise<Row[]> {
    const domains = [...this.#domains.values()];
    const rows = await Promise.all(domains.map((domain) => this.#row(domain)));
    return rows.flat();
  }

  /** `dram` within `package-0` is `package-0_dram`: each socket has one. */
  async #name(zone: string): Promise<string | undefined> {
    const own = await this.#files.read(`${folder}/${zone}/name`, safeName);
    const parent = /^(intel-rapl:\d+):\d+$/.exec(zone)?.[1];
    if (own === undefined || parent === undefined) return own?.value;
    const above = await this.#files.read(`${folder}/${parent}/name`, safeName);
    return above === undefined ? undefined : `${above.value}_${own.value}`;
  }

  async #row(domain: Domain): Promise<Row[]> {
    const at = `${domain.path}/energy_uj`;
    const energy = await this.#files.read(at, wholeNumber);
    if (energy === undefined) return [];
    const watts = this.#advance(domain, energy.value);
    const { raw } = energy;
    const values: Record<string, Value> = {
      ...(watts !== undefined && { power_w: { value: watts, at, raw } }),
      energy_wh_total: { value: Math.floor(domain.sum / 3.6e9), at, raw },
    };
    return [{ measurement: "host_power", channel: ["domain", domain.name], values }];
  }

  /** Takes a new count in. @returns mean power since the last, where it can be told, in W */
  #advance(domain: Domain, energy: number): number | undefined {
    const before = domain.last;
    const at = this.#clock.monotonic();
    domain.last = { energy, at };
    if (before === undefined || at <= before.at) return undefined;
    const rose = energy - before.energy;
    const spent = rose < 0 ? rose + domain.range : rose;
    // µJ per ms are mW.
    const watts = spent / (at - before.at) / 1000;
    if (watts < 0 || watts > implausible) return undefined;
    domain.sum += spent;
    return Math.round(watts * 1000) / 1000;
  }
}
