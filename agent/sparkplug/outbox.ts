/**
 * What an edge node has to say on one connection, in order and one at a time: each message is made
 * when its turn comes, so that sequence numbers go out as they were given. Dropped with the
 * connection.
 */
import type { Message } from "../uplink.ts";

/** Messages that may wait for the link. */
const maxWaiting = 1000;

export class Outbox {
  readonly #send: (message: Message) => Promise<void>;
  #waiting: (() => Message)[] = [];
  #busy = false;

  constructor(send: (message: Message) => Promise<void>) {
    this.#send = send;
  }

  /** False when too many wait: then it is not taken. */
  push(make: () => Message): boolean {
    if (this.#waiting.length >= maxWaiting) return false;
    this.add(make);
    return true;
  }

  /** Takes it however many wait: for births, of which there is one a device. */
  add(make: () => Message): void {
    this.#waiting.push(make);
    if (!this.#busy) void this.#run();
  }

  /** What waits is said no more. @returns how many */
  clear(): number {
    const { length } = this.#waiting;
    this.#waiting = [];
    return length;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (let make = this.#waiting.shift(); make !== undefined; make = this.#waiting.shift()) {
      // A link that fails goes down, and all is said anew on the next.
      await this.#send(make()).catch(() => undefined);
    }
    this.#busy = false;
  }
}
