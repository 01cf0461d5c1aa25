/**
 * What aedes remembers, in its persistence interface: retained messages, and of clients that keep
 * their session (CleanSession 0) subscriptions and what was published meanwhile [MQTT-3.1.2-4]. All
 * in memory, by trees, so that neither a SUBSCRIBE nor a PUBLISH looks at everything; changes are
 * told to whoever keeps them over a restart.
 *
 * Bounds: retained topics by the hub; sessions, and messages and bytes of each, here: the oldest
 * message goes first, counted, unless it is on its way. Wills, and handshakes of QoS 2 that clients
 * began, end with the process.
 */
import { Readable } from "node:stream";
import type { RetainedMessage } from "./contract.ts";
import { eachOnce } from "./overlaps.ts";
import type { Subscriber } from "./outgoing.ts";
import { Outgoing } from "./outgoing.ts";
import { orgOfTopic } from "./retained.ts";
import type { Packet, QueueLimits } from "./session-queue.ts";
import { SessionQueue, waiting } from "./session-queue.ts";
import { TopicTree } from "./topic-tree.ts";

export interface Subscription {
  readonly topic: string;
  readonly qos: number;
  readonly rh?: number | undefined;
  readonly rap?: boolean | undefined;
  readonly nl?: boolean | undefined;
}

export interface ClientOf {
  readonly id: string;
}

/** A session as it is kept; its messages are told one by one. */
export interface KeptSession {
  readonly subscriptions: readonly Subscription[];
}

/** Hears what changed. */
export interface Changes {
  retained(topic: string, packet: Packet | undefined): void;
  session(client: string, session: KeptSession | undefined): void;
  queued(client: string, seq: number, packet: Packet | undefined): void;
}

export interface PersistenceParts {
  readonly limits: QueueLimits;
  readonly changes: Changes;
  /** Whether a client may have a subscription: aedes hands over refused ones too. */
  readonly granted: (client: string, filter: string) => boolean;
  /** Whether a client that comes takes up a session; left out: no client does. */
  readonly resumes?: (client: string) => boolean;
}

/**
 * Stands for the subscriptions of a session that has none: aedes takes such a session for a new
 * one, and says so in its CONNACK [MQTT-3.2.2-2]. It is never subscribed to.
 */
export const noFilter = "$none";

/** Somebody with a session who is to get a message. */
export interface Subscribed {
  readonly clientId: string;
  readonly qos?: number;
  readonly rap?: boolean | undefined;
}

interface Session {
  readonly subscriptions: Map<string, Subscription>;
  readonly queue: SessionQueue;
}

type Broker = { readonly id: string };

export class HubPersistence {
  readonly outgoing: Outgoing;
  readonly #parts: PersistenceParts;
  readonly #retained = new TopicTree<Packet>();
  /** By `region/org`; bounded by the topics. */
  readonly #retainedOf = new Map<string, number>();
  readonly #sessions = new Map<string, Session>();
  /** Who subscribed to a filter at QoS 1 or 2. */
  readonly #filters = new TopicTree<Map<string, Subscription>>();
  readonly #incoming = new Map<string, Map<number, Packet>>();
  readonly #wills = new Map<string, Packet>();
  readonly #hushed = new Set<string>();
  #subscriptions = 0;
  #broker: Broker | undefined;
  #destroyed = false;
  /** Messages given up because their session was full. */
  shed = 0;

  constructor(parts: PersistenceParts) {
    this.#parts = parts;
    const queueOf = (client: string): SessionQueue | undefined => this.#sessions.get(client)?.queue;
    this.outgoing = new Outgoing({ limits: parts.limits, queueOf });
  }

  get broker(): Broker | undefined {
    return this.#broker;
  }

  async setup(broker: Broker): Promise<void> {
    // aedes wants an async function, and looks whether it is one.
    await Promise.resolve();
    this.#broker = broker;
  }

  // --- what was kept ---

  /** Clients that have a session. */
  get clients(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  get retainedTopics(): number {
    return this.#retained.size;
  }

  isRetained(topic: string): boolean {
    return this.#retained.get(topic) !== undefined;
  }

  /** Topics of `region/org` that hold a message. */
  retainedOf(org: string): number {
    return this.#retainedOf.get(org) ?? 0;
  }

  /** The packet that a topic retains. */
  retainedAt(topic: string): Packet | undefined {
    return this.#retained.get(topic);
  }

  restoreRetained(topic: string, packet: Packet): void {
    this.#retain(topic, packet);
  }

  #retain(topic: string, packet: Packet | undefined): void {
    const before = this.#retained.size;
    if (packet === undefined) this.#retained.delete(topic);
    else this.#retained.set(topic, packet);
    const more = this.#retained.size - before;
    if (more === 0) return;
    const org = orgOfTopic(topic);
    const count = this.retainedOf(org) + more;
    if (count > 0) this.#retainedOf.set(org, count);
    else this.#retainedOf.delete(org);
  }

  restoreSession(client: string, { subscriptions }: KeptSession): void {
    // What is on its way to a client outlives its subscription [MQTT-3.10.4-3].
    this.#sessionOf(client);
    for (const subscription of subscriptions) this.#subscribe(client, subscription);
  }

  /** In the order of their numbers. A message without its session is of no use. */
  restoreQueued(client: string, seq: number, packet: Packet): void {
    const session = this.#sessions.get(client);
    if (session === undefined) this.#parts.changes.queued(client, seq, undefined);
    else session.queue.restore(seq, packet);
  }

  /** Forgets a client's session with all that waits for it. */
  forget(client: string): void {
    const session = this.#sessions.get(client);
    this.#incoming.delete(client);
    for (const filter of session?.subscriptions.keys() ?? []) this.#unsubscribe(client, filter);
    session?.queue.clear();
    this.#sessions.delete(client);
    this.#parts.changes.session(client, undefined);
  }

  // --- retained ---

  storeRetained(packet: Packet): Promise<void> {
    const { topic = "", payload = "" } = packet;
    this.#retain(topic, payload.length === 0 ? undefined : { ...packet });
    this.#parts.changes.retained(topic, this.#retained.get(topic));
    return Promise.resolve();
  }

  /** The retained messages on topics that a filter matches. */
  *retainedOn(filter: string): Generator<RetainedMessage> {
    for (const { topic = "", payload = "" } of this.#retained.matching(filter)) {
      yield { topic, payload: Buffer.from(payload) };
    }
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  /** The next stream of retained messages leaves out what these filters alone match. */
  hush(filters: Set<string>): void {
    for (const filter of filters) this.#hushed.add(filter);
    filters.clear();
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const tree = this.#retained;
    const wanted = filters.filter((filter) => !this.#hushed.has(filter));
    this.#hushed.clear();
    function* found(): Generator<Packet> {
      for (const filter of wanted) yield* tree.matching(filter);
    }
    return Readable.from(found());
  }

  // --- subscriptions ---

  addSubscriptions({ id }: ClientOf, subscriptions: readonly Subscription[]): Promise<void> {
    for (const subscription of subscriptions) {
      if (this.#parts.granted(id, subscription.topic)) this.#subscribe(id, subscription);
    }
    this.#tellSession(id);
    return Promise.resolve();
  }

  removeSubscriptions({ id }: ClientOf, filters: readonly string[]): Promise<void> {
    for (const filter of filters) this.#unsubscribe(id, filter);
    this.#tellSession(id);
    return Promise.resolve();
  }

  subscriptionsByClient({ id }: ClientOf): Promise<Subscription[]> {
    const found = [...(this.#sessions.get(id)?.subscriptions.values() ?? [])];
    if (found.length === 0 && this.#parts.resumes?.(id) === true) {
      found.push({ topic: noFilter, qos: 0 });
    }
    return Promise.resolve(found);
  }

  subscriptionsByTopic(topic: string): Promise<(Subscription & { readonly clientId: string })[]> {
    const found: (Subscription & { readonly clientId: string })[] = [];
    if (this.#filters.size === 0) return Promise.resolve(found);
    for (const clients of this.#filters.matchedBy(topic)) {
      for (const [clientId, subscription] of clients) found.push({ clientId, ...subscription });
    }
    return Promise.resolve(found);
  }

  cleanSubscriptions({ id }: ClientOf): Promise<void> {
    this.forget(id);
    return Promise.resolve();
  }

  countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }> {
    const clientsCount = [...this.#sessions.values()].filter(
      ({ subscriptions }) => subscriptions.size > 0,
    ).length;
    return Promise.resolve({ subsCount: this.#subscriptions, clientsCount });
  }

  getClientList(topic: string): Readable {
    const sessions = [...this.#sessions].filter(([, one]) => one.subscriptions.has(topic));
    return Readable.from(sessions.map(([client]) => client));
  }

  #subscribe(client: string, { topic, qos, rh, rap, nl, ...more }: Subscription): void {
    const session = this.#sessionOf(client);
    this.#unsubscribe(client, topic);
    const subscription = { topic, qos, rh, rap, nl, ...subscriptionId(more) };
    session.subscriptions.set(topic, subscription);
    if (qos === 0) return;
    const clients = this.#filters.get(topic) ?? new Map<string, Subscription>();
    clients.set(client, { topic, qos, rh, rap, nl });
    this.#filters.set(topic, clients);
    this.#subscriptions += 1;
  }

  #unsubscribe(client: string, filter: string): void {
    this.#sessions.get(client)?.subscriptions.delete(filter);
    const clients = this.#filters.get(filter);
    if (clients?.delete(client) !== true) return;
    this.#subscriptions -= 1;
    if (clients.size === 0) this.#filters.delete(filter);
  }

  #sessionOf(client: string): Session {
    const known = this.#sessions.get(client);
    if (known !== undefined) return known;
    const { changes } = this.#parts;
    const session = {
      subscriptions: new Map<string, Subscription>(),
      queue: new SessionQueue((seq, packet) => changes.queued(client, seq, packet)),
    };
    this.#sessions.set(client, session);
    return session;
  }

  #tellSession(client: string): void {
    const session = this.#sessions.get(client);
    if (session === undefined) return;
    const subscriptions = [...session.subscriptions.values()];
    this.#parts.changes.session(client, { subscriptions });
  }

  // --- what waits for clients ---

  outgoingEnqueue({ clientId }: { readonly clientId: string }, packet: Packet): Promise<void> {
    this.#enqueue(clientId, packet);
    return Promise.resolve();
  }

  outgoingEnqueueCombi(subscriptions: readonly Subscribed[], packet: Packet): Promise<void> {
    for (const [client, own] of eachOnce(subscriptions, packet)) this.#enqueue(client, own);
    return Promise.resolve();
  }

  #enqueue(client: string, packet: Packet): void {
    this.shed += this.#sessionOf(client).queue.add(packet, this.#parts.limits);
  }

  outgoingUpdate(client: Subscriber, packet: Packet): Promise<void> {
    const isRelease = packet.cmd === "pubrel";
    // One that its subscription made QoS 0 does not wait for anything.
    if (packet.qos === 0 && !isRelease) return Promise.resolve();
    this.outgoing.writing(client, packet);
    const known = this.#sessions.get(client.id)?.queue.update(packet) === true;
    // What a client thinks is on its way and is not, ends with the same handshake.
    return known || isRelease ? Promise.resolve() : Promise.reject(new Error("no such packet"));
  }

  outgoingClearMessageId(client: Subscriber, packet: Packet): Promise<Packet | undefined> {
    this.outgoing.acked(client, packet);
    return Promise.resolve(this.#sessions.get(client.id)?.queue.take(packet));
  }

  outgoingStream(client: Subscriber): Readable {
    const queue = this.#sessions.get(client.id)?.queue;
    return Readable.from(
      client.clean === undefined ? (queue?.packets ?? []) : this.outgoing.follow(client),
    );
  }

  // --- handshakes of QoS 2, wills ---

  incomingStorePacket({ id }: ClientOf, packet: Packet): Promise<void> {
    const packets = this.#incoming.get(id) ?? new Map<number, Packet>();
    const { messageId = 0 } = packet;
    packets.set(messageId, { ...waiting(packet), messageId });
    this.#incoming.set(id, packets);
    return Promise.resolve();
  }

  incomingGetPacket({ id }: ClientOf, { messageId = 0 }: Packet): Promise<Packet> {
    const packet = this.#incoming.get(id)?.get(messageId);
    return packet === undefined
      ? Promise.reject(new Error("no such packet"))
      : Promise.resolve(packet);
  }

  incomingDelPacket({ id }: ClientOf, { messageId = 0 }: Packet): Promise<void> {
    return this.#incoming.get(id)?.delete(messageId) === true
      ? Promise.resolve()
      : Promise.reject(new Error("no such packet"));
  }

  cleanIncoming({ id }: ClientOf): Promise<void> {
    this.#incoming.delete(id);
    return Promise.resolve();
  }

  putWill({ id }: ClientOf, packet: Packet): Promise<void> {
    if (this.#broker !== undefined) packet.brokerId = this.#broker.id;
    packet.clientId = id;
    this.#wills.set(id, packet);
    return Promise.resolve();
  }

  getWill({ id }: ClientOf): Promise<Packet | undefined> {
    return Promise.resolve(this.#wills.get(id));
  }

  delWill({ id }: ClientOf): Promise<Packet | undefined> {
    const will = this.#wills.get(id);
    this.#wills.delete(id);
    return Promise.resolve(will);
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    const wills = [...this.#wills.values()];
    return Readable.from(wills.filter(({ brokerId = "" }) => brokers[brokerId] === undefined));
  }

  destroy(): Promise<void> {
    if (this.#destroyed) return Promise.reject(new Error("destroyed called twice!"));
    this.#destroyed = true;
    return Promise.resolve();
  }
}

/** MQTT 5 has it; it is kept where it was given. */
function subscriptionId(more: object): object {
  return "subscriptionIdentifier" in more && more.subscriptionIdentifier !== undefined
    ? { subscriptionIdentifier: more.subscriptionIdentifier }
    : {};
}
