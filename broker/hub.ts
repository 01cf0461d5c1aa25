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
import type { AedesOptions, Client, ConnectPacket, PublishPacket } from "aedes";
import { Aedes } from "aedes";
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, messageOf } from "../telemetry/index.ts";
import type { Refusal } from "./access.ts";
import { isForOne, refuseSubscribe } from "./access.ts";
import { AskDoor } from "./asking/asker.ts";
import { HubClient } from "./client.ts";
import type { Hub, HubHooks, PublishOptions, RetainedMessage } from "./contract.ts";
import { Counters } from "./counters.ts";
import { Guard } from "./guard.ts";
import type { Login, LoginAttempt } from "./identity.ts";
import { keepOrder } from "./in-order.ts";
import { Lane, roomKinds } from "./lane.ts";
import type { Listener, Peer } from "./listeners.ts";
import { besidePacket, openListener } from "./listeners.ts";
import type { LoginProblem } from "./logins.ts";
import { Logins, refusedLogin } from "./logins.ts";
import { lead, nowhere, packetOf, sign } from "./lead.ts";
import type { Memory } from "./memory.ts";
import { openMemory } from "./memory.ts";
import { membership } from "./networks.ts";
import type { BrokerOptions } from "./options.ts";
import { Rate } from "./rate.ts";
import { RetainedQuotas } from "./retained.ts";
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

/** For the reason to leave before the connection ends. @unit ms */
const lastWord = 100;

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
  readonly #hellos = new WeakMap<Client, ConnectPacket>();
  readonly #guards = new Set<Guard>();
  readonly #logins: Logins;
  readonly #door: AskDoor;
  readonly #tls: TlsFiles | undefined;
  #broker: Aedes | undefined;
  #sessions: Memory | undefined;
  #retained: RetainedQuotas | undefined;

  /** @throws E_SECRET_MISSING, E_CONFIG when the files of `tls` do not do */
  constructor(options: BrokerOptions, platform: Platform, hooks: HubHooks) {
    this.#options = options;
    this.#platform = platform;
    this.#hooks = hooks;
    this.#tls = options.tls && new TlsFiles(options.tls, platform);
    const { site, enrolment } = hooks;
    this.#logins = new Logins(options, { ...platform, site, enrolment, counters: this.counters });
    enrolment?.onVoid(() => this.#cutRevoked());
    this.#door = new AskDoor({
      ...hooks,
      publish: (topic, text) => this.publish(topic, text, { qos: 1 }),
      clientOf: (user, id) => this.#logins.clientOf(user, id),
    });
  }

  get redisUp(): boolean | undefined {
    return this.#sessions?.up;
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async open(): Promise<void> {
    const sessions = await openMemory(this.#options, this.#platform, {
      hooks: this.#hooks,
      logins: this.#logins,
      publish: this.publish.bind(this),
    });
    this.#sessions = sessions;
    this.#retained = new RetainedQuotas(this.#options, sessions.persistence);
    const broker = await Aedes.createBroker(this.#aedesOptions(sessions));
    this.#broker = broker;
    keepOrder(broker);
    broker.on("connackSent", ({ returnCode }, client) => {
      if (returnCode === 0) this.#clients.get(client)?.guard.admit();
    });
    broker.on("subscribe", (subscriptions, client) => {
      const entry = this.#clients.get(client);
      for (const { topic } of subscriptions) if (entry !== undefined) this.#greet(entry, topic);
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

  #aedesOptions(sessions: Memory): AedesOptions {
    return {
      ...sessions.broker,
      persistence: sessions.persistence,
      concurrency: 0,
      heartbeatInterval: 60_000,
      // The guard's own deadline is 10 s of the platform's clock; this one is the second belt.
      connectTimeout: 30_000,
      drainTimeout: 0,
      maxInflightInbound: this.#options.limits.inflight,
      preConnect: (client, packet, done) => {
        if (!packet.clean && !sessions.allows(packet.clientId)) packet.clean = true;
        this.#hellos.set(client, packet);
        done(null, true);
      },
      authenticate: (...[client, user, password, done]) => {
        void this.#login({ client, user, password }, done);
      },
      authorizePublish: (client, packet, done) => this.#authorize(client, packet, () => done()),
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null);
      },
      authorizeForward: (client, packet) => (this.#mayHear(client, packet) ? packet : null),
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
    done(problem === undefined ? null : refusedLogin(problem), problem === undefined);
  }

  async #refuseLogin({ client, ...attempt }: Attempt): Promise<LoginProblem | undefined> {
    const entry = this.#clients.get(client);
    if (entry === undefined) return "refused";
    const { id, clean } = client;
    const hello = this.#hellos.get(client);
    const endSession = (): void => {
      client.clean = true;
      if (hello !== undefined) hello.clean = true;
    };
    return this.#logins.refuse({ ...attempt, id, clean, endSession }, entry, this.#sessions);
  }

  /** Tells each whose certificate was revoked, and ends its connection. */
  #cutRevoked(): void {
    for (const client of this.#logins.revoked()) {
      this.#tell(client, "this connection", {
        rule: "its certificate was revoked or replaced",
        remedy: "enrol with a new token: `rackstreet enroll`",
      });
      this.#platform.clock.after(lastWord, () => client.guard.cut("revoked"));
    }
  }

  /** What a publish waits for. */
  #roomFor(client: HubClient, needsRoom: boolean): Promise<void> | undefined {
    const slow = client.wait();
    if (slow !== undefined) this.counters.delayed += 1;
    return slow ?? (needsRoom ? (this.#hooks.room() ?? this.#sessions?.room?.()) : undefined);
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
    if (kind === "set") sign(packet, from, this.#platform.log);
    if (kind === "ask") return this.#ask(from, packet, done);
    this.#goOn(from, { bytes, needsRoom: roomKinds.has(kind) }, () => {
      if (packet.retain) this.#retain(from, packet);
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
    this.#sessions?.persistence.removeSubscriptions(client, [filter]).catch(() => undefined);
    return false;
  }

  /** Tells a client that listens now what it is and what it was not given. */
  #greet(client: HubClient, topic: string): void {
    const { site } = this.#hooks;
    if (topic === client.ownTopic(site, "whoami")) {
      const about = whoami(client, { ...this.#hooks, limits: this.#options.limits });
      this.publish(topic, JSON.stringify(about)).catch(() => undefined);
    }
    if (client.notice === undefined || topic !== client.ownTopic(site, "denied")) return;
    this.#tell(client, "a session", client.notice);
    client.notice = undefined;
  }

  /** What waited for a client may be more than it is allowed by now. */
  #mayHear(client: Client, packet: PublishPacket): boolean {
    const { topic } = packet;
    if (topic === nowhere || this.#sessions?.holds?.(client.id, packet) === true) return false;
    const subscribed = client.clean && !isForOne(topic);
    return subscribed || this.#clients.get(client)?.mayHear(this.#hooks.site, topic) === true;
  }

  /** A message too many is delivered, not kept; a client is told why. */
  #retain(from: HubClient | undefined, packet: PublishPacket): void {
    const { topic, payload } = packet;
    const refusal = this.#retained?.refuse(topic, payload.length, from?.publisher.user);
    if (refusal === undefined) return;
    packet.retain = false;
    this.counters.unretained += 1;
    if (from !== undefined) this.#tell(from, topic, refusal);
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
    const packet = packetOf(topic, payload, options);
    if (packet.retain) this.#retain(undefined, packet);
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
