/**
 * The engine of the hub under a clock of its own: rows of any time go in, in the order of their
 * time, and the transitions that a hub would have told come out. Nothing is published, kept or
 * written. Absence is judged as if each row had arrived at its own time.
 */
import type { Log, Platform } from "../../telemetry/index.ts";
import type { QuerySeries, Store } from "../../store/index.ts";
import type { AlertsStatus, EngineParts, Judge } from "../engine.ts";
import type { ExpectedDevice, LiveBatch } from "../engine.ts";
import { openReplayed } from "../engine.ts";
import type { Group } from "../groups.ts";
import type { Rule } from "../rule.ts";
import type { Transition } from "../transition.ts";
import { ReplayClock } from "./clock.ts";

export interface ReplaySetup {
  readonly rules: Readonly<Record<string, Rule>>;
  /** Devices known from the start. */
  readonly expected: readonly ExpectedDevice[];
  readonly hub: EngineParts["hub"];
  /** What stored rules ask, at the replay's own time. */
  readonly store: Pick<Store, "query">;
  /** @unit ms since 1970-01-01 UTC */
  readonly start: number;
  readonly log: Log;
  readonly told: (transition: Transition) => void;
  /** Hears of every judgement. */
  readonly judged?: (group: Group) => void;
}

/** Nobody wakes up for it: chance only spreads what is tried again, and nothing is. */
const entropy = { id: (): string => "replay", random: (): number => 0.5 };

export class Replay implements AsyncDisposable {
  readonly #clock: ReplayClock;
  readonly #alerts: Judge;
  /** Questions to the store that have no answer yet. */
  readonly #open = new Set<Promise<unknown>>();

  constructor(setup: ReplaySetup) {
    const { rules, expected, hub, told, judged, log, start } = setup;
    this.#clock = new ReplayClock(start, () => this.#settle());
    const platform: Platform = { clock: this.#clock, entropy, log };
    const store: Pick<Store, "query"> = {
      query: (query, signal) => this.#asked(setup.store.query(query, signal)),
    };
    this.#alerts = openReplayed({ rules, expected, hub, store }, platform, {
      waiting: 0,
      rejected: 0,
      shed: 0,
      add: told,
      tell: () => undefined,
      start: () => undefined,
      close: () => Promise.resolve(),
      ...(judged === undefined ? {} : { judged }),
    });
  }

  /** @unit ms since 1970-01-01 UTC */
  get now(): number {
    return this.#clock.now();
  }

  /** What is pending, firing or unknown now. */
  get status(): AlertsStatus {
    return this.#alerts.firing();
  }

  /** Whether time can go on to a moment without anything happening before: `skipTo` then does. */
  isQuietUntil(time: number): boolean {
    return !this.#clock.isDue(time);
  }

  skipTo(time: number): void {
    this.#clock.moveTo(time);
  }

  /** Lets time go on to a moment, with all that happens by itself on the way. */
  async advanceTo(time: number): Promise<void> {
    await this.#settle();
    await this.#clock.advanceTo(time);
  }

  /** Rows of the present moment. */
  observe(batch: LiveBatch): void {
    this.#alerts.observe(batch);
  }

  /** The devices that ought to send, all of them. */
  expect(devices: readonly ExpectedDevice[]): void {
    this.#alerts.expect(devices);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#alerts[Symbol.asyncDispose]();
  }

  #asked(answer: Promise<readonly QuerySeries[]>): Promise<readonly QuerySeries[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = (): void => {
      this.#open.delete(promise);
      resolve();
    };
    this.#open.add(promise);
    answer.then(over, over);
    return answer;
  }

  /** A turn of the event loop lets every promise go on that waits for nothing but promises. */
  async #settle(): Promise<void> {
    do {
      await Promise.all(this.#open);
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#open.size > 0);
  }
}
