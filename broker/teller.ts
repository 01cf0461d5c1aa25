/** Tells each client, on topics of its own, what it is and what it was refused. */
import type { Clock } from "../telemetry/index.ts";
import type { Refusal } from "./access.ts";
import type { HubClient } from "./client.ts";
import type { HubHooks } from "./contract.ts";
import type { BrokerLimits } from "./options.ts";
import { whoami } from "./whoami.ts";

interface TellerParts {
  readonly hooks: HubHooks;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  publish(topic: string, text: string): Promise<void>;
}

export class Teller {
  readonly #parts: TellerParts;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  /** Once a second at most; further refusals are counted alone. */
  refused(client: HubClient, refused: string, { rule, remedy }: Refusal): void {
    const { hooks, clock } = this.#parts;
    const topic = client.ownTopic(hooks.site, "denied");
    if (topic === undefined || !client.mayBeTold(clock.monotonic())) return;
    this.#tell(topic, { v: 1, refused: refused.slice(0, 256), rule, remedy });
  }

  /** Tells a client that listens now what it is and what it was not given. */
  greet(client: HubClient, topic: string): void {
    const { hooks, limits } = this.#parts;
    if (topic === client.ownTopic(hooks.site, "whoami")) {
      this.#tell(topic, whoami(client, { ...hooks, limits }));
    }
    if (client.notice === undefined || topic !== client.ownTopic(hooks.site, "denied")) return;
    this.refused(client, "a session", client.notice);
    client.notice = undefined;
  }

  #tell(topic: string, body: object): void {
    // Who is gone meanwhile is told nothing.
    this.#parts.publish(topic, JSON.stringify(body)).catch(() => undefined);
  }
}
