/**
 * Rows that several topics make: the first part opens a window, the last one or its end closes it.
 * A part that comes again before that begins a new row. Bounded: when there is no room for another
 * row, the oldest goes out as it is.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";
import type { Trace } from "../contract.ts";
import type { Part } from "../mapping/mapping.ts";

/** Rows that wait at once. */
const maxWaiting = 256;

/** A row, whole or as whole as it became. */
export interface Gathered {
  readonly part: Part;
  readonly traces: readonly Trace[];
  /** The device's own, of the part that said one. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
}

interface Waiting {
  gathered: Gathered;
  readonly timer: Timer;
}

export class Gathering {
  readonly #clock: Clock;
  readonly #window: number;
  readonly #done: (gathered: Gathered) => void;
  readonly #waiting = new Map<string, Waiting>();

  /** @param window @unit ms */
  constructor(clock: Clock, window: number, done: (gathered: Gathered) => void) {
    this.#clock = clock;
    this.#window = window;
    this.#done = done;
  }

  /** @param row tells the rows of a mapping apart */
  add(row: number, given: Gathered): void {
    const key = `${row} ${given.part.channel}`;
    const before = this.#waiting.get(key);
    const again = before && Object.keys(given.part.fields).some(isIn(before.gathered.part));
    if (again === true) this.#end(key);
    const merged =
      before === undefined || again === true ? given : mergedOf(before.gathered, given);
    const waiting = this.#waiting.get(key) ?? this.#begin(key, merged);
    waiting.gathered = merged;
    if (isWhole(merged.part)) this.#end(key);
  }

  /** Forgets what waits. */
  close(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #begin(key: string, gathered: Gathered): Waiting {
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= maxWaiting) this.#end(oldest);
    const timer = this.#clock.after(this.#window, () => this.#end(key));
    const waiting = { gathered, timer };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  #end(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    waiting.timer.cancel();
    this.#done(waiting.gathered);
  }
}

function isIn({ fields }: Part): (name: string) => boolean {
  return (name) => name !== "q" && Object.hasOwn(fields, name);
}

function isWhole({ row, fields }: Part): boolean {
  return row.fields.every(({ name }) => Object.hasOwn(fields, name));
}

function mergedOf(one: Gathered, other: Gathered): Gathered {
  const q = Math.max(qOf(one.part), qOf(other.part));
  const fields = { ...one.part.fields, ...other.part.fields, ...(q === 0 ? {} : { q }) };
  return {
    part: { ...one.part, fields },
    traces: [...one.traces, ...other.traces],
    time: other.time ?? one.time,
  };
}

function qOf({ fields }: Part): number {
  return Number(fields["q"] ?? 0);
}
