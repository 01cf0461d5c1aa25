/** What a hub does about what the other hubs of its region let it know. */
import type { HubHooks, PublishOptions } from "./contract.ts";
import type { Logins } from "./logins.ts";
import type { Neighbours } from "./memory.ts";

type Publish = (topic: string, payload: Uint8Array, options: PublishOptions) => Promise<void>;

export interface NeighbourParts {
  readonly hooks: HubHooks;
  readonly logins: Logins;
  readonly publish: Publish;
}

export function neighboursOf({ hooks, logins, publish }: NeighbourParts): Neighbours {
  return {
    heard: (topic, payload, node) => hooks.heard?.(topic, payload, node),
    gone: (node) => hooks.gone?.(node),
    will({ topic = "", payload = "", qos, retain = false }) {
      const bytes = Buffer.from(payload);
      hooks.heard?.(topic, bytes, undefined);
      // A hub that stops has told its clients' wills to Redis.
      publish(topic, bytes, { retain, qos: qos === 0 ? 0 : 1 }).catch(() => undefined);
    },
    mayLeave: (client, topic) => logins.mayPublish(client, topic),
    end(clients) {
      for (const client of logins.connected(clients)) client.guard.cut("redis");
    },
  };
}
