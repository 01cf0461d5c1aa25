/**
 * Processor time as /proc/stat has it [PROC 5]: ticks since boot, of all cores and of each. A share
 * is always between two readings.
 */
import { percent } from "./files.ts";

/** Processor time since boot. @unit ticks, or any other */
export interface CpuTime {
  readonly busy: number;
  readonly total: number;
}

export interface Stat {
  readonly all: CpuTime;
  /** By the kernel's name (`cpu0`), those online alone. */
  readonly cores: ReadonlyMap<string, CpuTime>;
}

/** `cpu  user nice system idle iowait irq softirq steal guest guest_nice`, then `cpu0 …`. */
export function parseStat(text: string): Stat | undefined {
  const all = /^cpu {1,2}(\d+(?: \d+){3,9})\n/.exec(text)?.[1];
  const cores = new Map<string, CpuTime>();
  for (const [, name = "", ticks = ""] of text.matchAll(/^(cpu\d{1,5}) (\d+(?: \d+){3,9})$/gm)) {
    cores.set(name, timeOf(ticks));
  }
  return all === undefined || cores.size === 0 ? undefined : { all: timeOf(all), cores };
}

function timeOf(ticks: string): CpuTime {
  // Guest time is already within user and nice, so the first eight are the whole.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, ...interrupts] = ticks
    .split(" ")
    .map(Number)
    .slice(0, 8);
  const busy = user + nice + system + interrupts.reduce((sum, value) => sum + value, 0);
  return { busy, total: busy + idle + iowait };
}

/** The share in use between two readings, in per cent, where it can be told. */
export function shareOf(before: CpuTime | undefined, after: CpuTime): number | undefined {
  if (before === undefined) return undefined;
  const spent = after.total - before.total;
  const busy = after.busy - before.busy;
  // iowait may fall [PROC 5] and a core may go offline: then this poll has no share.
  if (!(spent > 0) || busy < 0 || busy > spent) return undefined;
  return percent(busy, spent);
}
