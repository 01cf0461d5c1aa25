/**
 * A process that can die: its clock, disk and links work until `kill`, and then never again. What
 * it had awaited stays unanswered for ever, as after kill -9.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";

export class SimProcess {
  readonly clock: Clock;
  #dead = false;

  constructor(world: Clock) {
    this.clock = {
      now: () => world.now(),
      monotonic: () => world.monotonic(),
      after: (ms, run): Timer =>
        world.after(ms, () => {
          if (!this.#dead) run();
        }),
    };
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
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
}
