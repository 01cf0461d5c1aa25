/**
 * A hub that only stores, under virtual time: it dies at any moment and starts again, as the agent
 * sends what was not reported stored. Rows come in any order, late and twice.
 */
import type { Rollups, RollupOptions } from "../../../store/index.ts";
import { openRollups } from "../../../store/index.ts";
import type { Line, RollupWindow } from "../../../telemetry/index.ts";
import { rollupNames } from "../../../telemetry/index.ts";
import { silentLog, VirtualClock } from "../../virtual.ts";
import type { Chance } from "../../voyage/chance.ts";
import { openDisk, Platter } from "../../voyage/disk.ts";
import { SimProcess } from "../../voyage/process.ts";
import { PlainRows, plainStore } from "./plain.ts";

export const everyWindow: RollupOptions = {
  windows: [...rollupNames],
  settle: 5000,
  except: [],
};

export interface Weather {
  /** How often a step kills the hub. */
  readonly death: number;
  /** How often a call of the store fails. */
  readonly trouble: number;
}

export const calm: Weather = { death: 0, trouble: 0 };

export class World {
  readonly clock: VirtualClock;
  readonly rows = new PlainRows();
  readonly platter = new Platter(1024 ** 2);
  readonly #chance: Chance;
  readonly #options: RollupOptions;
  weather: Weather = calm;
  deaths = 0;
  #process: SimProcess;
  rollups: Rollups | undefined;
  /** What was handed on as it was made, over all lives. */
  readonly made = new PlainRows();

  constructor(chance: Chance, now: number, options: RollupOptions = everyWindow) {
    this.#chance = chance;
    this.#options = options;
    this.clock = new VirtualClock(now);
    this.#process = new SimProcess(this.clock);
  }

  async start(): Promise<Rollups> {
    const process = new SimProcess(this.clock);
    const trouble = (): number => this.weather.trouble;
    const store = plainStore(this.rows, { process, chance: this.#chance, trouble });
    const platform = { clock: process.clock, entropy: this.#chance, log: silentLog };
    this.#process = process;
    const disk = await this.until(openDisk(this.platter, { process, chance: this.#chance }));
    const made = (_window: RollupWindow, rows: readonly Line[]): Promise<void> =>
      process.call(this.#chance.whole(0, 100), () => this.made.put(rows));
    return this.until(openRollups({ store, disk, options: this.#options, made }, platform));
  }

  kill(): void {
    this.#process.kill();
    this.platter.powerCut(this.#chance);
    this.rollups = undefined;
    this.deaths += 1;
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    const { rollups } = this;
    this.rollups = undefined;
    if (rollups !== undefined) await this.until(rollups[Symbol.asyncDispose]());
  }

  /** Moves time on until a promise settles. */
  async until<T>(promise: PromiseLike<T>): Promise<T> {
    const state = { settled: false };
    const over = (): void => void (state.settled = true);
    promise.then(over, over);
    for (let steps = 0; !state.settled; steps += 1) {
      if (steps > 100_000) throw new Error("nothing happens any more");
      await this.clock.advance(5);
    }
    return promise;
  }

  /** Writes until a hub has said that they are stored. */
  async store(lines: readonly Line[]): Promise<void> {
    for (;;) {
      this.rollups ??= await this.start();
      const outcome = await this.#attempt(lines, this.rollups);
      if (outcome === "stored") return;
    }
  }

  async #attempt(
    lines: readonly Line[],
    { store }: Rollups,
  ): Promise<"stored" | "failed" | "dead"> {
    const state: { outcome?: "stored" | "failed" } = {};
    this.#process.guard(store.write(lines, new AbortController().signal)).then(
      () => (state.outcome = "stored"),
      () => (state.outcome = "failed"),
    );
    while (state.outcome === undefined) {
      if (this.#chance.chance(this.weather.death)) {
        this.kill();
        return "dead";
      }
      await this.clock.advance(5);
    }
    return state.outcome;
  }

  /** Lets time pass, with deaths. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    while (this.clock.monotonic() < end) {
      if (this.rollups !== undefined && this.#chance.chance(this.weather.death)) this.kill();
      this.rollups ??= await this.start();
      await this.clock.advance(Math.min(500, end - this.clock.monotonic()));
    }
  }

  /** Waits, in fair weather, until nothing is dirty. */
  async rest(): Promise<void> {
    this.weather = calm;
    this.rollups ??= await this.start();
    for (let steps = 0; this.rollups.counts.dirty > 0; steps += 1) {
      if (steps > 100_000) throw new Error("something stays dirty");
      await this.clock.advance(1000);
    }
  }

  /** All roll-up rows. */
  get rolled(): Line[] {
    return [...this.rows.byMeasurement.keys()]
      .filter((name) => /_(1m|5m|1h)$/.test(name))
      .flatMap((name) => this.rows.of(name));
  }
}
