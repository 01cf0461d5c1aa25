/**
 * Load, processor, memory and uptime: from /proc on Linux [PROC 5], from node:os where there is
 * no /proc (macOS, Windows). Processor time is the share between two polls, so the first poll of a
 * session has none.
 */
import { cpus, freemem, loadavg, totalmem, uptime } from "node:os";
import type { HostFiles, Parsed } from "./files.ts";
import type { Row, Value } from "./row.ts";

/** Processor time spent since boot, all cores, in any unit. */
interface CpuTime {
  readonly busy: number;
  readonly total: number;
}

interface Cpu extends CpuTime {
  readonly cores: number;
}

/** The part `load` of a session; it remembers the processor time of the poll before. */
export class LoadPart {
  readonly #files: HostFiles;
  #before: CpuTime | undefined;

  constructor(files: HostFiles) {
    this.#files = files;
  }

  async read(): Promise<Row[]> {
    const values = (await this.#files.list("/proc")).length > 0 ? await this.#proc() : this.#os();
    return Object.keys(values).length > 0 ? [{ measurement: "host", values }] : [];
  }

  async #proc(): Promise<Record<string, Value>> {
    const [stat, load, memory, up] = await Promise.all([
      this.#files.read("/proc/stat", parseStat),
      this.#files.read("/proc/loadavg", firstNumber),
      this.#files.read("/proc/meminfo", parseMeminfo),
      this.#files.read("/proc/uptime", firstNumber),
    ]);
    const values: Record<string, Value> = { ...this.#cpu(stat), ...memoryValues(memory) };
    if (load !== undefined && stat !== undefined) {
      const perCore = Math.round((load.value / stat.value.cores) * 1e4) / 1e4;
      values["load1_ratio"] = { value: perCore, at: "/proc/loadavg", raw: load.raw };
    }
    if (up !== undefined) {
      values["uptime_s"] = { value: up.value, at: "/proc/uptime", raw: up.raw };
    }
    return values;
  }

  #cpu(stat: Parsed<Cpu> | undefined): Record<string, Value> {
    const before = this.#before;
    this.#before = stat?.value;
    if (stat === undefined || before === undefined) return {};
    const spent = stat.value.total - before.total;
    const busy = stat.value.busy - before.busy;
    // iowait may fall [PROC 5] and a core may go offline: then this poll has no share.
    if (spent <= 0 || busy < 0 || busy > spent) return {};
    const value = percent(busy, spent);
    return { cpu_pct: { value, at: "/proc/stat", raw: stat.raw.split("\n", 1)[0] ?? "" } };
  }

  #os(): Record<string, Value> {
    const cores = cpus();
    const times = cores.map(({ times }) => times);
    const total = times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.idle + t.irq, 0);
    const idle = times.reduce((sum, t) => sum + t.idle, 0);
    const cpu: Cpu = { busy: total - idle, total, cores: Math.max(1, cores.length) };
    const [load = 0] = loadavg();
    const figures: Record<string, number> = {
      mem_total_bytes: totalmem(),
      mem_used_pct: percent(totalmem() - freemem(), totalmem()),
      uptime_s: uptime(),
      // Windows has no load average; node then says 0, which would be a lie.
      ...(load > 0 ? { load1_ratio: load / cpu.cores } : {}),
    };
    const values: Record<string, Value> = this.#cpu({ value: cpu, raw: `${cpu.busy}` });
    for (const [field, value] of Object.entries(figures)) {
      values[field] = { value, at: "node:os", raw: String(value) };
    }
    return values;
  }
}

/** `cpu  user nice system idle iowait irq softirq steal guest guest_nice`, in ticks. */
function parseStat(text: string): Cpu | undefined {
  const ticks = /^cpu {1,2}(\d+(?: \d+){3,9})\n/.exec(text)?.[1]?.split(" ").map(Number);
  const cores = text.match(/^cpu\d+ /gm)?.length;
  if (ticks === undefined || cores === undefined) return undefined;
  // Guest time is already within user and nice, so the first eight are the whole.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, ...interrupts] = ticks.slice(0, 8);
  const busy = user + nice + system + interrupts.reduce((sum, value) => sum + value, 0);
  return { busy, total: busy + idle + iowait, cores };
}

function firstNumber(text: string): number | undefined {
  const number = /^(\d{1,12}\.\d{1,6}) /.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

type Meminfo = ReadonlyMap<string, number>;

/** `Name:   123 kB` lines; kB means 1024 bytes [PROC 5]. */
function parseMeminfo(text: string): Meminfo | undefined {
  const lines = text.matchAll(/^(\w+): +(\d{1,12}) kB$/gm);
  const bytes = new Map([...lines].map(([, name = "", kib]) => [name, Number(kib) * 1024]));
  return (bytes.get("MemTotal") ?? 0) > 0 ? bytes : undefined;
}

function memoryValues(memory: Parsed<Meminfo> | undefined): Record<string, Value> {
  if (memory === undefined) return {};
  const of = (name: string): number | undefined => memory.value.get(name);
  const value = (value: number, ...names: string[]): Value => ({
    value,
    at: "/proc/meminfo",
    raw: names.map((name) => `${name} ${of(name)}`).join(" "),
  });
  const total = of("MemTotal") ?? 0;
  const available = of("MemAvailable");
  const swap = of("SwapTotal") ?? 0;
  const swapFree = of("SwapFree") ?? swap;
  return {
    mem_total_bytes: value(total, "MemTotal"),
    ...(available !== undefined && {
      mem_used_pct: value(percent(total - available, total), "MemTotal", "MemAvailable"),
    }),
    ...(swap > 0 && {
      swap_used_pct: value(percent(swap - swapFree, swap), "SwapTotal", "SwapFree"),
    }),
  };
}

function percent(part: number, whole: number): number {
  return Math.round((part / whole) * 1e4) / 100;
}
