/** What a client is told of itself when it subscribes to its `whoami` topic. */
import type { Site } from "../telemetry/index.ts";
import { rightsOf } from "./access.ts";
import type { Desk } from "./asking/desk.ts";
import type { HubClient } from "./client.ts";
import type { BrokerLimits } from "./options.ts";

interface Known {
  /** Where the hub is. */
  readonly site: Site;
  readonly limits: BrokerLimits;
  readonly desk?: Desk | undefined;
}

export function whoami(client: HubClient, { site, limits, desk }: Known): object {
  const { publisher, grant } = client;
  const { id, user } = publisher;
  const rights = grant === undefined ? {} : { role: grant.role, ...rightsOf(grant) };
  const asks =
    desk === undefined || grant === undefined
      ? {}
      : {
          ask: desk.topic,
          answer: client.ownTopic(site, "answer"),
          requests: desk.namesFor(grant),
        };
  return {
    v: 1,
    client: id,
    user,
    hub: site,
    ...rights,
    ...asks,
    denied: client.ownTopic(site, "denied"),
    limits: { packet_bytes: limits.packet, subscriptions: limits.subscriptions },
  };
}
