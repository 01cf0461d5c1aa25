/**
 * What aedes remembers when hubs share it. A publish never waits for Redis: what is sent there goes
 * in order and is told by nobody's promise, so that the order of publishes is kept (`in-order.ts`)
 * and a Redis that is away keeps no client from another one of the same hub. While it is away:
 *
 * - retained messages are those of this hub, and written later;
 * - nothing waits for absent clients, and handshakes of QoS 2 rest with this hub alone;
 * - a client that keeps its session can change no subscription: its connection ends.
 */
import { Readable } from "node:stream";
import { GatewayError } from "../../telemetry/index.ts";
import type { RetainedMessage } from "../contract.ts";
import type { HubPersistent } from "../memory.ts";
import type { ClientOf, HubPersistence, Subscribed, Subscription } from "../persistence.ts";
import { eachOnce } from "../overlaps.ts";
import type { Packet } from "../session-queue.ts";
import type { Library } from "./library.ts";
import type { Live } from "./live.ts";
import { SharedOutgoing } from "./outgoing.ts";
import type { SharedRetained } from "./retained.ts";

export interface PersistenceParts {
  readonly node: string;
  /** Undefined while Redis is away. */
  readonly live: () => Live | undefined;
  readonly mirror: HubPersistence;
  readonly retained: SharedRetained;
  readonly granted: (client: string, filter: string) => boolean;
  readonly mayLeave: (client: string, topic: string) => boolean;
  /** A client that begins anew ends what it left. */
  readonly ended: (client: string) => void;
}

export class SharedPersistence implements HubPersistent {
  readonly #parts: PersistenceParts;
  readonly outgoing: SharedOutgoing;
  /** Of clients that are connected here, to be told again to a Redis that has forgotten. */
  readonly wills = new Map<string, Packet>();
  /** Their changes that are under way. */
  readonly #changing = new Map<string, Promise<unknown>>();
  #broker: { readonly id: string } | undefined;
  #destroyed = false;

  constructor(parts: PersistenceParts) {
    this.#parts = parts;
    this.outgoing = new SharedOutgoing(() => parts.live()?.queues);
  }

  get broker(): { readonly id: string } | undefined {
    return this.#broker;
  }

  async setup(broker: { readonly id: string }): Promise<void> {
    await Promise.resolve();
    this.#broker = broker;
  }

  // --- retained ---

  get retainedTopics(): number {
    return this.#parts.mirror.retainedTopics;
  }

  isRetained(topic: string): boolean {
    return this.#parts.mirror.isRetained(topic);
  }

  retainedOf(org: string): number {
    return this.#parts.mirror.retainedOf(org);
  }

  retainedOn(filter: string): Iterable<RetainedMessage> {
    return this.#parts.mirror.retainedOn(filter);
  }

  storeRetained(packet: Packet): Promise<void> {
    this.#parts.retained.store(packet, this.#parts.live()?.connection);
    return Promise.resolve();
  }

  hush(filters: Set<string>): void {
    this.#parts.mirror.hush(filters);
  }

  createRetainedStream(filter: string): Readable {
    return this.#parts.mirror.createRetainedStream(filter);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return this.#parts.mirror.createRetainedStreamCombi(filters);
  }

  // --- subscriptions ---

  async addSubscriptions(client: ClientOf, subscriptions: readonly Subscription[]): Promise<void> {
    const granted = subscriptions.filter(({ topic }) => this.#parts.granted(client.id, topic));
    if (granted.length > 0) await this.#needed().addSubscriptions(client, granted);
  }

  async removeSubscriptions(client: ClientOf, filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await this.#needed().removeSubscriptions(client, filters);
  }

  /** aedes asks for them as it lets a client with a session in. */
  async subscriptionsByClient(client: ClientOf): Promise<Subscription[]> {
    this.#parts.live()?.queues.comes(client.id);
    return await this.#needed().subscriptionsByClient(client);
  }

  async subscriptionsByTopic(topic: string): Promise<Subscribed[]> {
    const found = await this.#library?.subscriptionsByTopic(topic);
    // Those of QoS 0 come in when the library loads.
    return found?.filter(({ qos }) => qos > 0) ?? [];
  }

  async cleanSubscriptions(client: ClientOf): Promise<void> {
    this.#parts.ended(client.id);
    await this.#whileLive(({ subscribers }) => subscribers.library.cleanSubscriptions(client));
  }

  async countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }> {
    return await this.#needed().countOffline();
  }

  getClientList(topic: string): Readable {
    return Readable.from(this.#needed().getClientList(topic));
  }

  // --- what waits for clients ---

  outgoingEnqueue({ clientId }: { readonly clientId: string }, packet: Packet): Promise<void> {
    this.#parts.live()?.queues.add(clientId, packet);
    return Promise.resolve();
  }

  outgoingEnqueueCombi(subscriptions: readonly Subscribed[], packet: Packet): Promise<void> {
    const queues = this.#parts.live()?.queues;
    for (const [client, own] of eachOnce(subscriptions, packet)) queues?.add(client, own);
    return Promise.resolve();
  }

  async outgoingUpdate(client: ClientOf, packet: Packet): Promise<void> {
    // One that its subscription made QoS 0 does not wait for anything.
    if (packet.qos === 0 && packet.cmd !== "pubrel") return;
    await this.#whileLive(({ queues }) => queues.update(client, packet));
  }

  async outgoingClearMessageId(client: ClientOf, packet: Packet): Promise<Packet | undefined> {
    this.outgoing.acked(client, packet);
    return await this.#whileLive(({ queues }) => queues.take(client, packet));
  }

  outgoingStream(client: ClientOf & { readonly clean?: boolean }): Readable {
    const live = this.#parts.live();
    return Readable.from(live === undefined || client.clean === true ? [] : waited(live, client));
  }

  // --- handshakes of QoS 2 ---

  async incomingStorePacket(client: ClientOf, packet: Packet): Promise<void> {
    await (this.#library ?? this.#parts.mirror).incomingStorePacket(client, packet);
  }

  async incomingGetPacket(client: ClientOf, packet: Packet): Promise<object> {
    return await (this.#library ?? this.#parts.mirror).incomingGetPacket(client, packet);
  }

  async incomingDelPacket(client: ClientOf, packet: Packet): Promise<void> {
    await (this.#library ?? this.#parts.mirror).incomingDelPacket(client, packet);
  }

  async cleanIncoming(client: ClientOf): Promise<void> {
    await this.#parts.mirror.cleanIncoming(client);
    await this.#whileLive(({ subscribers }) => subscribers.library.cleanIncoming(client));
  }

  // --- wills ---

  async putWill({ id }: ClientOf, packet: Packet): Promise<void> {
    if (!this.#parts.mayLeave(id, packet.topic ?? "")) return;
    packet.clientId = id;
    packet.brokerId = this.#parts.node;
    this.wills.set(id, packet);
    this.#inTurn(id, (library) => library.putWill({ id }, { ...packet }));
    await Promise.resolve();
  }

  getWill({ id }: ClientOf): Promise<Packet | undefined> {
    return Promise.resolve(this.wills.get(id));
  }

  delWill({ id }: ClientOf): Promise<Packet | undefined> {
    const will = this.wills.get(id);
    if (this.wills.delete(id)) {
      const { node: brokerId } = this.#parts;
      this.#inTurn(id, (library) => library.delWill({ id, brokerId }));
    }
    return Promise.resolve(will);
  }

  /**
   * A client's wills, one after the other, and not waited for: between its subscriptions and its
   * CONNACK nothing may come in from other hubs [MQTT-3.2.0-1].
   */
  #inTurn(id: string, act: (library: Library) => Promise<unknown>): void {
    const live = this.#parts.live();
    if (live === undefined) return;
    const before = this.#changing.get(id) ?? Promise.resolve();
    live.connection.post(id.length, () => {
      const changed = before.then(() => act(live.subscribers.library));
      this.#changing.set(id, changed);
      return changed.finally(() => {
        if (this.#changing.get(id) === changed) this.#changing.delete(id);
      });
    });
  }

  /** Those of hubs that are gone are published by `shared.ts`. */
  streamWill(): Readable {
    return Readable.from([]);
  }

  destroy(): Promise<void> {
    if (this.#destroyed) return Promise.reject(new Error("destroyed called twice!"));
    this.#destroyed = true;
    return Promise.resolve();
  }

  /** What Redis does not answer because it goes away meanwhile is no fault of a client. */
  async #whileLive<T>(act: (live: Live) => Promise<T>): Promise<T | undefined> {
    const live = this.#parts.live();
    try {
      return live && (await act(live));
    } catch (error) {
      if (live?.connection.lost.aborted !== true) throw error;
      return undefined;
    }
  }

  get #library(): Library | undefined {
    return this.#parts.live()?.subscribers.library;
  }

  #needed(): Library {
    const library = this.#library;
    if (library === undefined) throw new GatewayError("E_REDIS", "it is away");
    return library;
  }
}

/** A client that is not sent all of it is ended when Redis is back, as all with a session are. */
async function* waited({ queues, connection }: Live, client: ClientOf): AsyncGenerator<Packet> {
  try {
    yield* queues.all(client);
  } catch (error) {
    if (!connection.lost.aborted) throw error;
  }
}
