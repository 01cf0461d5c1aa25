/** A connected client of the broker as the one who asks. */
import type { Site } from "../../telemetry/index.ts";
import type { Grant, Refusal } from "../access.ts";
import type { HubClient } from "../client.ts";
import type { Desk } from "./desk.ts";
import type { Asker } from "./reply.ts";

interface DoorParts {
  readonly desk?: Desk | undefined;
  readonly site: Site;
  readonly publish: (topic: string, payload: string) => Promise<void>;
  /** A connected client of a user, by its client identifier. */
  readonly clientOf: (user: string, id: string) => HubClient | undefined;
}

/** Between the broker's clients and the desk. */
export class AskDoor {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** Why what a client publishes on a topic of kind `ask` cannot be answered; undefined: it can. */
  refuse(client: HubClient, topic: string): Refusal | undefined {
    const { desk, site } = this.#parts;
    if (desk?.topic !== topic) {
      const remedy = desk === undefined ? "this hub answers nothing" : `publish on ${desk.topic}`;
      return { rule: "no hub here is asked on this topic", remedy };
    }
    if (client.ownTopic(site, "answer") !== undefined) return undefined;
    const remedy = "use a-z, 0-9, _ and - in its client identifier";
    return { rule: "no answer can reach this client", remedy };
  }

  take(client: HubClient, payload: Uint8Array): void {
    const { desk, clientOf } = this.#parts;
    const asker = this.#askerOf(client);
    const other = (id: string): Asker | undefined =>
      this.#askerOf(clientOf(client.publisher.user, id));
    if (asker !== undefined) desk?.take(payload, asker, other);
  }

  /** A client as it asks, always the same. */
  #askerOf(client: HubClient | undefined): Asker | undefined {
    const { site, publish } = this.#parts;
    const topic = client?.ownTopic(site, "answer");
    const grant = client?.grant;
    if (client === undefined || topic === undefined || grant === undefined) return undefined;
    client.asker ??= new ClientAsker(client, grant, (payload) => publish(topic, payload));
    return client.asker;
  }
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
