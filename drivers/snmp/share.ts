/**
 * How much an agent is asked at once: less after a question too big for it, more again after it has
 * answered for a while.
 */

/** Answers until more is tried: of an agent that was away, and of one that refused so much. */
const patience = { away: 5, refused: 200 } as const;

export class Share {
  readonly #most: number;
  #size: number;
  #good = 0;
  #wait: number = patience.away;

  constructor(first: number, most: number) {
    this.#size = first;
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** It was too much; or nobody was there, which looks the same. */
  worse(why: keyof typeof patience): void {
    this.#size = Math.max(1, Math.floor(this.#size / 2));
    this.#good = 0;
    this.#wait = patience[why];
  }

  better(): void {
    this.#good += 1;
    if (this.#good < this.#wait || this.#size >= this.#most) return;
    this.#size = Math.min(this.#most, this.#size * 2);
    this.#good = 0;
  }
}
