/**
 * Load, processor, memory and uptime: from /proc on Linux [PROC 5], from node:os where there is
 * no /proc (macOS, Windows). Processor time is the share between two polls, so the first poll of a
 * session has none.
 */
import { cpus, freemem, loadavg, totalmem, uptime } from "node:os";
import type { Clock } from "../../telemetry/index.ts";
import type { HostFiles, Parsed } from "./files.ts";
import { percent } from "./files.ts";
import { MemoryErrors } from "./memory-errors.ts";
import { Pressure } from "./pressure.ts";
import type { Row, Value } from "./row.ts";
import type { CpuTime, Stat } from "./stat.ts";
import { parseStat, shareOf } from "./stat.ts";

/** The part `load` of a session; it remembers the processor time of the poll before. */
export class LoadPart {
  readonly #files: HostFiles;
  readonly #pressure: Pressure;
  readonly #errors: MemoryErrors;
  #before: CpuTime | undefined;
  #hasProc = false;

  constructor(files: HostFiles, clock: Clock) {
    this.#files = files;
    this.#pressure = new Pressure(files, clock);
    this.#errors = new MemoryErrors(files);
  }

  /** Looks whether this is Linux, and which memory controllers there are. */
  async scan(): Promise<void> {
    // It has a folder a process: not to be listed at each poll.
    this.#hasProc = (await this.#files.list("/proc")).length > 0;
    await this.#errors.scan();
  }

  async read(): Promise<Row[]> {
    const values = this.#hasProc ? await this.#proc() : this.#os();
    return Object.keys(values).length > 0 ? [{ measurement: "host", values }] : [];
  }

  async #proc(): Promise<Record<string, Value>> {
    const [stat, load, memory, up, vmstat, stalls, errors] = await Promise.all([
      this.#files.read("/proc/stat", parseStat),
      this.#files.read("/proc/loadavg", firstNumber),
      this.#files.read("/proc/meminfo", parseMeminfo),
      this.#files.read("/proc/uptime", firstNumber),
      this.#files.read("/proc/vmstat", oomKills),
      this.#pressure.read(),
      this.#errors.read(),
    ]);
    const values: Record<string, Value> = { ...this.#cpu(stat), ...memoryValues(memory) };
    if (load !== undefined && stat !== undefined) {
      const perCore = Math.round((load.value / stat.value.cores.size) * 1e4) / 1e4;
      values["load1_ratio"] = { value: perCore, at: "/proc/loadavg", raw: load.raw };
    }
    if (up !== undefined) {
      values["uptime_s"] = { value: up.value, at: "/proc/uptime", raw: up.raw };
    }
    // Kernels before 4.13 do not count them.
    if (vmstat?.value.kills !== undefined) {
      const { kills } = vmstat.value;
      values["oom_kills_total"] = { value: kills, at: "/proc/vmstat", raw: `oom_kill ${kills}` };
    }
    return { ...values, ...stalls, ...errors };
  }

  #cpu(stat: Parsed<Stat> | undefined): Record<string, Value> {
    const before = this.#before;
    this.#before = stat?.value.all;
    const value = stat === undefined ? undefined : shareOf(before, stat.value.all);
    if (stat === undefined || value === undefined) return {};
    return { cpu_pct: { value, at: "/proc/stat", raw: stat.raw.split("\n", 1)[0] ?? "" } };
  }

  #os(): Record<string, Value> {
    const cores = cpus();
    const times = cores.map(({ times }) => times);
    const total = times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.idle + t.irq, 0);
    const idle = times.reduce((sum, t) => sum + t.idle, 0);
    const all: CpuTime = { busy: total - idle, total };
    const [load = 0] = loadavg();
    const figures: Record<string, number> = {
      mem_total_bytes: totalmem(),
      mem_used_pct: percent(totalmem() - freemem(), totalmem()),
      uptime_s: uptime(),
      // Windows has no load average; node then says 0, which would be a lie.
      ...(load > 0 ? { load1_ratio: load / Math.max(1, cores.length) } : {}),
    };
    const stat: Stat = { all, cores: new Map() };
    const values: Record<string, Value> = this.#cpu({ value: stat, raw: `${all.busy}` });
    for (const [field, value] of Object.entries(figures)) {
      values[field] = { value, at: "node:os", raw: String(value) };
    }
    return values;
  }
}

function firstNumber(text: string): number | undefined {
  const number = /^(\d{1,12}\.\d{1,6}) /.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Processes killed for want of memory; a file without the line is no fault. */
function oomKills(text: string): { readonly kills: number | undefined } {
  const kills = /^oom_kill (\d{1,15})$/m.exec(text)?.[1];
  return { kills: kills === undefined ? undefined : Number(kills) };
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
