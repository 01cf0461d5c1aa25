/**
 * What a device's answers teach about its timing: a straight line through the times from request to
 * reply, `time = exchange + bytes × byte`, by least squares with older ones weighing less. Until
 * enough is known it is what was assumed.
 *
 * Answers of one length do not tell a slow device from a slow line behind it. When they come later
 * than assumed, a plan is made once as if each byte were to blame: its answers, of other lengths,
 * tell.
 */
import type { Timing } from "./cost.ts";
import { breakEven, byteTime, exchangeTime } from "./cost.ts";

/** Answers before any is believed. */
const fewest = 4;

/** What an answer weighs beside the one after it: some forty count. */
const fading = 0.975;

/** Holds the slope where it was: lengths that differ by less say little. @unit bytes² */
const slopeWeight = 50 ** 2;

/** An answer this many times slower than expected was sent again on its way, or had to wait. */
const slowest = 4;
/** What answers may be late without any of that. @unit ms */
const jitter = 20;

/** Lengths that differ by so much tell the slope. @unit bytes² */
const telling = 4 * slopeWeight;

/** Plans are made anew when the hole that is worth reading across differs by this factor. */
const drift = 1.5;
/** No answer has more. @unit registers */
const widest = 125;

export class AnswerTimes {
  readonly #assumed: Timing;
  #weight = 0;
  #count = 0;
  #bytes = 0;
  #time = 0;
  #bytesSquared = 0;
  #product = 0;
  /** The slope that was last told by answers of unlike lengths. @unit ms a byte */
  #slope: number;
  #tried = false;
  #newest: Timing;
  #planned: Timing;
  /** Rises whenever plans must be made anew. */
  version = 0;

  constructor(assumed: Timing) {
    this.#assumed = assumed;
    this.#slope = byteTime(assumed);
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
    this.#count += 1;
    const taken = this.#count > fewest ? Math.min(time, slowest * expected + jitter) : time;
    this.#weight = this.#weight * fading + 1;
    this.#bytes = this.#bytes * fading + dataBytes;
    this.#time = this.#time * fading + taken;
    this.#bytesSquared = this.#bytesSquared * fading + dataBytes ** 2;
    this.#product = this.#product * fading + dataBytes * taken;
    if (this.#count < fewest) return;
    const spread = this.#spread();
    this.#newest = this.#learned(spread);
    if (spread < telling && !this.#tried) this.#move(this.#allInBytes());
    else this.#move(this.#newest);
    this.#tried ||= this.version > 0;
  }

  /** Plans with another timing, unless plans would hardly differ. */
  #move(timing: Timing): void {
    if (alike(worth(timing), worth(this.#planned))) return;
    this.#planned = timing;
    this.version += 1;
  }

  /** How much the lengths of answers differ. @unit bytes² */
  #spread(): number {
    return Math.max(0, this.#bytesSquared - this.#bytes ** 2 / this.#weight);
  }

  /** The line through the answers, never faster than the wire. */
  #learned(spread: number): Timing {
    const together = this.#product - (this.#bytes * this.#time) / this.#weight;
    const fitted = (together + slopeWeight * this.#slope) / (spread + slopeWeight);
    const slope = Math.max(this.#assumed.character, fitted);
    if (spread >= telling) this.#slope = slope;
    return this.#through(slope);
  }

  /** The steepest line through the answers that leaves the device what it was taken for. */
  #allInBytes(): Timing {
    const usual = exchangeTime(this.#assumed);
    const rest = (this.#time - usual * this.#weight) / this.#bytes;
    return this.#through(Math.max(byteTime(this.#assumed), rest));
  }

  /** The line of a slope through the middle of the answers. */
  #through(perByte: number): Timing {
    const { character, framing, silence, way } = this.#assumed;
    const fixed = framing * character + silence + way;
    const time = (this.#time - this.#bytes * perByte) / this.#weight;
    return {
      ...this.#assumed,
      thinkPerByte: perByte - character,
      think: Math.max(0, time - fixed),
    };
  }
}

function worth(timing: Timing): number {
  return Math.min(widest, breakEven(timing)) + 1;
}

function alike(a: number, b: number): boolean {
  return Math.max(a, b) < drift * Math.min(a, b) + 1;
}
