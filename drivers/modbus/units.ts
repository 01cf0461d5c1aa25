/**
 * Who is asked next on a Modbus TCP connection: units take turns, so that a slow unit behind a
 * gateway delays the others by no more than its own request.
 */
import type { Transaction } from "./transaction.ts";

/** What is known of one unit. */
export class Unit {
  readonly waiting: Transaction[] = [];
  outstanding = 0;
  /** Its last request ended, answered or not. @unit ms, monotonic */
  ended = Number.NEGATIVE_INFINITY;
  /** Its last answer. @unit ms, monotonic */
  answered = Number.NEGATIVE_INFINITY;
  /** Asked alone it did not answer, nor since. */
  silent = false;

  /** When its next request may go: a pause counts from the end of the one before. */
  get ready(): number {
    const pause = this.waiting[0]?.exchange.pause ?? 0;
    return pause > 0 ? this.ended + pause : Number.NEGATIVE_INFINITY;
  }

  /** How many of its requests may be outstanding, when its line allows so many. */
  most(allowed: number): number {
    return (this.waiting[0]?.exchange.pause ?? 0) > 0 ? 1 : allowed;
  }
}

export class Units {
  /** Bounded: a unit is a byte. */
  readonly #known = new Map<number, Unit>();
  /** Units with something waiting, the one whose turn is next first. */
  readonly #ring: Unit[] = [];
  #waiting = 0;

  /** How many requests wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many units have been asked so far. */
  get count(): number {
    return this.#known.size;
  }

  of(unit: number): Unit {
    const known = this.#known.get(unit);
    if (known !== undefined) return known;
    const fresh = new Unit();
    this.#known.set(unit, fresh);
    return fresh;
  }

  add(transaction: Transaction): void {
    const { unit } = transaction;
    unit.waiting.push(transaction);
    this.#waiting += 1;
    if (unit.waiting.length === 1) this.#ring.push(unit);
  }

  /** Puts what was outstanding in front of all that waits, in the same order. */
  putBack(transactions: readonly Transaction[]): void {
    for (const transaction of transactions.toReversed()) {
      const { unit } = transaction;
      unit.waiting.unshift(transaction);
      this.#waiting += 1;
      const at = this.#ring.indexOf(unit);
      if (at >= 0) this.#ring.splice(at, 1);
      this.#ring.unshift(unit);
    }
  }

  /** Takes the next request that may go now, with at most `each` outstanding of a unit. */
  next(now: number, each: number): Transaction | undefined {
    const ring = this.#ring;
    for (let at = 0; at < ring.length; at += 1) {
      const unit = ring[at];
      if (unit === undefined || unit.outstanding >= unit.most(each) || unit.ready > now) continue;
      const transaction = unit.waiting.shift();
      this.#waiting -= 1;
      if (ring.length > 1 || unit.waiting.length === 0) {
        ring.splice(at, 1);
        if (unit.waiting.length > 0) ring.push(unit);
      }
      return transaction;
    }
    return undefined;
  }

  /** When the first unit that only pauses may be asked; Infinity when none does. */
  get ready(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const unit of this.#ring) {
      if (unit.outstanding === 0) first = Math.min(first, unit.ready);
    }
    return first;
  }

  /** Takes out all waiting requests that `goes` says. */
  remove(goes: (transaction: Transaction) => boolean): Transaction[] {
    const gone: Transaction[] = [];
    for (const unit of this.#ring.slice()) {
      const stay = unit.waiting.filter((transaction) => !goes(transaction));
      if (stay.length === unit.waiting.length) continue;
      gone.push(...unit.waiting.filter(goes));
      unit.waiting.splice(0, unit.waiting.length, ...stay);
      if (stay.length === 0) this.#ring.splice(this.#ring.indexOf(unit), 1);
    }
    this.#waiting -= gone.length;
    return gone;
  }
}
