/**
 * Pressure stall information (Linux Documentation/accounting/psi.rst): for how long some task had
 * to wait for a processor, for memory or for a disk. The kernel's `total` counts microseconds; the
 * share since the poll before comes from it, as its own averages fit no interval of ours. So the
 * first poll of a session has none. Kernels before 4.20, or without PSI, have no such files.
 */
import type { Clock } from "../../telemetry/index.ts";
import type { HostFiles } from "./files.ts";
import { percent } from "./files.ts";
import type { Value } from "./row.ts";

const resources = [
  ["cpu_stall_pct", "/proc/pressure/cpu"],
  ["mem_stall_pct", "/proc/pressure/memory"],
  ["io_stall_pct", "/proc/pressure/io"],
] as const;

/** What was read last of each resource. */
interface Stalled {
  /** @unit µs */
  readonly total: number;
  /** @unit ms */
  readonly at: number;
}

export class Pressure {
  readonly #files: HostFiles;
  readonly #clock: Clock;
  readonly #before = new Map<string, Stalled>();

  constructor(files: HostFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  async read(): Promise<Record<string, Value>> {
    const values = await Promise.all(
      resources.map(async ([field, path]): Promise<[string, Value][]> => {
        const total = await this.#files.read(path, stalledFor);
        const value = total === undefined ? undefined : this.#share(field, total.value);
        if (total === undefined || value === undefined) return [];
        return [[field, { value, at: path, raw: total.raw.split("\n", 1)[0] ?? "" }]];
      }),
    );
    return Object.fromEntries(values.flat());
  }

  #share(field: string, total: number): number | undefined {
    const before = this.#before.get(field);
    const at = this.#clock.monotonic();
    this.#before.set(field, { total, at });
    if (before === undefined || at <= before.at || total < before.total) return undefined;
    // The two clocks are not read at the same instant.
    return Math.min(100, percent(total - before.total, (at - before.at) * 1000));
  }
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`. @unit µs */
function stalledFor(text: string): number | undefined {
  const total = /^some (?:avg\d+=[\d.]+ )+total=(\d{1,15})$/m.exec(text)?.[1];
  return total === undefined ? undefined : Number(total);
}
