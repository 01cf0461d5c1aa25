/**
 * Errors of the main memory as EDAC counts them (Linux Documentation/admin-guide/RAS), summed over
 * all memory controllers: `ce_count` corrected, `ue_count` not. They begin again at 0 with the
 * machine. Which module it was is in the kernel's log.
 *
 * Limit: `maxControllers`.
 */
import type { HostFiles } from "./files.ts";
import { countOf } from "./files.ts";
import type { Value } from "./row.ts";

const folder = "/sys/devices/system/edac/mc";
const maxControllers = 64;

const counters = [
  ["ecc_ce_total", "ce_count"],
  ["ecc_ue_total", "ue_count"],
] as const;

export class MemoryErrors {
  readonly #files: HostFiles;
  #controllers: readonly string[] = [];

  constructor(files: HostFiles) {
    this.#files = files;
  }

  async scan(): Promise<void> {
    const names = await this.#files.list(folder);
    this.#controllers = names.filter((name) => /^mc\d+$/.test(name)).slice(0, maxControllers);
  }

  async read(): Promise<Record<string, Value>> {
    const values: Record<string, Value> = {};
    if (this.#controllers.length === 0) return values;
    for (const [field, file] of counters) {
      const counts = await Promise.all(
        this.#controllers.map((name) => this.#files.read(`${folder}/${name}/${file}`, countOf)),
      );
      const known = counts.flatMap((count) => count?.value ?? []);
      // A sum of fewer would fall, and a fall means that the machine began anew.
      if (known.length < counts.length) continue;
      const value = known.reduce((sum, count) => sum + count, 0);
      values[field] = { value, at: `${folder}/mc*/${file}`, raw: known.join(" ") };
    }
    return values;
  }
}
