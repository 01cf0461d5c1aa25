/**
 * How much a client, or an organisation, may publish in the long run: a bucket of tokens that fills
 * by the second. Who has none left is not refused but waits, and TCP slows the sender down; nobody
 * else notices. A burst of some seconds passes at once.
 */
import type { Clock } from "../telemetry/index.ts";

export interface RateOptions {
  /** Publishes per second. */
  readonly messages?: number | undefined;
  /** Of topic and payload, per second. @unit bytes */
  readonly bytes?: number | undefined;
}

/** What may come at once after a rest: what so many seconds allow. */
const burstSeconds = 10;

class Bucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = burstSeconds * perSecond;
    this.#at = now;
  }

  /** Takes tokens, into debt if it must: what is large must pass, once. */
  take(count: number, now: number): void {
    this.#fill(now);
    this.#tokens -= count;
  }

  /** Until there is a token again. @unit ms */
  wait(now: number): number {
    this.#fill(now);
    return this.#tokens > 0 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1000;
  }

  #fill(now: number): void {
    const grown = ((now - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(burstSeconds * this.#perSecond, this.#tokens + grown);
    this.#at = now;
  }
}

export class Rate {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #messages: Bucket | undefined;
  readonly #bytes: Bucket | undefined;
  /** Publishes that had to wait. */
  delayed = 0;

  constructor({ messages, bytes }: RateOptions, clock: Pick<Clock, "monotonic" | "after">) {
    const now = clock.monotonic();
    this.#clock = clock;
    this.#messages = messages === undefined ? undefined : new Bucket(messages, now);
    this.#bytes = bytes === undefined ? undefined : new Bucket(bytes, now);
  }

  /** Undefined where there is no bound. */
  static of(options: RateOptions, clock: Pick<Clock, "monotonic" | "after">): Rate | undefined {
    const { messages, bytes } = options;
    return messages === undefined && bytes === undefined ? undefined : new Rate(options, clock);
  }

  /** Counts a publish that goes on. */
  take(bytes: number): void {
    const now = this.#clock.monotonic();
    this.#messages?.take(1, now);
    this.#bytes?.take(bytes, now);
  }

  /** Whether one more may go on now. */
  get free(): boolean {
    return this.#wait() <= 0;
  }

  /** A promise for the time when one more may go on; undefined: now. */
  room(): Promise<void> | undefined {
    const wait = this.#wait();
    if (wait <= 0) return undefined;
    this.delayed += 1;
    return new Promise((resolve) => {
      this.#clock.after(Math.ceil(wait), resolve);
    });
  }

  /** @unit ms */
  #wait(): number {
    const now = this.#clock.monotonic();
    return Math.max(this.#messages?.wait(now) ?? 0, this.#bytes?.wait(now) ?? 0);
  }
}
