/**
 * What leaves to subscribers of a hub that shares a Redis: as `../outgoing.ts` settles it, but what
 * waits for clients with a session waits in Redis, which no delivery can be kept for.
 */
import type { Delivery, Leaving, Sent, Subscriber } from "../outgoing.ts";
import { FlyingIds } from "../packet-ids.ts";
import type { Packet } from "../session-queue.ts";
import type { Queues } from "./queues.ts";

export class SharedOutgoing implements Leaving {
  readonly #queues: () => Queues | undefined;
  /** Identifiers in use by clients that nothing waits for; each ends with its connection. */
  readonly #flying = new FlyingIds<Subscriber>();

  /** @param queues undefined while Redis is away */
  constructor(queues: () => Queues | undefined) {
    this.#queues = queues;
  }

  send(client: Subscriber, packet: Delivery, granted: number): Sent {
    // One that waited, with what was settled when it came.
    if (packet.messageId !== undefined || packet.qos === 0) return "go";
    const queues = client.clean === false ? this.#queues() : undefined;
    if (queues?.holds(client.id, packet) === true) return "wait";
    // [MQTT-3.8.4-6]
    if (granted < packet.qos) packet.qos = granted === 1 ? 1 : 0;
    if (packet.qos === 0) {
      queues?.withdraw(client.id, packet);
      return "go";
    }
    packet.messageId = queues === undefined ? this.#flying.next(client) : queues.nextId(client.id);
    return packet.messageId === undefined ? "full" : "go";
  }

  withhold({ id, clean }: Subscriber, packet: Packet): void {
    if (clean === false) this.#queues()?.withdraw(id, packet);
  }

  /** An acknowledgement came. */
  acked(client: Subscriber, { messageId }: Packet): void {
    if (messageId !== undefined) this.#flying.release(client, messageId);
  }
}
