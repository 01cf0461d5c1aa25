/** A connected client of the broker as the one who asks. */
import type { Site } from "../../telemetry/index.ts";
import type { Grant, Refusal } from "../access.ts";
import type { HubClient } from "../client.ts";
import type { Desk } from "./desk.ts";
import type { Asker } from "./reply.ts";

/** Why what a client publishes on a topic of kind `ask` cannot be answered; undefined: it can. */
export function refuseAsk(
  client: HubClient,
  topic: string,
  { desk, site }: { readonly desk?: Desk | undefined; readonly site: Site },
): Refusal | undefined {
  if (desk?.topic !== topic) {
    const remedy = desk === undefined ? "this hub answers nothing" : `publish on ${desk.topic}`;
    return { rule: "no hub here is asked on this topic", remedy };
  }
  if (client.ownTopic(site, "answer") !== undefined) return undefined;
  const remedy = "use a-z, 0-9, _ and - in its client identifier";
  return { rule: "no answer can reach this client", remedy };
}

/** The client as it asks, always the same; `publish` hands a message on to the broker. */
export function askerOf(
  client: HubClient,
  site: Site,
  publish: (topic: string, payload: string) => Promise<void>,
): Asker | undefined {
  const topic = client.ownTopic(site, "answer");
  const { grant } = client;
  if (topic === undefined || grant === undefined) return undefined;
  client.asker ??= new ClientAsker(client, grant, (payload) => publish(topic, payload));
  return client.asker;
}

class ClientAsker implements Asker {
  readonly user: string;
  readonly name: string;
  readonly grant: Grant;
  readonly gone: AbortSignal;
  readonly #client: HubClient;
  readonly #publish: (payload: string) => Promise<void>;

  constructor(client: HubClient, grant: Grant, publish: (payload: string) => Promise<void>) {
    const { guard, publisher } = client;
    const gone = new AbortController();
    if (guard.destroyed) gone.abort();
    guard.once("close", () => gone.abort());
    this.user = publisher.user;
    this.name = publisher.user === "" ? publisher.id : publisher.user;
    this.grant = grant;
    this.gone = gone.signal;
    this.#client = client;
    this.#publish = publish;
  }

  async send(payload: string): Promise<void> {
    // Whoever has its client identifier next is not answered.
    if (this.gone.aborted) return;
    await this.#publish(payload);
    await this.#client.guard.calm();
  }
}
