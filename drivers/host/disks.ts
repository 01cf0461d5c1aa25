/**
 * Traffic of the disks, from /proc/diskstats (Linux Documentation/admin-guide/iostats.rst): a
 * sector is always 512 bytes; the tenth column counts the milliseconds with work under way. The
 * counters are the kernel's own and begin again at 0 with the machine, as the register says
 * (`restarts`). `busy_pct` is the share since the poll before, so the first poll of a session has
 * none.
 */
import type { Clock } from "../../telemetry/index.ts";
import type { Blocks } from "./blocks.ts";
import type { HostFiles } from "./files.ts";
import { percent } from "./files.ts";
import type { Row, Value } from "./row.ts";

const path = "/proc/diskstats";
const sector = 512;

/** Column behind the name, and what one of it counts. */
const columns = {
  read_bytes_total: [2, sector],
  write_bytes_total: [6, sector],
  reads_total: [0, 1],
  writes_total: [4, 1],
} as const;
const busyColumn = 9;

interface Busy {
  /** @unit ms */
  readonly time: number;
  /** @unit ms */
  readonly at: number;
}

/** The part `disks` of a session; it remembers how busy each was. */
export class DisksPart {
  readonly #files: HostFiles;
  readonly #clock: Clock;
  readonly #blocks: Blocks;
  /** By kernel name; those of the poll before. */
  #before: ReadonlyMap<string, Busy> = new Map();

  constructor(files: HostFiles, blocks: Blocks, clock: Clock) {
    this.#files = files;
    this.#blocks = blocks;
    this.#clock = clock;
  }

  async read(): Promise<Row[]> {
    const stats = await this.#files.read(path, parseDiskstats);
    if (stats === undefined) return [];
    const at = this.#clock.monotonic();
    const now = new Map<string, Busy>();
    const rows = this.#blocks.disks.flatMap(({ kernel, name }): Row[] => {
      const counts = stats.value.get(kernel);
      if (counts === undefined) return [];
      const busy = { time: counts[busyColumn] ?? 0, at };
      now.set(kernel, busy);
      const values = valuesOf(kernel, counts, shareOf(this.#before.get(kernel), busy));
      return [{ measurement: "host_disk", channel: ["disk", name], values }];
    });
    this.#before = now;
    return rows;
  }
}

function valuesOf(
  kernel: string,
  counts: readonly number[],
  share: number | undefined,
): Record<string, Value> {
  const at = `${path} ${kernel}`;
  const values: Record<string, Value> = {};
  for (const [field, [column, scale]] of Object.entries(columns)) {
    const count = counts[column] ?? 0;
    values[field] = { value: count * scale, at, raw: String(count) };
  }
  if (share !== undefined) {
    values["busy_pct"] = { value: share, at, raw: String(counts[busyColumn]) };
  }
  return values;
}

function shareOf(before: Busy | undefined, now: Busy): number | undefined {
  // The kernel's count has 32 bits: a fall is a roll-over or a new disk, and has no share.
  if (before === undefined || now.at <= before.at || now.time < before.time) return undefined;
  return Math.min(100, percent(now.time - before.time, now.at - before.at));
}

/** `major minor name`, then at least eleven counts. */
export function parseDiskstats(text: string): ReadonlyMap<string, readonly number[]> | undefined {
  const disks = new Map<string, readonly number[]>();
  for (const line of text.split("\n")) {
    const [, name = "", rest = ""] = /^ *\d+ +\d+ (\S+) ([\d ]+)$/.exec(line) ?? [];
    const counts = rest.split(" ").map(Number);
    // Sectors become bytes.
    const whole = counts.every((count) => Number.isSafeInteger(count * sector));
    if (name !== "" && counts.length >= 11 && whole) disks.set(name, counts);
  }
  return disks.size === 0 && text.trim() !== "" ? undefined : disks;
}
