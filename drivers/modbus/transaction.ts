/** One request on a Modbus TCP connection, from the call to its answer. */
import type { Exchange } from "./exchange.ts";
import { fitsReply } from "./pdu.ts";
import type { Unit } from "./units.ts";
import type { Watch } from "./watches.ts";

/** How its caller is told. */
export interface Caller {
  readonly resolve: (reply: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  readonly watch: Watch;
}

export class Transaction {
  readonly unit: Unit;
  readonly exchange: Exchange;
  readonly caller: Caller;
  id = 0;
  /** @unit ms, monotonic */
  sent = 0;
  /** How long its unit may take. @unit ms */
  wait: number;
  /** Others were outstanding while it was. */
  accompanied = false;
  /** It has been sent before, and lost without its fault. */
  again = false;

  constructor(unit: Unit, exchange: Exchange, caller: Caller) {
    this.unit = unit;
    this.exchange = exchange;
    this.caller = caller;
    this.wait = exchange.timeout;
  }

  get cancelled(): boolean {
    return this.caller.watch.signal.aborted;
  }

  /** When its unit began with it: it works on one request after the other. @unit ms, monotonic */
  get begun(): number {
    return Math.max(this.sent, this.unit.answered);
  }

  /** When its unit has had its time. @unit ms, monotonic */
  get due(): number {
    return this.begun + this.wait;
  }

  /** Why a frame with its id is not its answer; undefined: it is. [MODBUS-TCP 3.1.3] */
  mismatch(unit: number, pdu: Uint8Array): string | undefined {
    const asked = this.exchange;
    if (unit !== asked.unit) return `unit ${unit} answered for unit ${asked.unit}`;
    return fitsReply(asked.pdu, pdu) ? undefined : "the answer is for another request";
  }
}
