/** Platforms for the broker's tests: real time without a log, and time that stands still. */
import { randomBytes } from "node:crypto";
import type { Clock, Log, Platform } from "../../telemetry/index.ts";

const ignore = (): void => undefined;
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const entropy = { id: () => randomBytes(8).toString("hex"), random: () => 0.5 };

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const realPlatform: Platform = { clock: realClock, entropy, log };

/** A clock that moves by `advance` alone. */
export class StillClock implements Clock {
  #time = 0;
  #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(ms: number, run: () => void): { cancel: () => void } {
    const timer = { at: this.#time + ms, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  advance(ms: number): void {
    this.#time += ms;
    for (const timer of this.#timers) {
      if (timer.at > this.#time) continue;
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

export function stillPlatform(clock: StillClock): Platform {
  return { clock, entropy, log };
}
