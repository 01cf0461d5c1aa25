/** Simulated three-phase meters: lines as a hub writes them, with the noise of real ones. */
import type { Line } from "../telemetry/index.ts";

export const start = Date.UTC(2026, 0, 5);
/** @unit ms */
export const stepMs = 5000;

/** Meters that are read every 5 s; the same numbers in every run. */
export class Meters {
  readonly #count: number;
  #step = 0;
  #seed = 1;
  readonly #energy = new Map<string, number>();

  constructor(count: number) {
    this.#count = count;
  }

  /** The lines of the next readings, in order of time. */
  read(steps: number): Line[] {
    const lines: Line[] = [];
    for (let step = 0; step < steps; step += 1) {
      for (let meter = 0; meter < this.#count; meter += 1) {
        // Answers come some ms after the beat, never the same number.
        const time = start + this.#step * stepMs + Math.round(20 + 4 * Math.abs(this.#noise()));
        for (const phase of ["L1", "L2", "L3"]) lines.push(this.#line(meter, phase, time));
      }
      this.#step += 1;
    }
    return lines;
  }

  #line(meter: number, phase: string, time: number): Line {
    const rack = `r${meter}`;
    const device = `meter-${meter}`;
    const hour = (time % 86_400_000) / 3_600_000;
    const voltage = 230 + 2 * Math.sin(hour / 3) + 0.4 * this.#noise();
    const current = 8 + meter / 4 + 2 * Math.sin(hour / 4 + meter) + 0.05 * this.#noise();
    const factor = 0.97 + 0.002 * this.#noise();
    const power = voltage * current * factor;
    const key = `${device} ${phase}`;
    const energy = (this.#energy.get(key) ?? 1e6 * (meter + 1)) + (power * stepMs) / 3.6e6;
    this.#energy.set(key, energy);
    return {
      measurement: "rack_phase",
      tags: { region: "local", org: "main", site: "hall", zone: "z1", rack, device, phase },
      fields: {
        voltage_v: rounded(voltage, 1),
        current_a: rounded(current, 2),
        active_power_w: rounded(power, 1),
        apparent_power_va: rounded(voltage * current, 1),
        reactive_power_var: rounded(voltage * current * Math.sqrt(Math.max(0, 1 - factor ** 2)), 1),
        power_factor_ratio: rounded(factor, 3),
        voltage_ll_v: rounded(voltage * Math.sqrt(3), 1),
        thd_v_pct: rounded(2.1 + 0.1 * this.#noise(), 1),
        energy_wh_total: Math.floor(energy),
        q: this.#random() < 0.0005 ? 1 : 0,
      },
      time,
    };
  }

  /** About normal: mean 0, deviation 1. */
  #noise(): number {
    let sum = 0;
    for (let i = 0; i < 6; i += 1) sum += this.#random();
    return (sum - 3) * Math.SQRT2;
  }

  /** Uniform in [0, 1): mulberry32, so that runs are alike. */
  #random(): number {
    this.#seed = (this.#seed + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** A value as a meter gives it. */
function rounded(value: number, places: number): number {
  return Number(value.toFixed(places));
}
