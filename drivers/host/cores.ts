/**
 * Each processor core: the share of time in use (/proc/stat, as in stat.ts) and its clock
 * (Linux Documentation/admin-guide/pm/cpufreq.rst: `scaling_cur_freq`, in kHz; virtual machines
 * mostly have none).
 *
 * Limit: `maxCores`; what is beyond is a fault, once.
 */
import type { HostFiles } from "./files.ts";
import { countOf } from "./files.ts";
import type { Row, Value } from "./row.ts";
import type { Stat } from "./stat.ts";
import { parseStat, shareOf } from "./stat.ts";

const maxCores = 1024;
const folder = "/sys/devices/system/cpu";

/** The part `cores` of a session; it remembers the processor time of the poll before. */
export class CoresPart {
  readonly #files: HostFiles;
  #before: Stat | undefined;
  /** Cores with a clock. */
  #clocked: ReadonlySet<string> = new Set();

  constructor(files: HostFiles) {
    this.#files = files;
  }

  async scan(): Promise<void> {
    const clocked = new Set<string>();
    for (const name of await this.#files.list(folder)) {
      if (!/^cpu\d+$/.test(name)) continue;
      if ((await this.#files.list(`${folder}/${name}/cpufreq`)).length > 0) clocked.add(name);
    }
    this.#clocked = clocked;
  }

  async read(): Promise<Row[]> {
    const stat = await this.#files.read("/proc/stat", parseStat);
    const before = this.#before;
    this.#before = stat?.value;
    if (stat === undefined) return [];
    const names = [...stat.value.cores.keys()];
    if (names.length > maxCores) this.#files.trouble(`/proc/stat beyond ${maxCores} cores`);
    const rows = await Promise.all(
      names.slice(0, maxCores).map(async (name): Promise<Row[]> => {
        const values = { ...share(name, stat.value, before), ...(await this.#clock(name)) };
        if (Object.keys(values).length === 0) return [];
        return [{ measurement: "host_core", channel: ["core", name], values }];
      }),
    );
    return rows.flat();
  }

  async #clock(name: string): Promise<Record<string, Value>> {
    if (!this.#clocked.has(name)) return {};
    const at = `${folder}/${name}/cpufreq/scaling_cur_freq`;
    const khz = await this.#files.read(at, countOf);
    return khz === undefined ? {} : { clock_hz: { value: khz.value * 1000, at, raw: khz.raw } };
  }
}

function share(name: string, stat: Stat, before: Stat | undefined): Record<string, Value> {
  const time = stat.cores.get(name);
  const value = time === undefined ? undefined : shareOf(before?.cores.get(name), time);
  if (time === undefined || value === undefined) return {};
  return { cpu_pct: { value, at: `/proc/stat ${name}`, raw: `${time.busy} of ${time.total}` } };
}
