/**
 * How long the units of a line take to answer, so that a device that fell silent need not be
 * waited for as long as it is allowed to take.
 */

/** No wait is shorter: adapters and schedulers have their moods. @unit ms */
const floor = 100;

/** How much longer than ever before an answer may take. */
const margin = 3;

/** What was slow once is forgotten by and by: after 70 answers half of it. */
const fading = 0.99;

/** Units on a line are numbered by a byte, which bounds the map. */
export class Paces {
  readonly #byUnit = new Map<number, number>();
  #line: number | undefined;

  /** An answer came after `took` ms, beside the time that the frames take on the wire. */
  add(unit: number, took: number): void {
    this.#byUnit.set(unit, Math.max(took, fading * (this.#byUnit.get(unit) ?? 0)));
    this.#line = Math.max(took, fading * (this.#line ?? 0));
  }

  /**
   * How long to wait for a unit at most that has `timeout`: by its own past, else by its line's.
   * @unit ms
   */
  waitFor(unit: number, timeout: number): number {
    const slowest = this.#byUnit.get(unit) ?? this.#line;
    if (slowest === undefined) return timeout;
    return Math.min(timeout, Math.max(floor, margin * slowest));
  }
}
