/**
 * One RTU line: a serial bus, or a connection that carries its frames, shared by every unit on it.
 * Exactly one request is on its way at a time; connecting is left to the first request that needs
 * it. No retries: each request is answered, or rejects with a verdict, within its own time.
 * Replies do not say which request they answer: late ones must be fenced off.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, sleepPrecisely } from "../../telemetry/index.ts";
import { cancelled } from "../transport/cancelled.ts";
import type { ByteChannel } from "../transport/channel.ts";
import type { Connect } from "../transport/opening.ts";
import { openInTime } from "../transport/opening.ts";
import type { Exchange, Exchanger } from "./exchange.ts";
import { describe } from "./exchange.ts";
import type { Framing } from "./framing.ts";
import { Ghosts } from "./ghosts.ts";
import { Paces } from "./paces.ts";
import { dataBytes, decodeReadRequest, pduLimits } from "./pdu.ts";
import { LineSpeed } from "./speed.ts";
import { Turns } from "./turns.ts";

export interface LineSpec {
  /** For messages: `rtu+tcp://10.0.0.7:4001`. */
  readonly name: string;
  readonly connect: Connect;
  readonly framing: Framing;
  /** Whether connecting again can help a line that fell silent. */
  readonly reconnects: boolean;
  /** Silence before each request. @unit ms */
  readonly gap: number;
  /** Silence that proves that nothing more of an abandoned reply will come. @unit ms */
  readonly quiet: number;
  /** Time that one byte takes on the wire. @unit ms */
  readonly character: number;
}

/** Longest wait for a noisy line to fall silent. @unit ms */
const drainLimit = 3000;

/** Unanswered requests in a row after which a connection is taken for dead. */
const silenceLimit = 3;

interface Pending {
  readonly exchange: Exchange;
  /** When its request was handed over. @unit ms, monotonic */
  readonly sent: number;
  readonly answer: (reply: Uint8Array) => void;
  readonly fail: (error: unknown) => void;
}

export class Line implements Exchanger {
  readonly #spec: LineSpec;
  readonly #clock: Clock;
  readonly #turns = new Turns();
  readonly #ghosts = new Ghosts();
  readonly #paces = new Paces();
  #speed = new LineSpeed();
  #channel: ByteChannel | undefined;
  #pending: Pending | undefined;
  #closed = false;
  /** The last request was given up: something of its reply may still come. */
  #dirty = false;
  /** The request sent last. */
  #last: Exchange | undefined;
  #unanswered = 0;
  #lastByte = Number.NEGATIVE_INFINITY;

  constructor(spec: LineSpec, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  /**
   * Sends a request when the line is free and gives the reply's PDU, exceptions included.
   * @throws E_CONNECT, E_DISCONNECTED, E_SERIAL and its kin, E_MODBUS_TIMEOUT, E_MODBUS_FRAME,
   *   E_MODBUS_CRC, E_MODBUS_BUSY
   */
  async exchange(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array> {
    const endTurn = await this.#turns.take(signal);
    try {
      await this.#connect(signal);
      return await this.#fenced(exchange, signal);
    } finally {
      endTurn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#pending?.fail(this.#failure("E_DISCONNECTED", "closed"));
    await this.#drop();
  }

  async #connect(signal: AbortSignal): Promise<void> {
    if (this.#closed) throw this.#failure("E_DISCONNECTED", "closed");
    if (this.#channel !== undefined) return;
    this.#listen(await openInTime(this.#spec.connect, this.#clock, signal));
    if (!this.#closed) return;
    await this.#drop();
    throw this.#failure("E_DISCONNECTED", "closed");
  }

  #listen(channel: ByteChannel): void {
    this.#channel = channel;
    this.#unanswered = 0;
    this.#speed = new LineSpeed();
    this.#spec.framing.reset();
    channel.onData((bytes) => this.#received(bytes));
    channel.onClose((reason) => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#pending?.fail(reason);
    });
  }

  #received(bytes: Uint8Array): void {
    this.#lastByte = this.#clock.monotonic();
    this.#unanswered = 0;
    try {
      const reply = this.#spec.framing.accept(bytes);
      if (reply !== undefined) this.#answered(reply);
      else if (this.#last !== undefined && this.#spec.framing.unasked?.() === true) {
        // The line may be out of step by one: what looks like the next answer may be the last one.
        this.#ghosts.add(this.#last, this.#lastByte);
      }
    } catch (error) {
      this.#pending?.fail(error);
    }
  }

  #answered(reply: Uint8Array): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { unit, pdu } = pending.exchange;
    const nominal = (pdu.length + reply.length + 6) * this.#spec.character;
    if (this.#speed.allows(this.#lastByte - pending.sent, nominal)) pending.answer(reply);
    // From here on, as if nothing had come.
    else this.#spec.framing.begin(unit, pdu);
  }

  /** Makes sure that no late reply can be taken for the answer to this request. */
  async #fenced(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array> {
    const { unit, pdu } = exchange;
    const now = this.#clock.monotonic();
    if (!this.#ghosts.haunted(unit, pdu, now)) return this.#transact(exchange, signal);
    const fence = this.#ghosts.fenceFor(unit, pdu, now);
    if (fence !== undefined) {
      const reply = await this.#transact({ ...exchange, pdu: fence }, signal);
      if (reply[0] === fence[0]) {
        this.#ghosts.clear(unit);
        return fence === pdu ? reply : this.#transact(exchange, signal);
      }
      // An exception may be a ghost's: it proves nothing, and the fence's own answer may come yet.
      this.#ghosts.add({ ...exchange, pdu: fence }, this.#lastByte);
    }
    const other = this.#ghosts.otherFence(unit, pdu, now);
    if (other === undefined) {
      const why = "late answers of every kind may still come; it is asked again later";
      throw this.#failure("E_MODBUS_FRAME", `${describe(exchange)}: ${why}`);
    }
    await this.#transact({ ...exchange, pdu: other }, signal);
    this.#ghosts.clear(unit);
    return this.#transact(exchange, signal);
  }

  /** Waits until nothing has been received for `least` ms. [MODBUS-RTU 2.5.1.1] */
  async #silence(least: number, signal: AbortSignal): Promise<void> {
    const until = this.#clock.monotonic() + least + drainLimit;
    for (;;) {
      const now = this.#clock.monotonic();
      const left = this.#lastByte + least - now;
      if (left <= 0) return;
      if (now > until) throw this.#failure("E_MODBUS_FRAME", "the line does not fall silent");
      await sleepPrecisely(this.#clock, left, signal);
      if (signal.aborted) throw cancelled(signal);
    }
  }

  async #transact(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array> {
    const { gap, quiet } = this.#spec;
    await this.#silence(Math.max(gap, exchange.pause, this.#dirty ? quiet : 0), signal);
    if (signal.aborted) throw cancelled(signal);
    const channel = this.#channel;
    if (channel === undefined) throw this.#failure("E_DISCONNECTED", "the connection was lost");
    this.#dirty = false;
    this.#last = exchange;
    try {
      return await this.#await(exchange, channel, signal);
    } catch (error) {
      this.#dirty = true;
      // Now, not before the next request: flushing a serial port may discard what was just written.
      channel.discardInput();
      this.#lastByte = this.#clock.monotonic();
      this.#ghosts.add(exchange, this.#lastByte);
      throw error;
    }
  }

  #await(exchange: Exchange, channel: ByteChannel, signal: AbortSignal): Promise<Uint8Array> {
    const { framing } = this.#spec;
    const { unit, pdu, hurry, timeout } = exchange;
    return new Promise((resolve, reject) => {
      const end = (): boolean => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#pending = undefined;
        return framing.end();
      };
      const onAbort = (): void => {
        end();
        reject(cancelled(signal));
      };
      const frame = framing.begin(unit, pdu);
      const wire = this.#wireTime(pdu, frame.length);
      const wait = hurry === true ? this.#paces.waitFor(unit, timeout) : timeout;
      const sent = this.#clock.monotonic();
      const timer = this.#clock.after(wait + wire, () => {
        reject(this.#overdue({ ...exchange, timeout: wait }, end()));
      });
      this.#pending = {
        exchange,
        sent,
        answer: (reply) => {
          end();
          this.#paces.add(unit, Math.max(0, this.#lastByte - sent - wire));
          resolve(reply);
        },
        fail: (error) => {
          end();
          reject(this.#placed(exchange, error));
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      exchange.sent?.();
      channel.write(frame);
    });
  }

  /** The time that request and reply take on the wire. @unit ms */
  #wireTime(pdu: Uint8Array, sent: number): number {
    const span = decodeReadRequest(pdu);
    const expected = span === undefined ? pduLimits.bytes : dataBytes(span) + 2;
    return (sent + expected + 3) * this.#spec.character;
  }

  #overdue(exchange: Exchange, noise: boolean): GatewayError {
    if (noise) return this.#failure("E_MODBUS_FRAME", `${describe(exchange)}: no whole answer`);
    this.#unanswered += 1;
    if (this.#spec.reconnects && this.#unanswered >= silenceLimit) void this.#drop();
    const waited = `no answer within ${Math.ceil(exchange.timeout)} ms`;
    return this.#failure("E_MODBUS_TIMEOUT", `${describe(exchange)}: ${waited}`);
  }

  #placed(exchange: Exchange, error: unknown): unknown {
    if (!(error instanceof GatewayError)) return error;
    const message = `${this.#spec.name}: ${describe(exchange)}: ${error.message}`;
    return new GatewayError(error.code, message, { cause: error.cause });
  }

  #failure(code: "E_DISCONNECTED" | "E_MODBUS_FRAME" | "E_MODBUS_TIMEOUT", why: string) {
    return new GatewayError(code, `${this.#spec.name}: ${why}`);
  }

  async #drop(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    await channel?.close();
  }
}
