/**
 * Counters that go on over resets of what is counted: a driver that is loaded again, an exporter or
 * a machine that is started again. What is remembered over a restart of the agent is where each
 * stood and what is added to it, and which channels there were.
 *
 * A count that fell began at 0 again when it can have counted what it shows since the reading
 * before, at no more than twice the fastest pace it was ever seen at; else it is that of another
 * card, and nothing is counted. A sum of more or fewer series than before counts nothing either:
 * a card that is gone for a while is not counted twice.
 */
import { v } from "../../config/index.ts";
import type { Clock } from "../../telemetry/index.ts";
import type { Memory } from "../contract.ts";

/** Counters and channels that are remembered of one device. */
const maxKept = 1024;
/** Where counters stand is kept this often; a reset is kept at once. @unit ms */
const keepEvery = 60_000;
/** A channel that has been gone for so long is not missed any more. @unit ms */
const missedFor = 86_400_000;
/** A pace over less time than this may be a counter that goes in lumps. @unit ms */
const shortestPace = 1000;
const paceMargin = 2;

const finite = v.pipe(v.number(), v.finite());
/** Value, what is added, time in ms since 1970, fastest pace in counts a ms, series. */
const state = v.tuple([finite, finite, finite, v.pipe(finite, v.minValue(0)), finite]);
type State = v.InferOutput<typeof state>;
const form = v.object({
  counts: v.record(v.string(), state),
  /** When a channel was there last. @unit ms since 1970-01-01 UTC */
  seen: v.record(v.string(), finite),
});

export class Counts {
  readonly #memory: Memory | undefined;
  readonly #clock: Clock;
  readonly #states: Map<string, State>;
  readonly #seen: Map<string, number>;
  /** For rates: value and monotonic time. */
  readonly #rates = new Map<string, readonly [value: number, at: number]>();
  #keptAt = Number.NEGATIVE_INFINITY;
  /** What cannot be worked out from what was kept last. */
  #changed = false;

  constructor(memory: Memory | undefined, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
    const parsed = v.safeParse(form, memory?.kept);
    this.#states = new Map(Object.entries(parsed.success ? parsed.output.counts : {}));
    this.#seen = new Map(Object.entries(parsed.success ? parsed.output.seen : {}));
  }

  /** The continuous count; a counter beyond `maxKept` is told as it is. */
  next(key: string, value: number, series: number): number {
    const time = this.#clock.now();
    const before = this.#states.get(key);
    if (before === undefined) {
      if (this.#states.size >= maxKept) return value;
      this.#states.set(key, [value, 0, time, 0, series]);
      this.#changed = true;
      return value;
    }
    const [last, carried, then, fastest, seriesBefore] = before;
    const passed = Math.max(0, time - then);
    const moved = seriesBefore === series ? movedBy(before, value, passed) : 0;
    const pace = passed >= shortestPace ? moved / passed : 0;
    // As long as it only grows, what is added stays exactly the same.
    const goesOn = seriesBefore === series && value >= last;
    const added = goesOn ? carried : last + carried + moved - value;
    if (!goesOn) this.#changed = true;
    this.#states.set(key, [value, added, time, Math.max(fastest, pace), series]);
    return value + added;
  }

  /** What it grew by in a second; undefined at first and after a reset. */
  rate(key: string, value: number): number | undefined {
    const at = this.#clock.monotonic();
    const [last, then] = this.#rates.get(key) ?? [];
    if (last !== undefined || this.#rates.size < maxKept) this.#rates.set(key, [value, at]);
    if (last === undefined || then === undefined || at <= then || value < last) return undefined;
    // Nine digits: what two large numbers differ by has no more.
    return Number((((value - last) * 1000) / (at - then)).toPrecision(9));
  }

  /** Notes the channels of a measurement that are there, and tells which are missed. */
  missed(measurement: string, there: ReadonlySet<string>): readonly string[] {
    const now = this.#clock.now();
    const prefix = `${measurement} `;
    for (const channel of there) {
      const known = this.#seen.has(prefix + channel);
      if (!known && this.#seen.size >= maxKept) continue;
      this.#changed ||= !known;
      this.#seen.set(prefix + channel, now);
    }
    const gone: string[] = [];
    for (const [key, time] of this.#seen) {
      if (!key.startsWith(prefix) || there.has(key.slice(prefix.length))) continue;
      if (now - time > missedFor) this.#seen.delete(key);
      else gone.push(key.slice(prefix.length));
    }
    return gone;
  }

  /** Keeps what is remembered, when it changed or some time has passed. */
  keep(): void {
    if (this.#memory === undefined || this.#states.size + this.#seen.size === 0) return;
    const now = this.#clock.monotonic();
    if (!this.#changed && now - this.#keptAt < keepEvery) return;
    this.#changed = false;
    this.#keptAt = now;
    this.#memory.keep({
      counts: Object.fromEntries(this.#states),
      seen: Object.fromEntries(this.#seen),
    });
  }
}

function movedBy([last, , , fastest]: State, value: number, passed: number): number {
  if (value >= last) return value - last;
  return value >= 0 && value <= paceMargin * fastest * passed ? value : 0;
}
