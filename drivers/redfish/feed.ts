/**
 * How events come: over a stream that the service offers, else by a subscription that makes it call
 * us. A subscription is taken back at the end; one that an earlier life of ours left behind is
 * taken back at the beginning. [DSP0266 eventing]
 */
import type { Address } from "../../config/index.ts";
import { addressText } from "../../config/index.ts";
import type { Clock, Entropy } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import type { Audience } from "../transport/audience.ts";
import type { RedfishClient } from "./client.ts";
import type { Ears } from "./event.ts";
import { EventReader } from "./event.ts";
import type { Json } from "./json.ts";
import { linkOf, list, pathOf, record, rootPath } from "./json.ts";
import type { Call, PushEar } from "./push.ts";
import { SseReader } from "./sse.ts";

/** How often it is looked whether the service still knows of the subscription. @unit ms */
const lookAgain = 300_000;

/** How long taking a subscription back may last. @unit ms */
const farewell = 3000;

/** Subscriptions of a service looked at for old ones of ours. */
const maxSubscriptions = 32;

/** Where and how a service that offers no stream shall call. */
export interface Push {
  /** As the service sees it. */
  readonly address: Address;
  readonly audience: Audience<Call, PushEar>;
}

export interface FeedParts {
  readonly id: string;
  readonly push: Push | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

export class EventFeed {
  readonly #parts: FeedParts;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** @throws E_DEVICE_REFUSED where there is no way, E_DISCONNECTED, and what the client throws */
  async listen(client: RedfishClient, ears: Ears, signal: AbortSignal): Promise<void> {
    const reader = new EventReader(ears, this.#parts.clock);
    try {
      const root = await client.get(rootPath, signal);
      client.learn(root);
      const path = linkOf(root, "EventService");
      const service = path === undefined ? {} : await client.get(path, signal);
      const stream = pathOf(service["ServerSentEventUri"]);
      const subscriptions = linkOf(service, "Subscriptions");
      const { push } = this.#parts;
      if (stream !== undefined) await this.#stream(client, { stream, reader }, signal);
      else if (push !== undefined && subscriptions !== undefined) {
        await this.#subscribe(client, { push, subscriptions, reader }, signal);
      } else throw this.#none(client);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #none({ name }: RedfishClient): GatewayError {
    const why = "it offers no stream of events; give `events: http://HOST:PORT`";
    return new GatewayError("E_DEVICE_REFUSED", `${name}: ${why}`);
  }

  async #stream(
    client: RedfishClient,
    { stream, reader }: { readonly stream: string; readonly reader: EventReader },
    signal: AbortSignal,
  ): Promise<void> {
    const { http, headers } = await client.separate(signal);
    using _connection = http;
    const events = new SseReader((data) => void reader.accept(parsed(data)));
    const ending = new AbortController();
    let status = 0;
    const request = { path: stream, headers: { ...headers, accept: "text/event-stream" } };
    const follower = {
      head: (answer: { readonly status: number }): void => {
        ({ status } = answer);
        if (status !== 200) ending.abort();
      },
      data: (bytes: Uint8Array): void => events.accept(bytes),
    };
    const either = AbortSignal.any([signal, ending.signal]);
    await http.follow(request, follower, either).catch((error: unknown) => {
      if (status === 200 || status === 0) throw error;
    });
    const why = status === 200 ? "the stream of events ended" : `${stream}: status ${status}`;
    const code = status === 200 ? "E_DISCONNECTED" : "E_DEVICE_REFUSED";
    throw new GatewayError(code, `${client.name}: ${why}`);
  }

  async #subscribe(
    client: RedfishClient,
    given: { readonly push: Push; readonly subscriptions: string; readonly reader: EventReader },
    signal: AbortSignal,
  ): Promise<void> {
    const { entropy, id } = this.#parts;
    const { push, subscriptions, reader } = given;
    // It stands in the path, too: not every service sends its context back.
    const token = `${entropy.id()}${entropy.id()}`;
    const path = `/redfish/${id}/${token}`;
    const destination = `${addressText(push.address)}${path}`;
    const ending = new AbortController();
    let failure: unknown;
    const either = AbortSignal.any([signal, ending.signal]);
    const opened = Promise.withResolvers<void>();
    const fail = (error: unknown): void => {
      failure ??= error;
      ending.abort();
      opened.resolve();
    };
    signal.addEventListener("abort", () => opened.resolve(), { once: true });
    const leave = push.audience.join({
      path,
      context: token,
      ready: () => opened.resolve(),
      heard: (call) => {
        if (call.path === path) reader.accept(call.body);
      },
      failed: fail,
    });
    let made: string | undefined;
    try {
      await opened.promise;
      if (!either.aborted) {
        const stale = `${addressText(push.address)}/redfish/${id}/`;
        await this.#takeBackOld(client, { subscriptions, stale }, either);
        made = await this.#make(client, { subscriptions, destination, token }, either);
      }
      if (made !== undefined) await this.#watch(client, made, either);
    } finally {
      leave();
      if (made !== undefined) await this.#takeBack(client, made);
    }
    if (failure !== undefined) throw failure;
  }

  /** A service that was restarted has forgotten it. @throws E_DEVICE_REFUSED then */
  async #watch(client: RedfishClient, path: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#parts.clock, lookAgain, signal);
      if (!signal.aborted) await client.get(path, signal);
    }
  }

  /** @throws E_DEVICE_REFUSED */
  async #make(
    client: RedfishClient,
    to: { readonly subscriptions: string; readonly destination: string; readonly token: string },
    signal: AbortSignal,
  ): Promise<string> {
    const { subscriptions, destination, token } = to;
    const wanted = { Destination: destination, Protocol: "Redfish", Context: token };
    // Services of before 2018 want the kinds of events named. (DSP0268, EventDestination)
    let status = 0;
    for (const body of [wanted, { ...wanted, EventTypes: ["Alert"] }]) {
      const headers = { "content-type": "application/json" };
      const text = JSON.stringify(body);
      const request = { method: "POST", path: subscriptions, headers, body: text } as const;
      const answer = await client.send(request, signal);
      ({ status } = answer);
      if (status >= 200 && status < 300) {
        const { location } = answer.headers;
        const url = location !== undefined && URL.canParse(location, "http://here");
        const named = url ? pathOf(new URL(location, "http://here").pathname) : undefined;
        const made = named ?? linkOf(parsed(answer.body));
        if (made !== undefined) return made;
      }
      if (status !== 400) break;
    }
    const why = `${client.name}: ${subscriptions}: no subscription was made (status ${status})`;
    throw new GatewayError("E_DEVICE_REFUSED", why);
  }

  async #takeBackOld(
    client: RedfishClient,
    { subscriptions, stale }: { readonly subscriptions: string; readonly stale: string },
    signal: AbortSignal,
  ): Promise<void> {
    const listed = await client.get(subscriptions, signal);
    for (const one of list(listed["Members"], maxSubscriptions)) {
      const path = linkOf(one);
      if (path === undefined) continue;
      const body = await client.get(path, signal).catch((): Json => ({}));
      const to = body["Destination"];
      if (typeof to === "string" && to.startsWith(stale)) await this.#takeBack(client, path);
    }
  }

  async #takeBack(client: RedfishClient, path: string): Promise<void> {
    const patience = new AbortController();
    const timer = this.#parts.clock.after(farewell, () => patience.abort());
    await client.send({ method: "DELETE", path }, patience.signal).catch(() => undefined);
    timer.cancel();
  }
}

/** What is no JSON is no event. */
export function parsed(text: string): Json {
  try {
    return record(JSON.parse(text));
  } catch {
    return {};
  }
}
