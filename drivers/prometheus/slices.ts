/** Long work in slices, so that a page of megabytes never keeps the event loop. */
import type { Clock } from "../../telemetry/index.ts";

/** A turn of the event loop. @unit ms */
const sliceMs = 8;

export class Slices {
  readonly #clock: Pick<Clock, "monotonic">;
  #until: number;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#until = clock.monotonic() + sliceMs;
  }

  /** Whether it is time to rest; asking costs a look at the clock. */
  get over(): boolean {
    return this.#clock.monotonic() >= this.#until;
  }

  /** Lets others have a turn. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#until = this.#clock.monotonic() + sliceMs;
  }
}
