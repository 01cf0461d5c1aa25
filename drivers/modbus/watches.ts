/**
 * Who is told when a request is cancelled: one listener a signal, not one a request, because a
 * listener costs as much as the rest of a fast request. A signal that nothing waits on any more is
 * let go a little later.
 */

/** Signals that nothing waits on and that are watched all the same, at most. */
const idleLimit = 64;

/** A signal, and how many requests it can cancel. */
export interface Watch {
  readonly signal: AbortSignal;
  count: number;
}

export class Watches {
  readonly #aborted: () => void;
  readonly #bySignal = new Map<AbortSignal, Watch>();
  #idle = 0;

  constructor(aborted: () => void) {
    this.#aborted = aborted;
  }

  /** One more request that this signal cancels; `end` ends it. */
  begin(signal: AbortSignal): Watch {
    const known = this.#bySignal.get(signal);
    if (known !== undefined) {
      if (known.count === 0) this.#idle -= 1;
      known.count += 1;
      return known;
    }
    const watch: Watch = { signal, count: 1 };
    this.#bySignal.set(signal, watch);
    signal.addEventListener("abort", this.#aborted);
    return watch;
  }

  end(watch: Watch): void {
    watch.count -= 1;
    if (watch.count > 0) return;
    this.#idle += 1;
    if (this.#idle > idleLimit) this.letGo();
  }

  /** Stops watching signals that nothing waits on. */
  letGo(): void {
    if (this.#idle === 0) return;
    for (const { signal, count } of this.#bySignal.values()) {
      if (count > 0) continue;
      this.#bySignal.delete(signal);
      signal.removeEventListener("abort", this.#aborted);
    }
    this.#idle = 0;
  }
}
