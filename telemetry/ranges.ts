/**
 * Sets of sequence numbers as sorted, disjoint, inclusive ranges: `[[1,40],[42,42]]`. What the
 * hub reports as stored and what the agent remembers as settled.
 */

/** Inclusive at both ends. */
export type Range = readonly [from: number, to: number];

/** A set of positive integers, kept as the fewest ranges. */
export class RangeSet {
  #ranges: [number, number][] = [];
  #size = 0;

  static of(ranges: Iterable<Range>): RangeSet {
    const set = new RangeSet();
    for (const [from, to] of ranges) set.add(from, to);
    return set;
  }

  /** Adds `from..to`; overlapping and touching ranges merge. */
  add(from: number, to = from): void {
    const ranges = this.#ranges;
    const newest = ranges.at(-1);
    // Numbers mostly come in order.
    if (newest?.[1] === from - 1) {
      ranges[ranges.length - 1] = [newest[0], to];
      this.#size += to - from + 1;
      return;
    }
    const start = this.#firstEndingAtOrAfter(from - 1);
    let end = start;
    let low = from;
    let high = to;
    for (; end < ranges.length; end += 1) {
      const range = ranges[end];
      if (range === undefined || range[0] > to + 1) break;
      low = Math.min(low, range[0]);
      high = Math.max(high, range[1]);
      this.#size -= range[1] - range[0] + 1;
    }
    this.#size += high - low + 1;
    ranges.splice(start, end - start, [low, high]);
  }

  has(value: number): boolean {
    const range = this.#ranges[this.#firstEndingAtOrAfter(value)];
    return range !== undefined && range[0] <= value;
  }

  /** Whether any of `from..to` is in. */
  overlaps(from: number, to: number): boolean {
    const range = this.#ranges[this.#firstEndingAtOrAfter(from)];
    return range !== undefined && range[0] <= to;
  }

  /** Takes `from..to` out; returns how many of them were in. */
  remove(from: number, to = from): number {
    const ranges = this.#ranges;
    const start = this.#firstEndingAtOrAfter(from);
    const kept: [number, number][] = [];
    let end = start;
    let removed = 0;
    for (; end < ranges.length; end += 1) {
      const range = ranges[end];
      if (range === undefined || range[0] > to) break;
      if (range[0] < from) kept.push([range[0], from - 1]);
      if (range[1] > to) kept.push([to + 1, range[1]]);
      removed += Math.min(range[1], to) - Math.max(range[0], from) + 1;
    }
    if (removed === 0) return 0;
    ranges.splice(start, end - start, ...kept);
    this.#size -= removed;
    return removed;
  }

  /** The parts of `from..to` that are in, in order. */
  *within(from: number, to: number): Generator<Range> {
    for (let at = this.#firstEndingAtOrAfter(from); at < this.#ranges.length; at += 1) {
      const range = this.#ranges[at];
      if (range === undefined || range[0] > to) return;
      yield [Math.max(from, range[0]), Math.min(to, range[1])];
    }
  }

  clear(): void {
    this.#ranges = [];
    this.#size = 0;
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  get size(): number {
    return this.#size;
  }

  #firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range[1] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
