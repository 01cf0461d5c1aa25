/**
 * What a device's answers teach about its timing: a straight line through the times from request to
 * reply, `time = exchange + bytes × byte`, by least squares with older ones weighing less. Until
 * enough is known, and in the slope where all answers are of one length, it is what was assumed.
 */
import type { Timing } from "./cost.ts";
import { breakEven, byteTime, exchangeTime } from "./cost.ts";

/** Answers before any is believed. */
const fewest = 4;

/** What an answer weighs beside the one after it: some forty count. */
const fading = 0.975;

/** Holds the slope where it is assumed: lengths that differ by less say little. @unit bytes² */
const slopeWeight = 50 ** 2;

/** An answer this many times slower than expected was sent again on its way, or had to wait. */
const slowest = 4;
/** What answers may be late without any of that. @unit ms */
const jitter = 20;

/** Plans are made anew when the hole that is worth reading across differs by this factor. */
const drift = 1.5;
/** No answer has more. @unit registers */
const widest = 125;

export class Pace {
  readonly #assumed: Timing;
  #weight = 0;
  #count = 0;
  #bytes = 0;
  #time = 0;
  #bytesSquared = 0;
  #product = 0;
  #newest: Timing;
  #planned: Timing;
  /** Rises whenever plans must be made anew. */
  version = 0;

  constructor(assumed: Timing) {
    this.#assumed = assumed;
    this.#newest = assumed;
    this.#planned = assumed;
  }

  /** What to plan with: it moves in steps, so that plans stay. */
  get timing(): Timing {
    return this.#planned;
  }

  /**
   * Takes an answer into account.
   * @param time from the first byte of the request to the last of the reply. @unit ms
   */
  note(dataBytes: number, time: number): void {
    const expected = exchangeTime(this.#newest) + dataBytes * byteTime(this.#newest);
    const taken = Math.min(time, slowest * expected + jitter);
    this.#count += 1;
    this.#weight = this.#weight * fading + 1;
    this.#bytes = this.#bytes * fading + dataBytes;
    this.#time = this.#time * fading + taken;
    this.#bytesSquared = this.#bytesSquared * fading + dataBytes ** 2;
    this.#product = this.#product * fading + dataBytes * taken;
    if (this.#count < fewest) return;
    this.#newest = this.#learned();
    if (alike(worth(this.#newest), worth(this.#planned))) return;
    this.#planned = this.#newest;
    this.version += 1;
  }

  /** The line through the answers, never faster than the wire. */
  #learned(): Timing {
    const { character, framing, silence, way } = this.#assumed;
    const bytes = this.#bytes / this.#weight;
    const time = this.#time / this.#weight;
    const spread = this.#bytesSquared - this.#weight * bytes ** 2;
    const together = this.#product - this.#weight * bytes * time;
    const slope =
      (together + slopeWeight * byteTime(this.#assumed)) / (Math.max(0, spread) + slopeWeight);
    const perByte = Math.max(character, slope);
    const fixed = framing * character + silence + way;
    return {
      ...this.#assumed,
      thinkPerByte: perByte - character,
      think: Math.max(0, time - bytes * perByte - fixed),
    };
  }
}

function worth(timing: Timing): number {
  return Math.min(widest, breakEven(timing)) + 1;
}

function alike(a: number, b: number): boolean {
  return Math.max(a, b) < drift * Math.min(a, b) + 1;
}
