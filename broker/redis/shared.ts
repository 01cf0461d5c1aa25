/**
 * What hubs of one region remember together, in a Redis. Each is a node with a name for this life
 * of it. While Redis can be reached, sessions, what waits for them, retained messages and who has
 * which client identifier are the same on all of them, and each hears what clients of the others
 * publish.
 *
 * While it cannot, each hub serves those who are connected to it and lets in who keeps no session.
 * A connection that broke is never mended: the next one reads everything anew, claims the clients
 * that are here again, and ends those that keep a session, so that they come for what they missed.
 */
import type { Timer } from "../../telemetry/index.ts";
import { messageOf, retryDelay, sleep } from "../../telemetry/index.ts";
import type { Claim, Memory, SharedParts } from "../memory.ts";
import { HubPersistence } from "../persistence.ts";
import type { Packet } from "../session-queue.ts";
import { Clients } from "./clients.ts";
import { Emitter } from "./emitter.ts";
import { Live } from "./live.ts";
import type { RedisOptions } from "./options.ts";
import { SharedPersistence } from "./persistence.ts";
import { SharedRetained } from "./retained.ts";
import { sweepWills } from "./wills.ts";
import type { Told } from "./records.ts";

const retryPolicy = { first: 200, longest: 5000 };
/** How often a hub says that it lives, and looks whether the others do. @unit ms */
const beat = 5000;
/** @unit ms */
const lookEvery = 60_000;

/** Opens it; a hub starts also while Redis is away. @throws E_SECRET_MISSING */
export async function openShared(redis: RedisOptions, parts: SharedParts): Promise<Shared> {
  redis.password?.reveal();
  const shared = new Shared(redis, parts);
  await shared.open();
  return shared;
}

export class Shared implements Memory {
  readonly persistence: SharedPersistence;
  readonly broker: { readonly id: string; readonly mq: object };
  /** Messages given up because their session was full, by this hub. */
  shed = 0;
  readonly #redis: RedisOptions;
  readonly #parts: SharedParts;
  readonly #node: string;
  readonly #clients: Clients;
  readonly #retained: SharedRetained;
  readonly #emitter: Emitter;
  readonly #stop = new AbortController();
  readonly #timers = new Set<Timer>();
  #live: Live | undefined;
  #running: Promise<void> | undefined;
  /** Why Redis is away, as it was said last. */
  #why: string | undefined;
  #joined = 0;

  constructor(redis: RedisOptions, parts: SharedParts) {
    this.#redis = redis;
    this.#parts = parts;
    this.#node = parts.entropy.id();
    const { options, granted, clock, neighbours } = parts;
    const changes = { retained: ignore, session: ignore, queued: ignore };
    const mirror = new HubPersistence({ limits: options, granted, changes });
    this.#retained = new SharedRetained(mirror, {
      now: () => clock.now(),
      riders: parts.riders,
      changed: ({ topic = "", payload = "" }) => neighbours.heard(topic, Buffer.from(payload)),
    });
    this.#emitter = new Emitter((packet) => this.#live?.wire.tell({ kind: "publish", packet }));
    const live = (): Live | undefined => this.#live;
    this.#clients = new Clients({ ...parts, node: this.#node, live });
    this.persistence = new SharedPersistence({
      node: this.#node,
      live,
      mirror,
      retained: this.#retained,
      granted,
      mayLeave: (client, topic) => neighbours.mayLeave(client, topic),
      ended: (client) => this.#clients.endSession(client),
    });
    this.broker = { id: this.#node, mq: this.#emitter };
  }

  /** Returns after the first attempt, whatever came of it. */
  async open(): Promise<void> {
    const tried = Promise.withResolvers<void>();
    this.#running = this.#run(tried.resolve);
    this.#every(beat, () => this.#beat());
    this.#every(lookEvery, () => this.#clients.expire());
    await tried.promise;
  }

  get up(): boolean {
    return this.#live !== undefined;
  }

  allows(client: string): boolean {
    return this.#clients.allows(client);
  }

  allowsOf(client: string, org: string | undefined, most: number): boolean {
    return this.#clients.allowsOf(client, org, most);
  }

  ownerOf(client: string): string | undefined {
    return this.#clients.ownerOf(client);
  }

  claim(claim: Claim): Promise<{ readonly owner: string } | "unavailable"> {
    return this.#clients.claim(claim);
  }

  entered(client: string, user: string, org: string | undefined): void {
    this.#clients.entered(client, user, org);
  }

  left(client: string, keep?: number): void {
    if (keep === 0) void this.forget(client);
    this.#clients.left(client, keep);
  }

  async forget(client: string): Promise<void> {
    const live = this.#live;
    this.#clients.endSession(client);
    if (live === undefined || live.connection.lost.aborted) return;
    const done = Promise.withResolvers<void>();
    live.connection.lost.addEventListener("abort", () => done.resolve(), { once: true });
    live.connection.post(client.length, async () => {
      await live.subscribers.library.cleanSubscriptions({ id: client });
      // What came until nobody knew of its subscriptions any more.
      await live.queues.end(client);
      done.resolve();
    });
    await done.promise;
  }

  room(): Promise<void> | undefined {
    return this.#live?.connection.room();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    await this.#live?.leave().catch(ignore);
    this.#live?.connection.close("the hub stops");
    await this.#running;
  }

  // --- coming and going ---

  async #run(tried: () => void): Promise<void> {
    for (let attempt = 1; !this.#stop.signal.aborted; attempt += 1) {
      try {
        const live = await this.#join();
        attempt = 0;
        tried();
        await ended(live.connection.lost);
        this.#away(live.connection.lost.reason);
      } catch (error) {
        this.#away(error);
      }
      if (this.#live !== undefined) this.#retained.lost();
      this.#live = undefined;
      tried();
      const { clock, entropy } = this.#parts;
      const wait = retryDelay(retryPolicy, Math.max(1, attempt), entropy);
      await sleep(clock, wait, this.#stop.signal).catch(ignore);
    }
  }

  async #join(): Promise<Live> {
    const { options: sessions, region, clock, neighbours, riders } = this.#parts;
    const live = await Live.open({
      redis: this.#redis,
      sessions,
      riders,
      region,
      clock,
      node: this.#node,
      hear: (told, node) => this.#hear(told, node),
      shed: (count) => (this.shed += count),
    });
    try {
      const { alive } = await live.nodes();
      const strangers = await this.#clients.join(live, alive);
      const memory = this.#parts.entropy.id();
      const written = await this.#retained.agree(live.connection, memory);
      const wills = [...this.persistence.wills];
      const { library } = live.subscribers;
      await Promise.all(wills.map(([id, will]) => library.putWill({ id }, { ...will })));
      live.connection.lost.throwIfAborted();
      this.#live = live;
      // What was retained while all of that was read.
      written.push(...(await this.#retained.write(live.connection)));
      for (const late of written) live.wire.tell({ kind: "publish", ...late });
      neighbours.end(strangers);
      await this.#sweep(live);
    } catch (error) {
      this.#live = undefined;
      live.connection.close(error);
      throw live.connection.lost.reason ?? error;
    }
    if (this.#joined > 0 || this.#why !== undefined) this.#parts.log.info("redis is back");
    this.#joined += 1;
    this.#why = undefined;
    return live;
  }

  /** Says it once for each reason. */
  #away(reason: unknown): void {
    if (this.#stop.signal.aborted) return;
    const why = messageOf(reason);
    const first = this.#why === undefined;
    this.#why ??= why;
    if (first) this.#parts.log.error("redis is away", { code: "E_REDIS", why });
  }

  #hear(told: Told, node: string): void {
    if (told.kind === "book") return this.#clients.hear(told.client, told.entry);
    if (told.kind !== "publish") return;
    const { packet, at } = told;
    const { topic = "", payload = "" } = packet;
    if (packet.retain === true && !this.#retained.hear(packet, at)) return;
    this.#emitter.take(packet);
    if (!topic.startsWith("$")) this.#parts.neighbours.heard(topic, Buffer.from(payload), node);
  }

  // --- the other hubs ---

  async #beat(): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    try {
      await live.say();
      await this.#sweep(live);
    } catch (error) {
      live.connection.close(error);
    }
  }

  /** What hubs that are gone left behind. */
  async #sweep(live: Live): Promise<void> {
    const { alive, gone } = await live.nodes();
    for (const node of gone) {
      this.#parts.neighbours.gone(node);
      await this.#clients.gone(live, node);
      if (await live.strike(node)) this.#parts.log.warn("a hub is gone", { node });
    }
    await sweepWills(live, alive, {
      isHere: (client) => this.#clients.isConnected(client, alive),
      publish: (will: Packet) => this.#parts.neighbours.will(will),
    });
  }

  #every(interval: number, run: () => Promise<void>): void {
    const again = (): void => {
      const timer = this.#parts.clock.after(interval, () => {
        this.#timers.delete(timer);
        if (this.#stop.signal.aborted) return;
        void run()
          .catch((error: unknown) => this.#live?.connection.close(error))
          .finally(again);
      });
      this.#timers.add(timer);
    };
    again();
  }
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function ignore(): void {
  // There is nothing to do.
}
