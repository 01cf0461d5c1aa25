/**
 * One Modbus TCP connection, shared by every unit behind its address, with as many requests
 * outstanding as its other end copes with (`window.ts`). Connecting is left to the first request
 * that needs it.
 *
 * An answer is known by transaction, unit, function and length [MODBUS-TCP 3.1.3]; one that fits no
 * request is late and dropped. While several are outstanding the answers of one unit must come in
 * the order of its requests: a device that mixes ids up would pass wrong values else, and nothing
 * but the order shows it. Whatever that rule throws away is asked again, alone.
 *
 * A read is sent again, once, when the connection ends under it and that is not its fault: it was
 * the first after a rest (many devices close a connection that rests), or was not alone.
 */
import type { Clock, Code } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { ByteChannel } from "../transport/channel.ts";
import { Alarm } from "./alarm.ts";
import type { ConnectionParts } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { Exchange, Exchanger } from "./exchange.ts";
import { describe } from "./exchange.ts";
import { encodeMbap, MbapReader } from "./mbap.ts";
import { Outstanding } from "./outstanding.ts";
import { Paces } from "./paces.ts";
import { onlyReads } from "./pdu.ts";
import { cancelled } from "./turns.ts";
import { Transaction } from "./transaction.ts";
import { Units } from "./units.ts";
import { Watches } from "./watches.ts";
import { Window } from "./window.ts";

export interface TcpLineParts extends ConnectionParts {
  /** For messages: `tcp://10.0.0.7:502`. */
  readonly name: string;
}

/** What happened on a line that no caller was told. */
export interface TcpCounts {
  /** Connections that stood. */
  connected: number;
  /** Answers to no request: late, or sent twice. */
  late: number;
  /** Answers with our transaction that were another's, or out of order. */
  mixed: number;
  /** Requests sent a second time. */
  resent: number;
}

/** Rounds without a byte, with an answer due in each, after which a connection is dead. */
const silenceLimit = 3;

/** Most requests that may wait for one line. */
const waitingLimit = 1024;

/** Exceptions that only a gateway gives. [MODBUS-AP 7] */
const gatewayExceptions: ReadonlySet<number> = new Set([10, 11]);

export class TcpLine implements Exchanger {
  readonly counts: TcpCounts = { connected: 0, late: 0, mixed: 0, resent: 0 };
  readonly window = new Window();
  readonly #name: string;
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #units = new Units();
  readonly #reader = new MbapReader();
  readonly #outstanding = new Outstanding();
  #closed = false;
  /** The other end is a gateway to serial lines, or may be one. */
  #gateway = false;
  /** An answer has come on this connection. */
  #served = false;
  /** A byte has come since the line rested. */
  #heard = false;
  #lastByte = Number.NEGATIVE_INFINITY;
  #silences = 0;
  #silentSince = Number.NEGATIVE_INFINITY;
  readonly #alarm: Alarm;
  readonly #paces = new Paces();
  readonly #watches = new Watches(() => this.#cancel());

  constructor(parts: TcpLineParts) {
    this.#name = parts.name;
    this.#clock = parts.clock;
    this.#alarm = new Alarm(parts.clock, () => this.#look());
    this.#connection = new Connection(parts, {
      opened: () => this.#opened(),
      refused: (error) => this.#failWaiting(error),
      received: (bytes) => this.#received(bytes),
      hungUp: (reason) => this.#hungUp(reason),
    });
  }

  /** How many requests of a unit would be sent at once now. */
  depth(): number {
    return this.#gateway ? 1 : this.window.size;
  }

  exchange(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#failure("E_DISCONNECTED", "closed"));
      if (signal.aborted) return reject(cancelled(signal));
      if (this.#units.waiting >= waitingLimit) {
        return reject(this.#failure("E_MODBUS_BUSY", "too many requests wait for this line"));
      }
      const unit = this.#units.of(exchange.unit);
      if (this.#units.count > 1) this.#gateway = true;
      const watch = this.#watches.begin(signal);
      this.#units.add(new Transaction(unit, exchange, { resolve, reject, watch }));
      this.#pump();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const closed = this.#failure("E_DISCONNECTED", "closed");
    for (const transaction of this.#outstanding.drain()) this.#fail(transaction, closed);
    this.#failWaiting(closed);
    this.#alarm.cancel();
    this.#watches.letGo();
    await this.#connection[Symbol.asyncDispose]();
  }

  /** Sends what may go now. */
  #pump(): void {
    if (this.#units.waiting === 0) return;
    const { channel } = this.#connection;
    if (channel === undefined) return this.#connection.open();
    if (this.#outstanding.count >= this.window.size) return;
    const now = this.#clock.monotonic();
    while (this.#outstanding.count < this.window.size) {
      const next = this.#units.next(now, this.depth());
      if (next === undefined) break;
      this.#send(next, channel, now);
    }
    if (this.#outstanding.count < this.window.size) this.#alarm.set(this.#units.ready, now);
  }

  #send(transaction: Transaction, channel: ByteChannel, now: number): void {
    const { unit, pdu, timeout, hurry } = transaction.exchange;
    if (this.#outstanding.count === 0) this.#heard = false;
    if (hurry === true) transaction.wait = this.#paces.waitFor(unit, timeout);
    transaction.sent = now;
    this.#outstanding.add(transaction);
    channel.write(encodeMbap({ transaction: transaction.id, unit, pdu }));
    this.#alarm.set(now + transaction.wait, now);
  }

  #received(bytes: Uint8Array): void {
    this.#heard = true;
    this.#silences = 0;
    this.#lastByte = this.#clock.monotonic();
    try {
      this.#reader.cut(bytes, this.#take);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.counts.mixed += 1;
      this.#confused(this.#outstanding.first, error);
      // A stream that lost its framing cannot be trusted.
      this.#abandon("what came is no Modbus TCP");
    }
    this.#pump();
  }

  readonly #take = (id: number, unit: number, pdu: Uint8Array): void => {
    const transaction = this.#outstanding.find(id);
    if (transaction === undefined) {
      this.counts.late += 1;
      return;
    }
    const why = transaction.mismatch(unit, pdu);
    if (why !== undefined) {
      this.counts.mixed += 1;
      return this.#confused(transaction, new GatewayError("E_MODBUS_FRAME", why));
    }
    const inOrder = !this.window.learning || this.#outstanding.inTurn(transaction);
    if (inOrder) this.#answered(transaction, pdu);
    else this.#passedOver(transaction.exchange.unit);
  };

  /**
   * An answer came before that to an earlier request: mixed up, or the device never answers that.
   * Which of the two shows when that is asked alone; nothing is believed until then.
   */
  #passedOver(unit: number): void {
    this.counts.mixed += 1;
    this.window.suspect(unit);
    const error = new GatewayError("E_MODBUS_FRAME", "answers came in another order than requests");
    this.#again(this.#outstanding.drain(), error, everything);
  }

  #answered(transaction: Transaction, pdu: Uint8Array): void {
    const { unit, exchange, caller } = transaction;
    this.#served = true;
    this.window.clean(this.#outstanding.peak);
    if (!transaction.accompanied) this.window.askedAlone(exchange.unit, true);
    this.#outstanding.end(transaction, this.#lastByte);
    this.#paces.add(exchange.unit, this.#lastByte - transaction.begun);
    unit.answered = this.#lastByte;
    unit.silent = false;
    if (pdu.length === 2 && gatewayExceptions.has(pdu[1] ?? 0)) this.#gateway = true;
    this.#watches.end(caller.watch);
    caller.resolve(pdu);
  }

  /**
   * A frame is not what it says. A request that is alone has failed; of several, none can be
   * trusted to get its own answer, and each is asked again, alone.
   */
  #confused(transaction: Transaction | undefined, error: unknown): void {
    if (transaction === undefined) return;
    if (this.window.learning && transaction.accompanied) {
      this.window.bar();
      return this.#again(this.#outstanding.drain(), error, everything);
    }
    this.#outstanding.end(transaction, this.#lastByte);
    this.#fail(transaction, this.#placed(transaction.exchange, error));
  }

  /** Sends again what may be, once; the rest fails. */
  #again(
    transactions: readonly Transaction[],
    error: unknown,
    may: (transaction: Transaction) => boolean,
  ): void {
    const back: Transaction[] = [];
    for (const transaction of transactions) {
      const { exchange, again } = transaction;
      if (again || !onlyReads(exchange.pdu) || !may(transaction)) {
        this.#fail(transaction, this.#placed(exchange, error));
        continue;
      }
      transaction.again = true;
      back.push(transaction);
    }
    this.counts.resent += back.length;
    this.#units.putBack(back);
  }

  #fail({ caller }: Transaction, error: unknown): void {
    this.#watches.end(caller.watch);
    caller.reject(error);
  }

  #failWaiting(error: unknown): void {
    for (const transaction of this.#units.remove(everything)) this.#fail(transaction, error);
  }

  /** Late answers of what was outstanding will fit no id. */
  #cancel(): void {
    const now = this.#clock.monotonic();
    const gone = this.#outstanding.all().filter(({ cancelled }) => cancelled);
    for (const transaction of gone) this.#outstanding.end(transaction, now);
    gone.push(...this.#units.remove(({ cancelled }) => cancelled));
    for (const transaction of gone) {
      this.#fail(transaction, cancelled(transaction.caller.watch.signal));
    }
    this.#pump();
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const overdue = this.#outstanding.all().some(({ due }) => due <= now);
    // Timers come before sockets: after a stall of ours the answer may be there, unread.
    if (overdue) setImmediate(this.#judge);
    else this.#judge();
  }

  readonly #judge = (): void => {
    const now = this.#clock.monotonic();
    let useless: string | undefined;
    for (const transaction of this.#outstanding.all()) {
      if (transaction.due > now) this.#alarm.set(transaction.due, now);
      else useless = this.#overdue(transaction, now) ?? useless;
    }
    if (useless !== undefined) this.#abandon(useless);
    this.#watches.letGo();
    this.#pump();
  };

  /** No answer came in time; gives why the connection is of no more use, if that is so. */
  #overdue(transaction: Transaction, now: number): string | undefined {
    const { exchange, unit, accompanied } = transaction;
    this.#outstanding.end(transaction, now);
    const where = describe(exchange);
    const rests = this.#outstanding.count === 0 || now - this.#lastByte > exchange.timeout / 2;
    if (this.#reader.pending > 0 && rests) {
      this.#fail(transaction, this.#failure("E_MODBUS_FRAME", `${where}: no whole answer`));
      // Where the next frame begins can no longer be told.
      return "half an answer came";
    }
    const waited = `no answer within ${Math.ceil(transaction.wait)} ms`;
    this.#fail(transaction, this.#failure("E_MODBUS_TIMEOUT", `${where}: ${waited}`));
    if (accompanied && !unit.silent && exchange.hurry !== true) this.window.suspect(exchange.unit);
    if (!accompanied) {
      this.window.askedAlone(exchange.unit, false);
      unit.silent = true;
    }
    return this.#silence(transaction, now);
  }

  /** Counts answers that were due without a byte since; what was due at the same time is one. */
  #silence({ sent }: Transaction, now: number): string | undefined {
    if (sent < this.#silentSince) return undefined;
    this.#silentSince = now;
    this.#silences += 1;
    return this.#silences < silenceLimit ? undefined : "nothing was heard for long";
  }

  #opened(): void {
    this.counts.connected += 1;
    this.#served = false;
    this.#silences = 0;
    this.#reader.reset();
    this.#pump();
  }

  /** The other side ended the connection. */
  #hungUp(reason: GatewayError): void {
    const lost = this.#outstanding.drain();
    const rested = this.#served && !this.#heard;
    const several = lost.some(({ accompanied }) => accompanied);
    if (several && !(rested && this.window.proven)) this.window.bar();
    else if (lost.length > 0 && !rested) this.window.restart();
    const begun = this.#reader.pending > 0 ? lost[0] : undefined;
    this.#again(lost, reason, (transaction) => (rested || several) && transaction !== begun);
    this.#pump();
  }

  /** The connection is of no more use. */
  #abandon(why: string): void {
    this.#connection.drop();
    this.window.restart();
    this.#again(this.#outstanding.drain(), this.#failure("E_DISCONNECTED", why), everything);
  }

  #placed(exchange: Exchange, error: unknown): unknown {
    if (!(error instanceof GatewayError)) return error;
    const message = `${this.#name}: ${describe(exchange)}: ${error.message}`;
    return new GatewayError(error.code, message, { cause: error.cause });
  }

  #failure(code: Code, why: string): GatewayError {
    return new GatewayError(code, `${this.#name}: ${why}`);
  }
}

function everything(): boolean {
  return true;
}
