/**
 * Makes counters of microjoules (RAPL, hwmon) into energy that never falls: over roll-overs, over
 * restarts of the agent and of the machine. It is remembered where each stood, in which boot and
 * when, so what was used while the agent was away is counted too, as long as the counter cannot
 * have gone round meanwhile. A counter that was set back, or begins again with the machine, counts
 * on from where the sum was.
 *
 * Limits: `maxCounters` remembered; one that goes round twice between two polls counts too little
 * (262 kJ at 200 W last 22 minutes, so any usual interval is safe).
 */
import { v } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import type { Memory } from "../contract.ts";
import type { HostFiles } from "./files.ts";

const maxCounters = 256;
/** Nothing in a machine draws this much: above it the counter was set back. @unit W */
const implausible = 10_000;
/** What a domain draws at the very most, for the time that nobody saw it. @unit W */
const unseen = 1000;
/** 1 Wh. @unit µJ */
const wattHour = 3.6e9;

/** Where a counter stood. */
interface State {
  /** @unit µJ */
  readonly raw: number;
  /** @unit ms since boot */
  readonly at: number;
  /** All energy so far. @unit µJ */
  readonly sum: number;
}

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const form = v.object({
  boot: v.string(),
  counters: v.record(v.string(), v.object({ raw: amount, at: amount, sum: amount })),
});

export interface Counter {
  /** What it is remembered by. */
  readonly key: string;
  /** Where it begins again at 0; left out when it does not. @unit µJ */
  readonly range?: number;
}

export interface Advance {
  /** Mean power since the reading before, where it can be told. */
  readonly watts: number | undefined;
  readonly wattHours: number;
}

export class EnergyCounters {
  readonly #clock: Clock;
  readonly #memory: Memory | undefined;
  /** From before this session, until first asked for. */
  readonly #kept: Map<string, State>;
  readonly #states = new Map<string, State>();
  #keptBoot = "";
  #boot: string | undefined;
  /** Time since boot less the clock's. @unit ms */
  #ahead = 0;
  #changed = false;

  constructor(clock: Clock, memory: Memory | undefined) {
    this.#clock = clock;
    this.#memory = memory;
    const parsed = v.safeParse(form, memory?.kept);
    this.#kept = new Map(parsed.success ? Object.entries(parsed.output.counters) : []);
    if (parsed.success) this.#keptBoot = parsed.output.boot;
  }

  /** Learns which boot this is, once; what is given up meanwhile teaches nothing. */
  async begin(files: HostFiles, signal: AbortSignal): Promise<void> {
    if (this.#boot !== undefined) return;
    const [boot, up] = await Promise.all([
      files.read("/proc/sys/kernel/random/boot_id", bootId),
      files.read("/proc/uptime", uptimeMs),
    ]);
    if (signal.aborted) return;
    this.#boot = boot === undefined || up === undefined ? "" : boot.value;
    this.#ahead = (up?.value ?? 0) - this.#clock.monotonic();
  }

  /** Takes a new count in. */
  advance(counter: Counter, raw: number): Advance {
    const { key } = counter;
    const at = Math.max(0, this.#clock.monotonic() + this.#ahead);
    const seen = this.#states.get(key);
    const before = seen ?? this.#recalled(counter, at);
    const passed = before === undefined ? 0 : at - before.at;
    const rose = before === undefined ? 0 : raw - before.raw;
    const spent = rose < 0 && counter.range !== undefined ? rose + counter.range : rose;
    // µJ per ms are mW.
    const watts = passed > 0 ? spent / passed / 1000 : Number.NaN;
    const plausible = watts >= 0 && watts <= implausible;
    const sum = (before?.sum ?? this.#kept.get(key)?.sum ?? 0) + (plausible ? spent : 0);
    const wattHours = Math.floor(sum / wattHour);
    if (seen === undefined || wattHours > Math.floor(seen.sum / wattHour)) this.#changed = true;
    if (seen !== undefined || this.#states.size < maxCounters)
      this.#states.set(key, { raw, at, sum });
    // The gap before a session is longer than what the poll stands for.
    const told = plausible && seen !== undefined;
    return { watts: told ? Math.round(watts * 1000) / 1000 : undefined, wattHours };
  }

  /**
   * Keeps where the counters stand when a sum that is told has changed; fewer writes than polls,
   * and never older than what was told.
   */
  keep(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const gone = [...this.#kept].filter(([key]) => !this.#states.has(key));
    const counters = Object.fromEntries([...gone, ...this.#states].slice(-maxCounters));
    this.#memory?.keep({ boot: this.#boot ?? "", counters });
  }

  /** Where a counter stood before this session, if it can have come from there to here. */
  #recalled({ key, range }: Counter, at: number): State | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined || this.#boot === "" || this.#boot !== this.#keptBoot) return undefined;
    const passed = at - kept.at;
    // W times ms times 1000 are µJ.
    if (range !== undefined && passed * unseen * 1000 > range) return undefined;
    return kept;
  }
}

function bootId(text: string): string | undefined {
  return /^[0-9a-f-]{36}\n?$/.test(text) ? text.trim() : undefined;
}

function uptimeMs(text: string): number | undefined {
  const seconds = /^(\d{1,12}\.\d{1,6}) /.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
