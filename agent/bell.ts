/** Lets one loop wait for a time or for a ring, whichever comes first. */
import type { Clock } from "../telemetry/index.ts";

export class Bell {
  #waiting: (() => void) | undefined;
  #rung = false;

  /** Ends the wait under way, or the next one. */
  ring(): void {
    this.#rung = true;
    this.#waiting?.();
  }

  /** Waits for a ring, at most `ms`. One waiter at a time. */
  wait(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#waiting = undefined;
        this.#rung = false;
        resolve();
      };
      const timer = clock.after(ms, done);
      this.#waiting = done;
      if (this.#rung) done();
    });
  }
}
