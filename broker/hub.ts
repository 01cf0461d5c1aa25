/**
 * The MQTT broker, 3.1.1 and, put in its terms, 5 (`mqtt5/`): the only door to aedes. In front of
 * it stand listeners and guards, inside it the hooks for login, access and back-pressure. What must
 * be known of aedes 1.2:
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
import type { AedesOptions, Client, ConnectPacket, Subscription } from "aedes";
import { Aedes } from "aedes";
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, messageOf } from "../telemetry/index.ts";
import { refuseSubscribe } from "./access.ts";
import { AskDoor } from "./asking/asker.ts";
import { HubClient } from "./client.ts";
import type { Hub, HubHooks, PublishOptions, RetainedMessage } from "./contract.ts";
import { Counters } from "./counters.ts";
import { Direct } from "./direct.ts";
import { forwarded } from "./forward.ts";
import type { GuardSettings } from "./guard.ts";
import { Guard } from "./guard.ts";
import type { Login, LoginAttempt } from "./identity.ts";
import { keepOrder, lastNumber } from "./in-order.ts";
import { Lane } from "./lane.ts";
import type { Listener, Peer } from "./listeners.ts";
import { besidePacket, openListener } from "./listeners.ts";
import type { LoginProblem } from "./logins.ts";
import { Logins, refusedLogin } from "./logins.ts";
import { forgetHello, keepNoNumbers, lighten } from "./lean.ts";
import { packetOf } from "./lead.ts";
import { reasons } from "./mqtt5/index.ts";
import type { Memory } from "./memory.ts";
import { openMemory } from "./memory.ts";
import { membership } from "./networks.ts";
import type { BrokerOptions } from "./options.ts";
import { noFilter } from "./persistence.ts";
import { Publishes } from "./publishes.ts";
import { Rate } from "./rate.ts";
import { RetainedQuotas } from "./retained.ts";
import { Teller } from "./teller.ts";
import { TlsFiles } from "./tls.ts";
import { Version5 } from "./version5.ts";

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
  /** One for all, as there are thousands. */
  readonly #guarding: GuardSettings;
  readonly #logins: Logins;
  readonly #publishes: Publishes;
  readonly #tls: TlsFiles | undefined;
  readonly #version5: Version5;
  readonly #teller: Teller;
  #broker: Aedes | undefined;
  #sessions: Memory | undefined;

  /** @throws E_SECRET_MISSING, E_CONFIG when the files of `tls` do not do */
  constructor(options: BrokerOptions, platform: Platform, hooks: HubHooks) {
    this.#options = options;
    this.#platform = platform;
    this.#hooks = hooks;
    this.#tls = options.tls && new TlsFiles(options.tls, platform);
    this.#version5 = new Version5(options, platform);
    const { packet, egress } = options.limits;
    const { clock } = platform;
    const version5 = this.#version5.settings;
    this.#guarding = { packet, egress, clock, counters: this.counters, version5 };
    const publish = (topic: string, text: string): Promise<void> => this.publish(topic, text);
    this.#teller = new Teller({ ...platform, hooks, limits: options.limits, publish });
    const { site, enrolment } = hooks;
    this.#logins = new Logins(options, { ...platform, site, enrolment, counters: this.counters });
    enrolment?.onVoid(() => this.#cutRevoked());
    const door = new AskDoor({
      ...hooks,
      publish: (topic, text) => this.publish(topic, text, { qos: 1 }),
      clientOf: (user, id) => this.#logins.clientOf(user, id),
    });
    this.#publishes = new Publishes({
      ...platform,
      hooks,
      counters: this.counters,
      door,
      teller: this.#teller,
      version5: this.#version5,
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
      riders: this.#version5.riders,
      publish: this.publish.bind(this),
    });
    this.#sessions = sessions;
    this.#publishes.retained = new RetainedQuotas(this.#options, sessions.persistence);
    const broker = await Aedes.createBroker(this.#aedesOptions(sessions));
    this.#broker = broker;
    keepOrder(broker);
    keepNoNumbers();
    broker.on("connackSent", ({ returnCode }, client) => {
      forgetHello(client, this.#hellos);
      if (returnCode === 0) this.#clients.get(client)?.guard.admit();
    });
    broker.on("subscribe", (subscriptions, client) => {
      const entry = this.#clients.get(client);
      if (entry === undefined) return;
      // aedes looks for retained messages in this very turn.
      if (entry.hushed !== undefined) sessions.persistence.hush(entry.hushed);
      for (const { topic } of subscriptions) this.#teller.greet(entry, topic);
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
    const { outgoing } = sessions.persistence;
    const { riders } = this.#version5;
    // One for all deliveries.
    const parts = {
      site: this.#hooks.site,
      outgoing,
      riders,
      direct: new Direct(),
      isOwn: (brokerId: string | undefined): boolean => brokerId === this.#broker?.id,
    };
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
        const entry = this.#clients.get(client);
        if (entry !== undefined) this.#version5.tap(client, entry);
        done(null, true);
      },
      authenticate: (...[client, user, password, done]) => {
        void this.#login({ client, user, password }, done);
      },
      authorizePublish: (client, packet, done) => {
        const from = client === null ? undefined : this.#clients.get(client);
        const go = (): void => done();
        // What comes of a closed client is its will.
        if (from !== undefined && client?.closed === true) {
          const fire = (): void => this.#publishes.take(from, packet, go);
          const drop = (): void => done(new Error("its client is back"));
          if (this.#version5.holdsBack(from, packet, { fire, drop })) return;
        }
        this.#publishes.take(from, packet, go);
      },
      // For aedes it is of QoS 2: `outgoing.ts` sees to what it is.
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#maySubscribe(client, subscription) ? { ...subscription, qos: 2 } : null),
      authorizeForward: (client, packet) => {
        const entry = this.#clients.get(client);
        return entry === undefined ? null : forwarded(packet, [client, entry], parts);
      },
      published: (packet, client: Client | null, done) => {
        const from = client === null ? undefined : this.#clients.get(client);
        // Only here is a QoS 2 publish free of its repetitions.
        if (from !== undefined && packet.qos === 2) this.#publishes.hand(from, packet);
        done();
      },
    };
  }

  accept(stream: Duplex, peer: Peer): void {
    const { limits } = this.#options;
    const { clock } = this.#platform;
    const broker = this.#broker;
    if (broker === undefined || broker.closed) return void stream.destroy();
    if (this.counters.connections >= limits.connections) {
      this.counters.countRejected("connections");
      return void stream.on("error", () => undefined).destroy();
    }
    this.counters.connections += 1;
    const guard = new Guard(stream, this.#guarding);
    const lane = new Lane((needsRoom) => this.#roomFor(client, needsRoom), clock);
    const rate = Rate.of(limits.rate, clock);
    const client: HubClient = new HubClient({ guard, lane, peer, rate });
    this.#guards.add(guard);
    const handled = lighten(broker.handle(guard));
    this.#clients.set(handled, client);
    guard.on("close", () => {
      this.counters.connections -= 1;
      this.#guards.delete(guard);
      client.lane.close();
      this.#logins.release(client, this.#sessions);
      handled.close();
    });
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
    const anew = this.#version5.beginsAnew(entry);
    const request = { ...attempt, id, clean, anew, endSession };
    const problem = await this.#logins.refuse(request, entry, this.#sessions);
    if (problem === undefined) this.#version5.entered(entry, id, client.clean);
    return problem;
  }

  /** Tells each whose certificate was revoked, and ends its connection. */
  #cutRevoked(): void {
    for (const client of this.#logins.revoked()) {
      this.#teller.refused(client, "this connection", {
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

  #maySubscribe(client: Client, { topic: filter, qos, rh = 0 }: Subscription): boolean {
    const entry = this.#clients.get(client);
    const grant = entry?.grant;
    if (entry === undefined || grant === undefined || filter === noFilter) return false;
    const full = entry.filters.size >= this.#options.limits.subscriptions;
    const own = entry.isOwn(this.#hooks.site, filter);
    const refusal = own ? undefined : refuseSubscribe(grant, filter);
    const known = entry.filters.has(filter);
    if (refusal === undefined && (!full || known)) {
      // One of a session has been there all the time.
      const since = entry.guard.admitted ? lastNumber(this.#broker) : -1;
      entry.filters.add(filter, { qos, since });
      if (rh === 2 || (rh === 1 && known)) (entry.hushed ??= new Set()).add(filter);
      return true;
    }
    this.counters.denied += 1;
    this.#version5.refused(entry, filter, refusal === undefined);
    const { subscriptions } = this.#options.limits;
    const rule = `at most ${subscriptions} subscriptions a client`;
    const told = refusal ?? { rule, remedy: "subscribe with wildcards, or unsubscribe some" };
    // Its `denied` topic may be in the same SUBSCRIBE.
    this.#platform.clock.after(0, () => this.#teller.refused(entry, filter, told));
    // It may be one of a kept session that was allowed once.
    this.#sessions?.persistence.removeSubscriptions(client, [filter]).catch(() => undefined);
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
    const packet = packetOf(topic, payload, options);
    if (packet.retain) this.#publishes.keep(undefined, packet);
    return new Promise((resolve, reject) => {
      const failed = (cause?: unknown): void =>
        reject(new GatewayError("E_DISCONNECTED", `${topic}: the hub is closed`, { cause }));
      if (this.#broker === undefined || this.#broker.closed) return failed();
      this.#broker.publish(packet, (error) => (error ? failed(error) : resolve()));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tls?.[Symbol.dispose]();
    this.#version5[Symbol.dispose]();
    for (const guard of this.#guards) guard.farewell(reasons.shuttingDown);
    const closing = this.#listeners.map((listener) => listener[Symbol.asyncDispose]());
    const broker = this.#broker;
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(resolve));
    for (const guard of this.#guards) guard.destroy();
    await Promise.all(closing);
    await this.#sessions?.[Symbol.asyncDispose]();
  }
}
