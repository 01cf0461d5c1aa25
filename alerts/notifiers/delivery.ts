/**
 * One notifier at work: takes events off its queue at its pace, tries again until each is told,
 * refused or too old, and tells what stands again to receivers that forget. An event leaves the
 * queue only after it was told: a crash in between tells it once more, with the same id.
 * When the pace allows one message only and more than one waits, all become one summary.
 */
import type { Platform, RetryPolicy } from "../../telemetry/index.ts";
import { GatewayError, messageOf, retryDelay, sleep } from "../../telemetry/index.ts";
import type { AlertEvent, Message, Notifier } from "./contract.ts";
import type { PaceOptions } from "./pace.ts";
import { Pace } from "./pace.ts";
import type { Queue } from "./queue.ts";

export interface DeliveryOptions extends PaceOptions {
  readonly name: string;
  /** Longest time of one attempt. @unit ms */
  readonly timeout: number;
  /** How old an event may become before it is given up. @unit ms */
  readonly expire: number;
}

/** What became of the events of a notifier since the start. */
export interface DeliveryCounts {
  readonly waiting: number;
  readonly open: number;
  readonly sent: number;
  /** Attempts that failed and were or will be repeated. */
  readonly failed: number;
  /** Events that the receiver refused. */
  readonly refused: number;
  /** Events that became too old. */
  readonly expired: number;
  /** Events that there was no room for. */
  readonly shed: number;
}

/** Events that a summary says each; of more it says how many. */
export const mostInSummary = 100;

const retry: RetryPolicy = { first: 1000, longest: 60_000 };
/** Until a person has acted: a wrong password tried each second locks the account. */
const retryConfig: RetryPolicy = { first: 60_000, longest: 900_000 };
/** A timer of more than 2^31 ms would be due at once. @unit ms */
const longestIdle = 3_600_000;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #notifier: Notifier;
  readonly #queue: Queue;
  readonly #shelved: () => ReadonlySet<string>;
  readonly #platform: Platform;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #standsAt = 0;
  /** Failures in a row. */
  #failures = 0;
  #sent = 0;
  #failed = 0;
  #refused = 0;
  #expired = 0;
  /** What the queue had shed when it was last told of. */
  #shedTold = 0;

  constructor(
    parts: {
      readonly options: DeliveryOptions;
      readonly notifier: Notifier;
      readonly queue: Queue;
      /** Keys of alerts that are not told again for now. */
      readonly shelved: () => ReadonlySet<string>;
    },
    platform: Platform,
  ) {
    this.#options = parts.options;
    this.#notifier = parts.notifier;
    this.#queue = parts.queue;
    this.#shelved = parts.shelved;
    this.#platform = platform;
    this.#pace = new Pace(parts.options, platform.clock);
  }

  get counts(): DeliveryCounts {
    return {
      waiting: this.#queue.waiting.length,
      open: this.#queue.open.size,
      sent: this.#sent,
      failed: this.#failed,
      refused: this.#refused,
      expired: this.#expired,
      shed: this.#queue.shed,
    };
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Something waits. */
  wake(): void {
    this.#wake.abort();
  }

  /** Ends without waiting for a receiver that is down; what waits is on disk. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#queue.save();
  }

  async #run(): Promise<void> {
    const { clock } = this.#platform;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const waits = this.#queue.waiting.length > 0;
      const pause = waits ? this.#pace.wait : longestIdle;
      const wait = Math.min(pause, this.#untilStanding());
      const woken = waits ? signal : AbortSignal.any([signal, this.#wake.signal]);
      if (wait > 0) await sleep(clock, wait, woken);
      if (signal.aborted) return;
      if (this.#untilStanding() <= 0) await this.#stand();
      if (this.#queue.waiting.length > 0 && this.#pace.wait <= 0) await this.#deliver();
    }
  }

  #untilStanding(): number {
    if (this.#notifier.standing === undefined) return Number.POSITIVE_INFINITY;
    return this.#standsAt - this.#platform.clock.monotonic();
  }

  /** Tells all that is open and not shelved; what fails is told the next time. */
  async #stand(): Promise<void> {
    const { standing, atOnce } = this.#notifier;
    if (standing === undefined) return;
    this.#standsAt = this.#platform.clock.monotonic() + standing.every;
    const shelved = this.#shelved();
    const open = [...this.#queue.open.values()].filter(({ key }) => !shelved.has(key));
    for (let at = 0; at < open.length; at += atOnce) {
      const events = open.slice(at, at + atOnce);
      if (!(await this.#try((signal) => standing.tell(events, signal)))) return;
    }
  }

  async #deliver(): Promise<void> {
    this.#expire();
    const message = this.#next();
    if (message === undefined) return;
    const told = await this.#try((signal) => this.#notifier.send(message.message, signal));
    if (!told) return;
    this.#pace.take();
    this.#shedTold += message.shed;
    this.#queue.remove(message.events);
    await this.#queue.save();
  }

  /** True when there is nothing to repeat: it was told, or refused for good. */
  async #try(send: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { clock, entropy, log } = this.#platform;
    const { name, timeout } = this.#options;
    const { signal } = this.#stop;
    try {
      await attempt(send, { clock, timeout, signal });
      if (this.#failures > 0) log.info("notifier delivers again", { notifier: name });
      this.#failures = 0;
      this.#sent += 1;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const verdict = error instanceof GatewayError ? error.verdict : "retry";
      const problem = messageOf(error);
      if (verdict === "fatal") throw error;
      if (verdict === "reject") {
        this.#refused += 1;
        log.error("notifier was refused a message", { notifier: name, problem });
        return true;
      }
      this.#failed += 1;
      this.#failures += 1;
      if (this.#failures === 1) log.warn("notifier failed", { notifier: name, problem });
      const asked = error instanceof GatewayError ? error.retryAfterMs : undefined;
      const policy = verdict === "config" ? retryConfig : retry;
      const longest = Math.min(asked ?? 0, longestIdle);
      await sleep(clock, retryDelay(policy, this.#failures, entropy, longest), signal);
      return false;
    }
  }

  #expire(): void {
    const { log, clock } = this.#platform;
    const { name, expire } = this.#options;
    const old = this.#queue.waiting.filter(({ queued }) => queued < clock.now() - expire);
    if (old.length === 0) return;
    this.#queue.remove(old);
    this.#expired += old.length;
    log.error("notifier gave up old events", { notifier: name, events: old.length });
  }

  #next(): { message: Message; events: readonly AlertEvent[]; shed: number } | undefined {
    const { atOnce } = this.#notifier;
    const { waiting, shed: allShed } = this.#queue;
    const shed = allShed - this.#shedTold;
    const sums = atOnce === 1 && waiting.length > 1 && (this.#pace.last || shed > 0);
    const events = sums ? [...waiting] : waiting.slice(0, atOnce);
    const [first] = events;
    if (first === undefined) return undefined;
    const said = sums ? events.slice(-mostInSummary) : events;
    const leftOut = sums ? events.length - said.length + shed : 0;
    const kind = sums ? "summary" : "alert";
    const time = this.#platform.clock.now();
    const message: Message = { id: first.id, kind, time, events: said, leftOut };
    return { message, events, shed: sums ? shed : 0 };
  }
}

export interface Attempt {
  readonly clock: Platform["clock"];
  /** @unit ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * One attempt with a deadline, also when the notifier does not heed its signal.
 * @throws E_NOTIFY when it is over, and what `send` throws
 */
export function attempt(
  send: (signal: AbortSignal) => Promise<void>,
  { clock, timeout, signal }: Attempt,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const ending = new AbortController();
  const end = (why: string): void => {
    reject(new GatewayError("E_NOTIFY", why));
    ending.abort();
  };
  const timer = clock.after(timeout, () => end(`not taken within ${timeout / 1000} s`));
  const giveUp = (): void => end("the message was given up");
  if (signal.aborted) giveUp();
  else signal.addEventListener("abort", giveUp, { once: true });
  send(ending.signal).then(resolve, reject);
  return promise.finally(() => {
    timer.cancel();
    signal.removeEventListener("abort", giveUp);
  });
}
