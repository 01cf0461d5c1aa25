/**
 * What the thread does besides answering: sealing, settling, giving space back. A step takes some
 * ms and comes between messages. A write waits for one step when the head fills faster than it is
 * sealed, and for more only when it is twice as full as it may be.
 */
import { messageOf } from "../../telemetry/index.ts";
import type { Bounded, Warn } from "./bounds.ts";
import type { StoreFile } from "./file.ts";
import type { Tuning } from "./messages.ts";
import { Sealer } from "./seal.ts";
import { Settler } from "./settle.ts";

/** The upkeep of one open file. */
export class Upkeep {
  readonly #bounded: Bounded;
  readonly #sealer: Sealer;
  readonly #settler: Settler;
  readonly #warn: Warn;
  /** Wall clock of the last write. @unit ms since 1970-01-01 UTC */
  #now = 0;
  /** A step failed; the next write tries again. */
  #failed = false;

  constructor(
    file: StoreFile,
    how: { readonly bounded: Bounded; readonly tuning: Tuning; readonly warn: Warn },
  ) {
    this.#bounded = how.bounded;
    this.#sealer = new Sealer(file, how.tuning);
    this.#settler = new Settler(file);
    this.#warn = how.warn;
  }

  /** Before a write: the bounds are kept, and the head has room. */
  beforeWrite(now: number): void {
    this.#now = now;
    this.#failed = false;
    this.#bounded.keep(now);
    // A step seals about as much as a write brings, so that the head stays within its limit.
    if (this.#sealer.pressure >= 0.5) this.#sealer.step(now);
    while (this.#sealer.pressure >= 2) this.#sealer.step(now);
  }

  /** One step; whether there is more to do now. */
  step(): boolean {
    if (this.#failed) return false;
    try {
      const more = this.#sealer.step(this.#now) || this.#bounded.giveBack();
      return more || this.#settler.step(this.#now);
    } catch (error) {
      // Nothing is lost: the log still has it. Most likely the disk is full.
      this.#failed = true;
      this.#warn("store could not seal", { why: messageOf(error) });
      return false;
    }
  }
}
