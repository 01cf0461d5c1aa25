/**
 * How many requests may wait for answers at once on one Modbus TCP connection. Nothing on the wire
 * tells, and devices that cannot do it lose requests, mix answers up or hang up. So it begins at
 * one, grows by one after each run of clean answers, and after the first sign that the device
 * does not cope it is one for as long as the line lives.
 */

/** Highest number that is tried; the implementation guide has devices that take 1 to 16. */
export const widest = 8;

/** Clean answers, while as many were outstanding as were allowed, before one more is. */
export const cleanRun = 16;

export class Window {
  #fixed: number | undefined;
  #size = 1;
  #clean = 0;
  /** An answer has been right while another was outstanding. */
  #proven = false;
  #barred = false;
  /** Units that lost an answer while others were outstanding; bounded: a unit is a byte. */
  readonly #suspects = new Set<number>();

  /** How many may be outstanding now. */
  get size(): number {
    if (this.#fixed !== undefined) return this.#fixed;
    return this.#suspects.size > 0 ? 1 : this.#size;
  }

  /** Whether the order of answers and their loss still says something: the number is not given. */
  get learning(): boolean {
    return this.#fixed === undefined;
  }

  /** Whether several outstanding have worked. */
  get proven(): boolean {
    return this.#proven;
  }

  /** The configuration says how many; nothing is learned from now on. */
  fix(size: number): void {
    this.#fixed = size;
    this.#suspects.clear();
  }

  /** An answer was right and in order; `peak` is how many were outstanding at once lately. */
  clean(peak: number): void {
    if (peak > 1) this.#proven = true;
    if (this.#barred || this.#size === widest || peak < this.size) return;
    this.#clean += 1;
    if (this.#clean < cleanRun) return;
    this.#clean = 0;
    this.#size += 1;
  }

  /**
   * A unit lost an answer, or passed it over, while others were outstanding. Whether that is the
   * reason shows when it is asked alone, and nothing else is asked at the same time until then.
   */
  suspect(unit: number): void {
    if (this.#fixed === undefined) this.#suspects.add(unit);
  }

  /** A unit was asked alone: if it answers, the others were the reason. */
  askedAlone(unit: number, answered: boolean): void {
    if (this.#suspects.delete(unit) && answered) this.bar();
  }

  /** Several outstanding do not work here. */
  bar(): void {
    this.#barred = true;
    this.#proven = false;
    this.#size = 1;
    this.#clean = 0;
  }

  /** Another connection, perhaps another device: only that it was barred is remembered. */
  restart(): void {
    this.#size = 1;
    this.#clean = 0;
    this.#proven = false;
  }
}
