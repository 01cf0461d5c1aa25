/** What one subscriber gets of a publish: the hub's answer to aedes, once a delivery. */
import type { Site } from "../telemetry/index.ts";
import { isForOne } from "./access.ts";
import type { HubClient } from "./client.ts";
import type { Direct } from "./direct.ts";
import { nowhere } from "./lead.ts";
import type { Riders } from "./mqtt5/index.ts";
import type { Delivery, Leaving, Subscriber } from "./outgoing.ts";

export interface ForwardParts {
  readonly site: Site;
  readonly outgoing: Leaving;
  readonly riders: Riders;
  /** Whether this broker numbered a publish: another hub of the region does so by itself. */
  readonly isOwn: (brokerId: string | undefined) => boolean;
  readonly direct: Direct;
}

/** The packet as the client gets it by aedes; null: not, not now, or another way. */
export function forwarded<Publish extends Delivery & { readonly topic: string }>(
  packet: Publish,
  [client, entry]: readonly [Subscriber, HubClient],
  { site, outgoing, riders, isOwn, direct }: ForwardParts,
): Publish | null {
  const { topic, payload } = packet;
  // What waited for a client with a session may be more than it is allowed by now.
  const subscribed = client.clean === true && !isForOne(topic);
  const mayHear = topic !== nowhere && (subscribed || entry.mayHear(site, topic));
  const number = isOwn(packet.brokerId) ? packet.brokerCounter : undefined;
  const granted = entry.filters.qosOf(topic, number ?? Number.POSITIVE_INFINITY);
  const waited = packet.messageId !== undefined;
  if (!mayHear || riders.isStale(payload) || (granted < 0 && !waited)) {
    outgoing.withhold(client, packet);
    return null;
  }
  const sent = outgoing.send(client, packet, granted);
  // Nothing can be sent to it for as long as it acknowledges nothing [MQTT-4.8.0-2].
  if (sent === "full") entry.guard.cut("egress");
  // A session is subscribed before its CONNACK: what is lost at QoS 0 then, waits else.
  const early = packet.qos === 0 && !entry.guard.admitted;
  if (sent !== "go" || early) return null;
  return direct.takes(entry.guard, packet, client.clean === true) ? null : packet;
}
