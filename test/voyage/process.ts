/**
 * A process that can die or be stopped: what it hears of (timers, disk, wire, store) comes through
 * its clock, one event at a time. It dies before or after an event of the seed's choice; what it
 * had awaited stays unanswered for ever, as after kill -9. While it is stopped (SIGSTOP), all that
 * is due waits, and comes in order when it goes on.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";

export class SimProcess {
  readonly clock: Clock;
  readonly #world: Clock;
  readonly #died: () => void;
  /** Events until it dies. */
  #left: number;
  #stoppedUntil = 0;
  /** What was due while it was stopped. */
  readonly #waiting: (() => void)[] = [];
  #dead = false;

  constructor(world: Clock, events = Number.POSITIVE_INFINITY, died = (): void => undefined) {
    this.#world = world;
    this.#left = events;
    this.#died = died;
    this.clock = {
      now: () => world.now(),
      monotonic: () => world.monotonic(),
      after: (ms, run) => this.#after(ms, run),
    };
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#died();
  }

  /** It dies of nothing any more. */
  spare(): void {
    this.#left = Number.POSITIVE_INFINITY;
  }

  /** Nothing happens to it for this time. */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#world.monotonic() + ms);
  }

  /** Counts an event; false when the process is dead, or died of this one. */
  lives(): boolean {
    this.#left -= 1;
    if (this.#left <= 0) this.kill();
    return !this.#dead;
  }

  /** Passes an outcome on while the process lives; after its death nothing comes back. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => (this.#dead ? undefined : resolve(value)),
        (error: unknown) => (this.#dead ? undefined : reject(error)),
      );
    });
  }

  /** `act` happens in the world after a time; the process hears of it unless it dies around it. */
  call<T>(ms: number, act: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.clock.after(ms, () => {
      try {
        const value = act();
        if (this.lives()) resolve(value);
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }

  #after(ms: number, run: () => void): Timer {
    let cancelled = false;
    const timer = this.#world.after(ms, () => this.#due(() => (cancelled ? undefined : run())));
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  #due(run: () => void): void {
    if (this.#waiting.length > 0 || this.#world.monotonic() < this.#stoppedUntil) {
      this.#waiting.push(run);
      if (this.#waiting.length === 1) this.#goOn();
    } else if (this.lives()) run();
  }

  /** What waited comes one by one, before anything newer. */
  #goOn(): void {
    this.#world.after(Math.max(0, this.#stoppedUntil - this.#world.monotonic()), () => {
      if (this.#world.monotonic() >= this.#stoppedUntil) {
        const [run] = this.#waiting;
        if (run !== undefined && this.lives()) run();
        this.#waiting.shift();
      }
      if (this.#waiting.length > 0 && !this.#dead) this.#goOn();
    });
  }
}
