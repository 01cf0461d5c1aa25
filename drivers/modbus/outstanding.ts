/** The requests of one connection that wait for their answers, in the order of sending. */
import type { Transaction } from "./transaction.ts";
import type { Unit } from "./units.ts";

/** Bounded by its user: no more are added than the window allows. */
export class Outstanding {
  #list: Transaction[] = [];
  #id = 0;
  #peak = 0;

  get count(): number {
    return this.#list.length;
  }

  /** Most at once since there was none. */
  get peak(): number {
    return this.#peak;
  }

  get first(): Transaction | undefined {
    return this.#list[0];
  }

  /** As they are now. */
  all(): readonly Transaction[] {
    return this.#list.slice();
  }

  /** A request that is sent now gets its transaction. [MODBUS-TCP 3.1.3] */
  add(transaction: Transaction): void {
    const [first] = this.#list;
    transaction.id = this.#nextId();
    transaction.accompanied = first !== undefined;
    if (first === undefined) this.#peak = 0;
    else first.accompanied = true;
    transaction.unit.outstanding += 1;
    this.#peak = Math.max(this.#peak, this.#list.push(transaction));
    if (transaction.unit.outstanding === 1) transaction.exchange.sent?.();
  }

  find(id: number): Transaction | undefined {
    for (const transaction of this.#list) if (transaction.id === id) return transaction;
    return undefined;
  }

  /** Whether its answer is the next that its unit gives, if that answers in order. */
  inTurn(transaction: Transaction): boolean {
    return transaction === this.first || transaction === this.#firstOf(transaction.unit);
  }

  /** Takes one out that is answered or given up. */
  end(transaction: Transaction, now: number): void {
    const { unit } = transaction;
    const inTurn = this.inTurn(transaction);
    if (transaction === this.first) this.#list.shift();
    else this.#list.splice(this.#list.indexOf(transaction), 1);
    unit.outstanding -= 1;
    unit.ended = now;
    // A unit works on one request after the other: the next one's time begins now.
    if (inTurn && unit.outstanding > 0) this.#firstOf(unit)?.exchange.sent?.();
  }

  /** Takes all out. */
  drain(): Transaction[] {
    const drained = this.#list;
    this.#list = [];
    for (const { unit } of drained) unit.outstanding -= 1;
    return drained;
  }

  /** The whole space of 16 bits, so that a late answer meets no later request. */
  #nextId(): number {
    do this.#id = (this.#id + 1) & 0xffff;
    while (this.find(this.#id) !== undefined);
    return this.#id;
  }

  #firstOf(unit: Unit): Transaction | undefined {
    return this.#list.find((transaction) => transaction.unit === unit);
  }
}
