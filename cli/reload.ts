/**
 * Takes a changed configuration up while the program runs: on SIGHUP, or when the file was changed
 * and has rested for a second. A file with mistakes changes nothing and says which; what cannot be
 * taken up without a restart is named.
 */
import { stat } from "node:fs/promises";
import type { Platform, Timer } from "../telemetry/index.ts";
import { messageOf, systemCode } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import { loadConfig } from "./config.ts";

/** Sections that `take` takes up. */
export type Taken = Readonly<Partial<Record<string, (next: LoadedConfig) => void>>>;

/** @unit ms */
const lookEvery = 1000;

export class Reload implements Disposable {
  readonly #platform: Platform;
  readonly #taken: Taken;
  #current: LoadedConfig;
  #timer: Timer | undefined;
  /** The file as it was when it was read again, and as it was at the last look. */
  #read: string | undefined;
  #seen: string | undefined;
  /** One after the other, so that an older file never wins. */
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(loaded: LoadedConfig, platform: Platform, taken: Taken) {
    this.#current = loaded;
    this.#platform = platform;
    this.#taken = taken;
    process.on("SIGHUP", this.#asked);
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    process.off("SIGHUP", this.#asked);
    this.#timer?.cancel();
  }

  readonly #asked = (): void => {
    this.#reading = this.#reading.then(() => this.#load("asked"));
  };

  #schedule(): void {
    this.#timer = this.#platform.clock.after(lookEvery, () => {
      void this.#look().then(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const now = await stampOf(this.#current.file);
    const rests = now === this.#seen;
    this.#seen = now;
    if (now === undefined || now === this.#read || !rests) return;
    this.#read = now;
    this.#reading = this.#reading.then(() => this.#load("seen"));
    await this.#reading;
  }

  async #load(why: "asked" | "seen"): Promise<void> {
    const { log } = this.#platform;
    const { file } = this.#current;
    try {
      const next = await loadConfig(file);
      if (!this.#closed) this.#take(next, why);
    } catch (error) {
      log.error("configuration was not taken up", { file, problem: messageOf(error) });
    }
  }

  #take(next: LoadedConfig, why: "asked" | "seen"): void {
    const changed = changedSections(this.#current, next);
    // At the first look too: it may have changed since it was read.
    if (changed.length === 0 && why === "seen") return;
    this.#current = next;
    for (const name of changed) this.#taken[name]?.(next);
    const { log } = this.#platform;
    const taken = changed.filter((name) => this.#taken[name] !== undefined).join();
    const left = changed.filter((name) => this.#taken[name] === undefined).join();
    if (taken !== "" || left === "") log.info("configuration was taken up", { sections: taken });
    if (left !== "") log.warn("configuration waits for a restart", { sections: left });
  }
}

/** Names of the top-level keys that differ, in order. */
function changedSections(before: LoadedConfig, after: LoadedConfig): string[] {
  const names = new Set([...Object.keys(before.sections), ...Object.keys(after.sections)]);
  return [...names].filter((name) => before.sections[name] !== after.sections[name]).toSorted();
}

/** What changes when a file is written; undefined where there is none. */
async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
