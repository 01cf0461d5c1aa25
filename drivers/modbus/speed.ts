/**
 * Whether an answer can be one at all: what is complete before request and reply can have gone over
 * the wire began before the request did, and is a late or foreign frame that an adapter held back.
 * Lines that are no real ones, such as pseudo terminals and USB devices with a nominal speed, are
 * told by their long answers, and are held to nothing.
 */

/** Answers that kept to the line's speed, after which one that does not is no answer. */
const steadyAfter = 8;

/** Only of long frames it can be told whether a line has a speed of its own. @unit ms */
const telling = 10;

/** So many impossible answers in a row: the line has no speed of its own after all. */
const unsteadyAfter = 3;

/** The clock of a UART may be so much off; more, and it is not understood. */
const tolerance = 0.95;

export class LineSpeed {
  /** Answers in a row that came no sooner than the line can carry them. */
  #steady = 0;
  /** The longest of them. @unit ms */
  #proven = 0;
  /** Answers in a row that came sooner than such a line can. */
  #impossible = 0;

  /**
   * Judges an answer, and learns from it.
   * @param took from the request's first byte to the answer's last. @unit ms
   * @param nominal what the bytes of both take at the line's speed. @unit ms
   */
  allows(took: number, nominal: number): boolean {
    if (this.#impossible >= unsteadyAfter) return true;
    const least = nominal * tolerance;
    if (took >= least) {
      if (least >= telling) this.#steady += 1;
      this.#proven = Math.max(this.#proven, least);
      this.#impossible = 0;
      return true;
    }
    if (this.#steady >= steadyAfter && least <= this.#proven) {
      this.#impossible += 1;
      return false;
    }
    this.#steady = 0;
    this.#proven = 0;
    return true;
  }
}
