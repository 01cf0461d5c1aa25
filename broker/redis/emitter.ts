/**
 * Hands publishes to subscribers: to those of this hub at once, whatever Redis does, and to the
 * other hubs by the wire. In front of it stands `in-order.ts`, so both hear them in the order of
 * their numbers, which is what aedes tells repetitions by.
 */
import mqemitter from "mqemitter";
import { nowhere } from "../lead.ts";
import type { Packet } from "../session-queue.ts";

type Deliver = (message: object, done: () => void) => void;

/** aedes' `mq`. */
export class Emitter {
  readonly #local = mqemitter({ concurrency: 0, matchEmptyLevels: true });
  readonly #tell: (packet: Packet) => void;

  /** @param tell hands a publish of this hub to the others */
  constructor(tell: (packet: Packet) => void) {
    this.#tell = tell;
  }

  on(topic: string, deliver: Deliver, done?: () => void): this {
    this.#local.on(topic, deliver, done);
    return this;
  }

  removeListener(topic: string, deliver: Deliver, done?: () => void): this {
    this.#local.removeListener(topic, deliver, done);
    return this;
  }

  emit(packet: Packet & { readonly topic: string }, done: (error?: Error) => void): void {
    if (isForOthers(packet.topic)) this.#tell(packet);
    this.#local.emit({ ...packet }, done);
  }

  /** One of another hub. */
  take(packet: Packet): void {
    const { topic = "" } = packet;
    this.#local.emit({ ...packet, topic }, () => undefined);
  }

  close(done: () => void): void {
    this.#local.close(done);
  }
}

/** Of what a broker says of itself others need what ends a client that has come here. */
function isForOthers(topic: string): boolean {
  if (topic === nowhere) return false;
  return !topic.startsWith("$SYS/") || topic.endsWith("/new/clients") || topic.endsWith("/birth");
}
