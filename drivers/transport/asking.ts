/**
 * Question and answer on a half-duplex wire: one question is under way at a time, silence stands
 * before each, and what arrives is handed to the protocol until it finds the answer in it. No
 * retries: each question is answered, or rejects with a verdict, within its own time.
 *
 *   silence ─► (break) ─► question ─► first byte within `timeout` ─► whole answer
 *
 * An answer that comes after its question was given up must not pass for the next one's: input is
 * drained until the line is quiet, and whoever owed the answer is left alone for as long again.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";

/** What wakes the devices of a line that was idle: a break, then the line at rest. @unit ms */
export interface Wake {
  readonly idle: number;
  readonly hold: number;
  readonly rest: number;
}

export interface Question<Answer> {
  /** Whom it asks and for what, for messages: `meter 000012345678: 02010100`. */
  readonly what: string;
  /** Who owes the answer; equal names mean one device. */
  readonly who: string;
  /** What is sent; nothing: goes on listening after the question before. */
  readonly bytes: Uint8Array;
  /** Finds the answer in everything received since the question was sent; undefined: not yet. */
  readonly take: (received: Uint8Array) => Answer | undefined;
  /** How long the device may think. @unit ms */
  readonly timeout: number;
  /** The longest answer there can be. @unit bytes */
  readonly most: number;
  readonly wake?: Wake | undefined;
}

/** A turn on the wire: nobody else asks until it is over. */
export interface Talk {
  /**
   * @throws E_CONNECT, E_DISCONNECTED, E_SERIAL and its kin, E_DEVICE_TIMEOUT, E_DEVICE_FRAME, and
   *   what `take` throws
   */
  ask<Answer>(question: Question<Answer>): Promise<Answer>;
}

export interface AskerSpec {
  /** For messages: `tcp://10.0.0.7:4001`. */
  readonly name: string;
  readonly connect: (signal: AbortSignal) => Promise<ByteChannel>;
  /** Whether connecting again can help a wire that fell silent. */
  readonly reconnects: boolean;
  /** Silence before each question. @unit ms */
  readonly gap: number;
  /** Silence that proves that nothing more of an abandoned answer comes now. @unit ms */
  readonly quiet: number;
  /** Time that one byte takes on the wire. @unit ms */
  readonly character: number;
}

/** Longest wait for a connection. @unit ms */
const connectLimit = 5000;

/** Longest wait for a noisy wire to fall silent. @unit ms */
const drainLimit = 3000;

/** Unanswered questions in a row after which a connection is taken for dead. */
const silenceLimit = 3;

/** Bytes beyond the longest answer: an echo, a neighbour's frame, noise. @unit bytes */
const slack = 1024;

/** Devices remembered for owing an answer. */
const debtorLimit = 256;

interface Pending {
  readonly received: () => void;
  readonly fail: (error: unknown) => void;
}

export class Asker implements AsyncDisposable {
  readonly #spec: AskerSpec;
  readonly #clock: Clock;
  /** Ends with the last turn taken; sessions take one at a time, which bounds the chain. */
  #turns: Promise<void> = Promise.resolve();
  #channel: ByteChannel | undefined;
  #pending: Pending | undefined;
  #closed = false;
  /** The last question was given up: something of its answer may still come. */
  #dirty = false;
  #unanswered = 0;
  #lastByte = Number.NEGATIVE_INFINITY;
  #received = new Uint8Array(0);
  /** Until when a late answer of a device is awaited. */
  readonly #debtors = new Map<string, number>();

  constructor(spec: AskerSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  /** What the wire takes whoever is asked; undefined where its line is not known. @unit ms */
  get pace(): Pick<AskerSpec, "character" | "gap"> | undefined {
    const { character, gap, reconnects } = this.#spec;
    return reconnects ? undefined : { character, gap };
  }

  /** Has the wire for itself while `work` runs. @throws E_DISCONNECTED when aborted, and its own */
  async talk<Result>(work: (talk: Talk) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const before = this.#turns;
    const { promise, resolve: end } = Promise.withResolvers<void>();
    this.#turns = before.then(() => promise);
    try {
      await unlessAborted(before, signal);
      return await work({ ask: (question) => this.#ask(question, signal) });
    } finally {
      end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#pending?.fail(this.#failure("E_DISCONNECTED", "closed"));
    await this.#drop();
  }

  async #ask<Answer>(question: Question<Answer>, signal: AbortSignal): Promise<Answer> {
    if (signal.aborted) throw cancelled(signal);
    await this.#connect(signal);
    if (question.bytes.length > 0) {
      await this.#prepare(question, signal);
      this.#received = new Uint8Array(0);
    }
    const channel = this.#channel;
    if (channel === undefined) throw this.#failure("E_DISCONNECTED", "the connection was lost");
    try {
      return await this.#await(question, { channel, signal });
    } catch (error) {
      this.#dirty = true;
      if (question.bytes.length > 0) this.#owe(question);
      channel.discardInput();
      throw error;
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    if (this.#closed) throw this.#failure("E_DISCONNECTED", "closed");
    if (this.#channel !== undefined) return;
    const attempt = new AbortController();
    const giveUp = (): void => attempt.abort(signal.reason);
    const timer = this.#clock.after(connectLimit, giveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      this.#listen(await this.#spec.connect(attempt.signal));
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", giveUp);
    }
    if (!this.#closed) return;
    await this.#drop();
    throw this.#failure("E_DISCONNECTED", "closed");
  }

  #listen(channel: ByteChannel): void {
    this.#channel = channel;
    this.#unanswered = 0;
    this.#dirty = false;
    channel.onData((bytes) => {
      this.#lastByte = this.#clock.monotonic();
      this.#unanswered = 0;
      const unasked = this.#dirty || this.#received.length > slack;
      if (this.#pending === undefined && unasked) return;
      this.#received = joined(this.#received, bytes);
      this.#pending?.received();
    });
    channel.onClose((reason) => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#pending?.fail(reason);
    });
  }

  /** Waits for the silence that the question needs, and wakes the line if it must. */
  async #prepare({ who, wake }: Question<unknown>, signal: AbortSignal): Promise<void> {
    const owed = (this.#debtors.get(who) ?? 0) - this.#clock.monotonic();
    this.#debtors.delete(who);
    if (owed > 0) await this.#rest(owed, signal);
    await this.#silence(Math.max(this.#spec.gap, this.#dirty ? this.#spec.quiet : 0), signal);
    this.#dirty = false;
    const channel = this.#channel;
    if (wake === undefined || channel?.setBreak === undefined) return;
    if (this.#clock.monotonic() - this.#lastByte < wake.idle) return;
    await channel.setBreak(true);
    await sleep(this.#clock, wake.hold, signal);
    await channel.setBreak(false);
    await this.#rest(wake.rest, signal);
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(this.#clock, ms, signal);
    if (signal.aborted) throw cancelled(signal);
  }

  /** Waits until nothing has been received for `least` ms. */
  async #silence(least: number, signal: AbortSignal): Promise<void> {
    const until = this.#clock.monotonic() + least + drainLimit;
    for (;;) {
      const now = this.#clock.monotonic();
      const left = this.#lastByte + least - now;
      if (left <= 0) return;
      if (now > until) throw this.#failure("E_DEVICE_FRAME", "the line does not fall silent");
      await this.#rest(left, signal);
    }
  }

  #await<Answer>(
    question: Question<Answer>,
    { channel, signal }: { readonly channel: ByteChannel; readonly signal: AbortSignal },
  ): Promise<Answer> {
    const { bytes, take, timeout, most } = question;
    const { character } = this.#spec;
    return new Promise((resolve, reject) => {
      let begun = false;
      const finish = (settle: () => void): void => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#pending = undefined;
        settle();
      };
      const overdue = (): void => finish(() => reject(this.#overdue(question)));
      const fail = (error: unknown): void => finish(() => reject(this.#placed(question, error)));
      const onAbort = (): void => finish(() => reject(cancelled(signal)));
      const received = (): void => {
        if (!begun && this.#received.length > 0) {
          begun = true;
          timer.cancel();
          timer = this.#clock.after(timeout + most * character, overdue);
        }
        try {
          const answer = take(this.#received);
          if (answer !== undefined) return finish(() => resolve(answer));
          if (this.#received.length <= most + bytes.length + slack) return;
          const why = `${this.#received.length} bytes hold no answer`;
          throw new GatewayError("E_DEVICE_FRAME", why);
        } catch (error) {
          fail(error);
        }
      };
      let timer = this.#clock.after(timeout + bytes.length * character, overdue);
      this.#pending = { received, fail };
      signal.addEventListener("abort", onAbort, { once: true });
      if (bytes.length > 0) channel.write(bytes);
      // What is there already may hold what is listened for.
      else if (this.#received.length > 0) received();
    });
  }

  #overdue(question: Question<unknown>): GatewayError {
    const { what, bytes, timeout } = question;
    const noise = bytes.length > 0 && !startsAs(bytes, this.#received);
    if (noise) {
      const count = this.#received.length;
      return this.#failure("E_DEVICE_FRAME", `${what}: no whole answer in ${count} bytes`);
    }
    this.#unanswered += 1;
    if (this.#spec.reconnects && this.#unanswered >= silenceLimit) void this.#drop();
    return this.#failure("E_DEVICE_TIMEOUT", `${what}: no answer within ${timeout} ms`);
  }

  /** Notes that a device may still answer what was given up. */
  #owe({ who, timeout }: Question<unknown>): void {
    const [oldest] = this.#debtors.keys();
    if (oldest !== undefined && this.#debtors.size >= debtorLimit) this.#debtors.delete(oldest);
    this.#debtors.set(who, this.#clock.monotonic() + timeout);
  }

  #placed({ what }: Question<unknown>, error: unknown): unknown {
    if (!(error instanceof GatewayError)) return error;
    const message = `${this.#spec.name}: ${what}: ${error.message}`;
    return new GatewayError(error.code, message, { cause: error.cause });
  }

  #failure(code: "E_DISCONNECTED" | "E_DEVICE_FRAME" | "E_DEVICE_TIMEOUT", why: string) {
    return new GatewayError(code, `${this.#spec.name}: ${why}`);
  }

  async #drop(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    await channel?.close();
  }
}

/** What a cancelled call rejects with. */
export function cancelled(signal: AbortSignal): GatewayError {
  return new GatewayError("E_DISCONNECTED", "the request was cancelled", { cause: signal.reason });
}

function unlessAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(signal));
    const onAbort = (): void => reject(cancelled(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    void turn.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}

/** Whether all that was received is the beginning of what was sent: our own echo, or nothing. */
function startsAs(sent: Uint8Array, received: Uint8Array): boolean {
  return received.length <= sent.length && received.every((byte, at) => sent[at] === byte);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
