/**
 * Counters of one service made continuous: a controller that restarts begins its energies at 0, and
 * metrics can be reset. A count that fell is a reset when it can have counted what it shows since,
 * at no more than twice the fastest pace it was seen at; else nothing is counted, and it goes on
 * from where it was. A fall of less than a hundredth is the noise of a value that is worked out.
 */
import { v } from "../../config/index.ts";
import type { Memory } from "../contract.ts";

const paceMargin = 2;
const noise = 0.01;
/** A pace over less time than this says little. @unit ms */
const shortestPace = 1000;
/** Counters remembered; those beyond are told as they come. */
const maxCounters = 500;

const finite = v.pipe(v.number(), v.finite());
const state = v.tuple([finite, finite, finite, finite]);
const form = v.record(v.string(), state);

/** What the count was, what is added to it, when it was read, its fastest pace a ms. */
type State = readonly [last: number, carried: number, time: number, fastest: number];

export class Counters {
  readonly #memory: Memory | undefined;
  readonly #states: Map<string, State>;
  #moved = false;

  constructor(memory: Memory | undefined) {
    this.#memory = memory;
    const kept = v.safeParse(form, memory?.kept);
    this.#states = new Map(kept.success ? Object.entries(kept.output).slice(0, maxCounters) : []);
  }

  /** The continuous count. @param time when it was read. @unit ms since 1970-01-01 UTC */
  next(key: string, raw: number, time: number): number {
    const before = this.#states.get(key);
    if (before === undefined) {
      if (this.#states.size < maxCounters) this.#set(key, [raw, 0, time, 0]);
      return raw;
    }
    const [last, carried, then, fastest] = before;
    const passed = Math.max(0, time - then);
    // Goes on when it is past the old count again.
    if (raw < last && last - raw <= last * noise) return last + carried;
    const credible = raw <= paceMargin * fastest * passed;
    const moved = raw >= last ? raw - last : credible ? raw : 0;
    const pace = passed >= shortestPace ? moved / passed : 0;
    this.#set(key, [raw, last + carried + moved - raw, time, Math.max(fastest, pace)]);
    return last + carried + moved;
  }

  /** Keeps where the counters stand, if any has moved. */
  keep(): void {
    if (!this.#moved) return;
    this.#moved = false;
    this.#memory?.keep(Object.fromEntries(this.#states));
  }

  #set(key: string, next: State): void {
    this.#moved = true;
    this.#states.set(key, next);
  }
}
