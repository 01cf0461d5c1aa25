/**
 * Rules on stored data: asks the store on a schedule and judges what it answers. The rules are
 * spread over their interval; a rule never asks while its last question is open, and missed turns
 * are left out, not made up. While the store cannot answer, the rule's alerts are unknown.
 */
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, messageOf, sleep } from "../telemetry/index.ts";
import type { QuerySeries, Store } from "../store/index.ts";
import type { Answered } from "./answers.ts";
import { answeredOf, queriesOf } from "./answers.ts";
import type { Compiled } from "./groups.ts";
import { within } from "./patience.ts";
import type { StoredRule } from "./rule.ts";

/** What the engine does with the answers. */
export interface StoredSink {
  answered(rule: Compiled<StoredRule>, answers: readonly Answered[], time: number): void;
  /** Called once when a rule turns blind, not for each failure after it. */
  blinded(rule: Compiled<StoredRule>, time: number): void;
}

/** Longest wait for an answer. @unit ms */
const longestQuery = 30_000;

export class StoredRules {
  readonly #store: Pick<Store, "query">;
  readonly #platform: Platform;
  readonly #sink: StoredSink;
  readonly #stop = new AbortController();
  readonly #blind = new Set<string>();
  #loops: readonly Promise<void>[] = [];

  constructor(store: Pick<Store, "query">, platform: Platform, sink: StoredSink) {
    this.#store = store;
    this.#platform = platform;
    this.#sink = sink;
  }

  /** Rules whose last question failed. */
  get blind(): readonly string[] {
    return [...this.#blind];
  }

  start(rules: readonly Compiled<StoredRule>[]): void {
    this.#loops = rules.map((rule, i) => this.#loop(rule, (i + 1) / rules.length));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #loop(rule: Compiled<StoredRule>, share: number): Promise<void> {
    const { clock } = this.#platform;
    const { signal } = this.#stop;
    const { every } = rule.rule;
    const start = clock.monotonic() + every * share;
    for (let turn = start; !signal.aborted;) {
      await sleep(clock, Math.max(0, turn - clock.monotonic()), signal);
      if (signal.aborted) return;
      await this.#ask(rule);
      const passed = Math.floor((clock.monotonic() - start) / every) + 1;
      turn = start + passed * every;
    }
  }

  async #ask(rule: Compiled<StoredRule>): Promise<void> {
    const time = this.#platform.clock.now();
    const answers = await this.#answer(rule, time);
    if (answers === undefined || this.#stop.signal.aborted) return;
    if (this.#blind.delete(rule.id)) {
      this.#platform.log.info("rule can be judged again", { rule: rule.id });
    }
    this.#sink.answered(rule, answers, time);
  }

  async #answer(
    rule: Compiled<StoredRule>,
    time: number,
  ): Promise<readonly Answered[] | undefined> {
    const ms = Math.min(longestQuery, rule.rule.every);
    const patience = { clock: this.#platform.clock, ms, stop: this.#stop.signal };
    try {
      const answers = await within(patience, async (signal) => {
        const all: (readonly QuerySeries[])[] = [];
        for (const query of queriesOf(rule, time)) all.push(await this.#store.query(query, signal));
        return all;
      });
      return answeredOf(rule, answers);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failed(rule, error);
      return undefined;
    }
  }

  #failed(rule: Compiled<StoredRule>, error: unknown): void {
    if (error instanceof GatewayError && error.verdict === "fatal") throw error;
    if (this.#blind.has(rule.id)) return;
    this.#blind.add(rule.id);
    this.#platform.log.warn("rule cannot be judged", { rule: rule.id, problem: messageOf(error) });
    this.#sink.blinded(rule, this.#platform.clock.now());
  }
}
