/**
 * What leaves to subscribers: at which QoS, under which packet identifier, in which order. aedes
 * gives a message the QoS of whichever matching subscription it comes to first, counts packet
 * identifiers up without a look at those in use, sends again without DUP, and lets a live message
 * overtake what waited for its client. So each subscription is one of QoS 2 inside aedes
 * (`subscribedAs`), and what a client is to get is settled here, where aedes asks for leave.
 */
import { FlyingIds } from "./packet-ids.ts";
import type { Packet, QueueLimits, SessionQueue } from "./session-queue.ts";

/** A client as aedes has it, the same object as long as its connection lives. */
export interface Subscriber {
  readonly id: string;
  readonly clean?: boolean;
}

/** A publish on its way to one subscriber. */
export interface Delivery extends Packet {
  qos: 0 | 1 | 2;
}

/** `wait`: not now; it comes in its turn, if at all. `full`: no identifier is free. */
export type Sent = "go" | "wait" | "full";

/** What the hub asks for as aedes asks for leave. */
export interface Leaving {
  /** Settles QoS and packet identifier of a message, live or retained. */
  send(client: Subscriber, packet: Delivery, granted: number): Sent;
  /** One that its client may not hear waits for it no longer. */
  withhold(client: Subscriber, packet: Packet): void;
}

interface OutgoingParts {
  readonly limits: QueueLimits;
  readonly queueOf: (client: string) => SessionQueue | undefined;
}

export class Outgoing implements Leaving {
  readonly #parts: OutgoingParts;
  /** Identifiers in use by clients without a session; each ends with its connection. */
  readonly #flying = new FlyingIds<Subscriber>();
  /** Clients that were sent all that waited. */
  readonly #caughtUp = new WeakSet<Subscriber>();
  /** What clients that catch up were given and aedes has not written yet, by identifier. */
  readonly #underWay = new WeakMap<Subscriber, UnderWay>();

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  send(client: Subscriber, packet: Delivery, granted: number): Sent {
    // One that waited, with what was settled when it came.
    if (packet.messageId !== undefined || packet.qos === 0) return "go";
    const queue = client.clean === false ? this.#parts.queueOf(client.id) : undefined;
    // [MQTT-3.8.4-6]
    if (granted < packet.qos) packet.qos = granted === 1 ? 1 : 0;
    if (packet.qos === 0) {
      queue?.withdraw(packet);
      return "go";
    }
    if (queue === undefined) packet.messageId = this.#flying.next(client);
    else if (isKept(packet)) packet.messageId = queue.pass(packet, this.#parts.limits);
    else {
      if (this.#caughtUp.has(client)) packet.messageId = queue.send(packet);
      // Without one it had to go, its session being full.
      return packet.messageId === undefined ? "wait" : "go";
    }
    return packet.messageId === undefined ? "full" : "go";
  }

  withhold({ id, clean }: Subscriber, packet: Packet): void {
    if (clean === false) this.#parts.queueOf(id)?.withdraw(packet);
  }

  /** An acknowledgement came. */
  acked(client: Subscriber, { messageId }: Packet): void {
    if (messageId !== undefined) this.#flying.release(client, messageId);
  }

  /**
   * All that waits for a client, in order, and what comes meanwhile behind it [MQTT-4.6.0-6]; only
   * when the last was written do live messages go straight to it.
   */
  async *follow(client: Subscriber): AsyncGenerator<Packet> {
    const underWay = new UnderWay();
    this.#underWay.set(client, underWay);
    let seq = -1;
    for (;;) {
      const next = this.#parts.queueOf(client.id)?.after(seq);
      if (next !== undefined) {
        seq = next.seq;
        underWay.add(next.packet.messageId);
        yield next.packet;
      } else if (underWay.size > 0) await underWay.change();
      else break;
    }
    this.#underWay.delete(client);
    this.#caughtUp.add(client);
  }

  /** aedes is about to write a packet. */
  writing(client: Subscriber, { messageId }: Packet): void {
    this.#underWay.get(client)?.delete(messageId);
  }
}

/** Whether it is a retained one that a SUBSCRIBE brings: nobody publishes it now. */
function isKept({ brokerId }: Delivery): boolean {
  return (brokerId ?? "") === "";
}

/** Packets between the session's queue and the wire: a stream's few. */
class UnderWay {
  readonly #ids = new Set<number | undefined>();
  #changed: (() => void) | undefined;

  get size(): number {
    return this.#ids.size;
  }

  add(id: number | undefined): void {
    this.#ids.add(id);
  }

  delete(id: number | undefined): void {
    if (this.#ids.delete(id)) this.#changed?.();
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}
