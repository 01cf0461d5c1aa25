/**
 * Jobs that hold one of Node's few file threads (four, unless told otherwise) while they run: a
 * lane lets so many at once, so that a file that hangs never takes the last thread from the spool.
 * Those who wait are let go when the reading they belong to is given up.
 */
export class Lane {
  readonly #width: number;
  /** Bounded by the files of one reading. */
  #waiting: ((go: boolean) => void)[] = [];
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** What the job gives; undefined when it never had its turn. */
  async run<T>(job: () => Promise<T>): Promise<T | undefined> {
    if (this.#running < this.#width) this.#running += 1;
    else if (!(await new Promise<boolean>((resolve) => this.#waiting.push(resolve)))) {
      return undefined;
    }
    try {
      return await job();
    } finally {
      // The place goes from hand to hand.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(true);
    }
  }

  /** Lets all go that wait. */
  clear(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one(false);
  }
}
