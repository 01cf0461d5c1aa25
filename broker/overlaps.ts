/** Subscriptions of absent clients that match one publish, each client's settled to one. */
import type { Subscribed } from "./persistence.ts";
import type { Packet } from "./session-queue.ts";

/** A client's filters may overlap: it hears a message once, as its best filter wants it. */
export function* eachOnce(
  subscriptions: readonly Subscribed[],
  packet: Packet,
): Generator<readonly [client: string, packet: Packet]> {
  const best = new Map<string, Subscribed>();
  for (const one of subscriptions) {
    if ((best.get(one.clientId)?.qos ?? -1) < (one.qos ?? 2)) best.set(one.clientId, one);
  }
  for (const [client, { qos = 2, rap = false }] of best) {
    const retain = rap && packet.retain === true; // [MQTT-3.3.1-9]
    yield [client, { ...packet, retain, qos: Math.min(packet.qos ?? 0, qos) }];
  }
}
