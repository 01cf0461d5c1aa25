/**
 * Roll-ups of all that is written: a store that takes note of its writes, and a loop that rolls up
 * what is dirty once it is over and has settled, newest first, so that a long backfill never holds
 * up what is of now.
 *
 * Bounds: one job at a time. Its questions take a quarter of the time and leave the store the rest;
 * windows of now may take more, or a hub near its limit would fall behind for good.
 */
import type { Disk, Platform } from "../../telemetry/index.ts";
import { GatewayError, messageOf, retryDelay, sleep } from "../../telemetry/index.ts";
import type { Store } from "../contract.ts";
import type { Job } from "./marks.ts";
import { levelsOf, Marks } from "./marks.ts";
import type { Windows } from "./noting.ts";
import { notingStore } from "./noting.ts";
import type { RollupOptions } from "./options.ts";
import type { Made } from "./roller.ts";
import { Roller } from "./roller.ts";

/** Share of the time in which questions run: of windows that ended just now, and of others. */
const shares = { live: 0.6, late: 0.25 } as const;
/** A window that ended within this time ended just now. @unit ms */
const justNow = 600_000;
/** Longest rest after one question. @unit ms */
const longestRest = 2_000;
/** How often it is looked whether a window is over. @unit ms */
const pulse = 1_000;
/** How often hours that are clean by now are taken out of the file. @unit ms */
const tidyEvery = 10_000;
/** Longest time that an end spends on windows that are over. @unit ms */
const lastRun = 3_000;
const retryPolicy = { first: 1_000, longest: 60_000 };

/** What the hub says of its roll-ups. */
export interface RollupCounts {
  /** Age of the oldest window that may be rolled up and is not. @unit ms */
  readonly lag: number;
  /** Windows that wait, those that are not over included. */
  readonly dirty: number;
  /** Rows written since start. */
  readonly rows: number;
  /** Jobs that failed since start. */
  readonly failures: number;
}

export interface Rollups extends AsyncDisposable {
  /** The store as all others use it: what it takes is marked to be rolled up. */
  readonly store: Store;
  readonly counts: RollupCounts;
}

export interface RollupSetup {
  readonly store: Store;
  /** Holds `rollups.json`. */
  readonly disk: Disk;
  readonly options: RollupOptions;
  /** Is given rows once they are written. */
  readonly made?: Made | undefined;
}

/** Starts rolling up what the store is given from now on, and what was left to do. */
export async function openRollups(setup: RollupSetup, platform: Platform): Promise<Rollups> {
  const { store, disk, options } = setup;
  // What cannot be asked has no rows to roll up.
  if (options.windows.length === 0 || store.linesOnly === true) return noRollups(store);
  const marks = await Marks.open(disk, levelsOf(options.windows), platform.log);
  return new Rolling(setup, marks, platform);
}

function noRollups(store: Store): Rollups {
  const counts = { lag: 0, dirty: 0, rows: 0, failures: 0 };
  return { store, counts, [Symbol.asyncDispose]: () => Promise.resolve() };
}

class Rolling implements Rollups {
  readonly store: Store;
  readonly #settle: number;
  readonly #marks: Marks;
  readonly #roller: Roller;
  readonly #platform: Platform;
  readonly #running: Promise<void>;
  #stop = new AbortController();
  #ending = false;
  #share: number = shares.live;
  #failures = 0;
  /** Failures since the last job that went well. */
  #attempt = 0;
  #tidyAt: number;

  constructor({ store, options, made }: RollupSetup, marks: Marks, platform: Platform) {
    const levels = levelsOf(options.windows);
    const { settle, except } = options;
    this.#settle = settle;
    this.#marks = marks;
    this.#platform = platform;
    this.#tidyAt = platform.clock.monotonic() + tidyEvery;
    const length = levels[0]?.length ?? 1;
    this.store = notingStore(store, { length, except, note: (windows) => this.#note(windows) });
    const asker = {
      store,
      signal: () => this.#stop.signal,
      ask: <T>(run: () => Promise<T>) => this.#ask(run),
    };
    this.#roller = new Roller({ asker, levels, marks, clock: platform.clock, made });
    this.#running = this.#run();
  }

  get counts(): RollupCounts {
    const now = this.#platform.clock.now();
    const oldest = this.#marks.oldest(now - this.#settle);
    return {
      lag: oldest === undefined ? 0 : now - oldest,
      dirty: this.#marks.size,
      rows: this.#roller.rows,
      failures: this.#failures,
    };
  }

  /** Rolls up what is over, for a short time, and writes down what is not. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, log } = this.#platform;
    this.#ending = true;
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
    const timer = clock.after(lastRun, () => this.#stop.abort());
    // Nothing is written any more, so nothing has to settle.
    while (!this.#stop.signal.aborted) {
      const job = this.#marks.take({ before: clock.now(), most: this.#roller.most });
      if (job === undefined || !(await this.#done(job))) break;
    }
    timer.cancel();
    await this.#marks.close().catch((error: unknown) => {
      log.error("roll-up marks not written", { why: messageOf(error) });
    });
  }

  #note(windows: Windows): Promise<void> | undefined {
    let fresh = false;
    for (const [measurement, own] of windows) fresh = this.#marks.mark(measurement, own) || fresh;
    return fresh ? this.#marks.save() : undefined;
  }

  async #run(): Promise<void> {
    const { clock, entropy } = this.#platform;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#tidy();
      const before = clock.now() - this.#settle;
      const job = this.#marks.take({ before, most: this.#roller.most });
      if (job === undefined) await sleep(clock, pulse, signal);
      else if (!(await this.#done(job))) {
        await sleep(clock, retryDelay(retryPolicy, this.#attempt, entropy), signal);
      }
    }
  }

  /** Does a job; false when it must be done again. */
  async #done(job: Job): Promise<boolean> {
    const { clock, log } = this.#platform;
    this.#share = this.#marks.endOf(job) > clock.now() - justNow ? shares.live : shares.late;
    try {
      await this.#roller.roll(job);
      this.#marks.done(job, "rolled");
      if (this.#attempt > 0) log.info("roll-ups recovered");
      this.#attempt = 0;
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.verdict === "fatal") throw error;
      const hopeless = error.code === "E_QUERY";
      this.#marks.done(job, hopeless ? "given up" : "again");
      if (this.#stop.signal.aborted) return false;
      this.#failures += 1;
      this.#attempt += 1;
      const fields = { measurement: job.measurement, code: error.code, why: error.message };
      if (hopeless) log.error("roll-up given up", fields);
      else if (this.#attempt === 1) log.warn("roll-ups failed", fields);
      return hopeless;
    }
  }

  async #ask<T>(run: () => Promise<T>): Promise<{ readonly answer: T; readonly took: number }> {
    const { clock } = this.#platform;
    const { signal } = this.#stop;
    if (signal.aborted) throw new GatewayError("E_STORE_DOWN", "the roll-up was given up");
    const started = clock.monotonic();
    const answer = await run();
    const took = clock.monotonic() - started;
    const rest = Math.min(longestRest, took * (1 / this.#share - 1));
    if (!this.#ending) await sleep(clock, rest, signal);
    return { answer, took };
  }

  async #tidy(): Promise<void> {
    const { clock } = this.#platform;
    if (clock.monotonic() < this.#tidyAt) return;
    this.#tidyAt = clock.monotonic() + tidyEvery;
    // What fails here costs a second rolling after a crash, no more.
    if (this.#marks.stale) await this.#marks.save().catch(() => undefined);
  }
}
