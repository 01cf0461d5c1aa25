/**
 * The MQTT broker, 3.1.1: the only door to aedes. In front of it stand listeners and guards, inside
 * it the hooks for login, access and back-pressure. What must be known of aedes 1.2:
 *
 * - PUBACK leaves before any hook that could store: it is transport, `stored` settles the spool.
 * - An error in `authorizePublish` closes the connection, and the client would come back and send
 *   the same again for ever. A refused publish is therefore acknowledged and led to a topic that
 *   reaches nobody; the client is told on its `denied` topic.
 * - `concurrency: 0`, since each parked delivery would hold one of its slots; the guard parks only
 *   retained messages at a SUBSCRIBE.
 *
 * Sessions of absent clients and retained messages have bounds, in number, bytes and time, and
 * outlive a restart (`sessions.ts`) [MQTT 4.1].
 */
import type { Duplex } from "node:stream";
import type { AedesOptions, Client, PublishPacket } from "aedes";
import { Aedes } from "aedes";
import type { Platform } from "../telemetry/index.ts";
import { decodeSetRequest, encodeSetRequest, GatewayError, messageOf } from "../telemetry/index.ts";
import type { Refusal } from "./access.ts";
import { isForOne, refuseSubscribe } from "./access.ts";
import { AskDoor } from "./asking/asker.ts";
import { HubClient } from "./client.ts";
import type { Hub, HubHooks, PublishOptions, RetainedMessage } from "./contract.ts";
import { Counters } from "./counters.ts";
import { Guard } from "./guard.ts";
import type { Login, LoginAttempt } from "./identity.ts";
import { keepOrder } from "./in-order.ts";
import { Lane } from "./lane.ts";
import type { Listener, Peer } from "./listeners.ts";
import { openListener } from "./listeners.ts";
import type { LoginProblem } from "./logins.ts";
import { identifierRejected, Logins } from "./logins.ts";
import { membership } from "./networks.ts";
import type { BrokerOptions } from "./options.ts";
import { Rate } from "./rate.ts";
import { Sessions } from "./sessions.ts";
import { TlsFiles } from "./tls.ts";
import { whoami } from "./whoami.ts";

/**
 * Starts the broker and its listeners.
 * @throws E_SECRET_MISSING, E_CONFIG, E_ADDRESS_IN_USE, E_ADDRESS_REFUSED
 */
export async function startHub(
  options: BrokerOptions,
  platform: Platform,
  hooks: HubHooks,
): Promise<Hub> {
  const hub = new AedesHub(options, platform, hooks);
  try {
    await hub.open();
  } catch (error) {
    await hub[Symbol.asyncDispose]();
    throw error;
  }
  return hub;
}

/** Where refused publishes end. Only an admin's `$SYS/#` matches; `authorizeForward` stops it. */
const nowhere = "$SYS/refused";

/** Last levels of the topics that wait for room. */
const roomKinds: ReadonlySet<string> = new Set(["telemetry", "backfill", "event"]);

/** A WebSocket message may hold a packet and the start of others. @unit bytes */
const besidePacket = 65_536;

interface Attempt {
  readonly client: Client;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
}

type LoginDone = Parameters<NonNullable<AedesOptions["authenticate"]>>[3];

class AedesHub implements Hub {
  readonly counters = new Counters();
  readonly #options: BrokerOptions;
  readonly #platform: Platform;
  readonly #hooks: HubHooks;
  readonly #listeners: Listener[] = [];
  /** By aedes' own client; bounded by `limits.connections`, as is the next. */
  readonly #clients = new WeakMap<Client, HubClient>();
  readonly #guards = new Set<Guard>();
  readonly #logins: Logins;
  readonly #door: AskDoor;
  readonly #tls: TlsFiles | undefined;
  #broker: Aedes | undefined;
  #sessions: Sessions | undefined;

  /** @throws E_SECRET_MISSING, E_CONFIG when the files of `tls` do not do */
  constructor(options: BrokerOptions, platform: Platform, hooks: HubHooks) {
    this.#options = options;
    this.#platform = platform;
    this.#hooks = hooks;
    this.#tls = options.tls && new TlsFiles(options.tls, platform);
    this.#logins = new Logins(options, { ...platform, site: hooks.site, counters: this.counters });
    this.#door = new AskDoor({
      ...hooks,
      publish: (topic, text) => this.publish(topic, text, { qos: 1 }),
      clientOf: (user, id) => this.#logins.clientOf(user, id),
    });
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async open(): Promise<void> {
    const sessions = await Sessions.open({
      ...this.#platform,
      options: this.#options.sessions,
      keep: this.#hooks.keep,
      granted: (client, filter) => this.#logins.holds(client, filter),
    });
    this.#sessions = sessions;
    const broker = await Aedes.createBroker(this.#aedesOptions(sessions));
    this.#broker = broker;
    keepOrder(broker);
    broker.on("connackSent", ({ returnCode }, client) => {
      if (returnCode === 0) this.#clients.get(client)?.guard.admit();
    });
    broker.on("subscribe", (subscriptions, client) => {
      const entry = this.#clients.get(client);
      if (entry === undefined) return;
      const own = entry.ownTopic(this.#hooks.site, "whoami");
      if (own === undefined || !subscriptions.some(({ topic }) => topic === own)) return;
      const about = whoami(entry, { ...this.#hooks, limits: this.#options.limits });
      this.publish(own, JSON.stringify(about)).catch(() => undefined);
    });
    broker.on("keepaliveTimeout", (client) => this.#clients.get(client)?.guard.cut("keepalive"));
    broker.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#clients.get(client)?.filters.delete(filter);
    });
    broker.addListener("error", (error: unknown) => {
      this.#platform.log.error("broker failed", { problem: String(error) });
    });
    for (const address of this.#options.listen) {
      const listener = await openListener(address, {
        message: this.#options.limits.packet + besidePacket,
        connections: this.#options.limits.connections,
        clock: this.#platform.clock,
        tls: this.#tls,
        proxied: membership(this.#options.proxies),
        accept: (stream, peer) => this.accept(stream, peer),
        refused: (reason) => this.counters.countRejected(reason),
      });
      this.#listeners.push(listener);
    }
  }

  #aedesOptions(sessions: Sessions): AedesOptions {
    return {
      persistence: sessions.persistence,
      concurrency: 0,
      heartbeatInterval: 60_000,
      // The guard's own deadline is 10 s of the platform's clock; this one is the second belt.
      connectTimeout: 30_000,
      drainTimeout: 0,
      maxInflightInbound: this.#options.limits.inflight,
      preConnect: (_client, packet, done) => {
        if (!packet.clean && !sessions.allows(packet.clientId)) packet.clean = true;
        done(null, true);
      },
      authenticate: (...[client, user, password, done]) => {
        void this.#login({ client, user, password }, done);
      },
      authorizePublish: (client, packet, done) => this.#authorize(client, packet, () => done()),
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null);
      },
      authorizeForward: (client, packet) =>
        packet.topic !== nowhere && this.#mayHear(client, packet.topic) ? packet : null,
      published: (packet, client: Client | null, done) => {
        const from = client === null ? undefined : this.#clients.get(client);
        // Only here is a QoS 2 publish free of its repetitions.
        if (from !== undefined && packet.qos === 2) this.#hand(from, packet);
        done();
      },
    };
  }

  accept(stream: Duplex, peer: Peer): void {
    const { limits } = this.#options;
    const { clock } = this.#platform;
    const broker = this.#broker;
    if (broker === undefined || broker.closed) {
      stream.destroy();
      return;
    }
    if (this.counters.connections >= limits.connections) {
      this.counters.countRejected("connections");
      stream.on("error", () => undefined).destroy();
      return;
    }
    this.counters.connections += 1;
    const { packet, egress } = limits;
    const guard = new Guard(stream, { packet, egress, clock, counters: this.counters });
    const lane = new Lane((needsRoom) => this.#roomFor(client, needsRoom), clock);
    const rate = new Rate(limits.rate, clock);
    const client: HubClient = new HubClient({ guard, lane, peer, rate });
    this.#guards.add(guard);
    guard.once("close", () => {
      this.counters.connections -= 1;
      this.#guards.delete(guard);
      client.lane.close();
      this.#logins.release(client, this.#sessions);
    });
    this.#clients.set(broker.handle(guard), client);
  }

  async #login(attempt: Attempt, done: LoginDone): Promise<void> {
    let problem: LoginProblem | undefined;
    try {
      problem = await this.#refuseLogin(attempt);
    } catch (error) {
      this.#platform.log.error("login failed", { problem: messageOf(error) });
      problem = "refused";
    }
    if (problem === "client_id_taken") done(identifierRejected(), false);
    else done(null, problem === undefined);
  }

  async #refuseLogin({ client, ...attempt }: Attempt): Promise<LoginProblem | undefined> {
    const entry = this.#clients.get(client);
    if (entry === undefined) return "refused";
    const { id, clean } = client;
    return this.#logins.refuse({ ...attempt, id, clean }, entry, this.#sessions);
  }

  /** What a publish waits for. */
  #roomFor(client: HubClient, needsRoom: boolean): Promise<void> | undefined {
    const slow = client.wait();
    if (slow !== undefined) this.counters.delayed += 1;
    return slow ?? (needsRoom ? this.#hooks.room() : undefined);
  }

  /** Publishes and wills; a will comes when its client is gone. */
  #authorize(client: Client | null, packet: PublishPacket, done: () => void): void {
    const from = client === null ? undefined : this.#clients.get(client);
    const bytes = packet.topic.length + packet.payload.length;
    const kind = packet.topic.slice(packet.topic.lastIndexOf("/") + 1);
    let refusal = from?.refusePublish(packet.topic);
    if (from !== undefined && kind === "ask") refusal ??= this.#door.refuse(from, packet.topic);
    if (from === undefined || refusal !== undefined) {
      if (from !== undefined && refusal !== undefined) this.#tell(from, packet.topic, refusal);
      this.counters.denied += 1;
      lead(packet, nowhere);
      if (from === undefined) done();
      else this.#goOn(from, { bytes, needsRoom: false }, done);
      return;
    }
    if (kind === "set") this.#sign(from, packet);
    if (kind === "ask") return this.#ask(from, packet, done);
    this.#goOn(from, { bytes, needsRoom: roomKinds.has(kind) }, () => {
      if (packet.retain) packet.retain = this.#mayRetain(packet.topic, packet.payload.length);
      if (packet.qos < 2) this.#hand(from, packet);
      done();
    });
  }

  /** Runs in the client's turn, once it and what it needs have room. */
  #goOn(
    from: HubClient,
    { bytes, needsRoom }: { readonly bytes: number; readonly needsRoom: boolean },
    go: () => void,
  ): void {
    from.lane.enter(needsRoom, () => {
      from.spend(bytes);
      go();
    });
  }

  /** What is asked of the hub is for nobody else's ears. */
  #ask(from: HubClient, packet: PublishPacket, done: () => void): void {
    const payload = Buffer.from(packet.payload);
    lead(packet, nowhere);
    this.#goOn(from, { bytes: payload.length, needsRoom: false }, () => {
      this.#door.take(from, payload);
      done();
    });
  }

  /** A request to set something says who asks, and is never kept for who comes later. */
  #sign({ publisher, peer }: HubClient, packet: PublishPacket): void {
    packet.retain = false;
    const by = publisher.user === "" ? publisher.id : publisher.user;
    const payload = Buffer.from(packet.payload);
    const { topic } = packet;
    this.#platform.log.info("set request", { topic, by, remote: peer.remote });
    const decoded = decodeSetRequest(payload);
    if ("ok" in decoded) packet.payload = Buffer.from(encodeSetRequest({ ...decoded.ok, by }));
  }

  #hand(from: HubClient, { topic, payload }: PublishPacket): void {
    if (topic === nowhere) return;
    this.counters.received += 1;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#hooks.message(topic, bytes, from.publisher);
  }

  #tell(client: HubClient, refused: string, { rule, remedy }: Refusal): void {
    const topic = client.ownTopic(this.#hooks.site, "denied");
    if (topic === undefined || !client.mayBeTold(this.#platform.clock.monotonic())) return;
    const body = { v: 1, refused: refused.slice(0, 256), rule, remedy };
    this.publish(topic, JSON.stringify(body)).catch(() => undefined);
  }

  #maySubscribe(client: Client, filter: string): boolean {
    const entry = this.#clients.get(client);
    const grant = entry?.grant;
    if (entry === undefined || grant === undefined) return false;
    const full = entry.filters.size >= this.#options.limits.subscriptions;
    const own = entry.isOwn(this.#hooks.site, filter);
    const refusal = own ? undefined : refuseSubscribe(grant, filter);
    if (refusal === undefined && (!full || entry.filters.has(filter))) {
      entry.filters.add(filter);
      return true;
    }
    this.counters.denied += 1;
    const { subscriptions } = this.#options.limits;
    const rule = `at most ${subscriptions} subscriptions a client`;
    const told = refusal ?? { rule, remedy: "subscribe with wildcards, or unsubscribe some" };
    // Its `denied` topic may be in the same SUBSCRIBE.
    this.#platform.clock.after(0, () => this.#tell(entry, filter, told));
    // It may be one of a kept session that was allowed once.
    void this.#sessions?.persistence.removeSubscriptions(client, [filter]);
    return false;
  }

  /** What waited for a client may be more than it is allowed by now. */
  #mayHear(client: Client, topic: string): boolean {
    const subscribed = client.clean && !isForOne(topic);
    return subscribed || this.#clients.get(client)?.mayHear(this.#hooks.site, topic) === true;
  }

  /** Whether one more topic may hold a message; an empty payload removes one. */
  #mayRetain(topic: string, bytes: number): boolean {
    const memory = this.#sessions?.persistence;
    if (bytes === 0 || memory === undefined) return true;
    const full = memory.retainedTopics >= this.#options.limits.retained;
    if (!full || memory.isRetained(topic)) return true;
    this.counters.unretained += 1;
    return false;
  }

  retained(filter: string): Iterable<RetainedMessage> {
    return this.#sessions?.persistence.retainedOn(filter) ?? [];
  }

  identify(attempt: LoginAttempt): Promise<Login> {
    return this.#logins.identify(attempt);
  }

  publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<void> {
    const bytes = Buffer.from(payload);
    const packet: PublishPacket = {
      cmd: "publish",
      topic,
      payload: bytes,
      qos: options.qos ?? 0,
      retain: options.retain === true && this.#mayRetain(topic, bytes.length),
      dup: false,
    };
    return new Promise((resolve, reject) => {
      const failed = (cause?: unknown): void =>
        reject(new GatewayError("E_DISCONNECTED", `${topic}: the hub is closed`, { cause }));
      if (this.#broker === undefined || this.#broker.closed) return failed();
      this.#broker.publish(packet, (error) => (error ? failed(error) : resolve()));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tls?.[Symbol.dispose]();
    const closing = this.#listeners.map((listener) => listener[Symbol.asyncDispose]());
    const broker = this.#broker;
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(resolve));
    for (const guard of this.#guards) guard.destroy();
    await Promise.all(closing);
    await this.#sessions?.[Symbol.asyncDispose]();
  }
}

/** Leads a refused publish elsewhere; PUBACK needs only its packet identifier and QoS. */
function lead(packet: PublishPacket, topic: string): void {
  packet.topic = topic;
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}
