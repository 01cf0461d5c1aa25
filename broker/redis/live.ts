/** All that a hub has of Redis while it can be reached; opened as a whole, and given up as one. */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Riders } from "../mqtt5/index.ts";
import type { SessionOptions } from "../sessions.ts";
import { nodeKey, SharedBook } from "./book.ts";
import { Connection, prefixOf, within } from "./connection.ts";
import { Subscribers } from "./library.ts";
import type { RedisOptions } from "./options.ts";
import { Queues } from "./queues.ts";
import type { Told } from "./records.ts";
import { Wire } from "./wire.ts";

/** Hubs that there were; each has a key of its own while it lives. */
const nodesKey = "nodes";
/** How long a hub counts as alive after it said so. @unit s */
const alive = 15;

export interface LiveSetup {
  readonly redis: RedisOptions;
  readonly sessions: SessionOptions;
  /** What rides on messages. */
  readonly riders: Riders;
  readonly region: string;
  /** Of this hub's life. */
  readonly node: string;
  readonly clock: Clock;
  readonly hear: (told: Told, node: string) => void;
  readonly shed: (count: number) => void;
}

export class Live {
  readonly connection: Connection;
  readonly book: SharedBook;
  readonly subscribers: Subscribers;
  readonly queues: Queues;
  readonly wire: Wire;
  readonly #setup: LiveSetup;
  #said = false;

  private constructor(
    setup: LiveSetup,
    connection: Connection,
    parts: Pick<Live, "subscribers" | "queues" | "wire">,
  ) {
    this.#setup = setup;
    this.connection = connection;
    this.book = new SharedBook(connection, setup);
    this.subscribers = parts.subscribers;
    this.queues = parts.queues;
    this.wire = parts.wire;
  }

  /** @throws E_REDIS, E_CONFIG, E_SECRET_MISSING */
  static async open(setup: LiveSetup): Promise<Live> {
    const { redis: options, region, node, clock, sessions, riders, shed } = setup;
    const prefix = prefixOf(region);
    const connection = await Connection.open(options, prefix, clock);
    try {
      const subscribers: Subscribers = new Subscribers({
        redis: connection.redis,
        node,
        tell: (topic, body) => wire.tell({ kind: "subscriptions", topic, body }),
      });
      const hear: LiveSetup["hear"] = (told, from) => {
        if (told.kind === "subscriptions") subscribers.hear(told.topic, told.body);
        else setup.hear(told, from);
      };
      // It hears before anything is read, so that nothing falls between.
      const wire = await within(
        clock,
        Wire.open(connection, { channel: `${prefix}told`, node, riders }, hear),
      );
      const queues = await within(
        clock,
        Queues.open({ connection, limits: sessions, keep: sessions.keep, riders, shed }),
      );
      const live = new Live(setup, connection, { subscribers, queues, wire });
      await live.say();
      await subscribers.open();
      return live;
    } catch (error) {
      connection.close(error);
      throw error;
    }
  }

  /** That this hub lives. @throws E_REDIS when Redis does not answer */
  async say(): Promise<void> {
    const { node, clock } = this.#setup;
    const { redis } = this.connection;
    const key = nodeKey + node;
    const said = this.#said
      ? redis.set(key, "1", "EX", alive, "XX")
      : redis.set(key, "1", "EX", alive);
    const [ok] = await within(clock, Promise.all([said, redis.sadd(nodesKey, node)]));
    // The others have taken it for gone meanwhile, and its clients' identifiers are free.
    if (ok === null) throw new GatewayError("E_REDIS", `this hub was silent for ${alive} s`);
    this.#said = true;
  }

  /** Hubs that live, this one among them, and those that do not any more. */
  async nodes(): Promise<{ readonly alive: Set<string>; readonly gone: readonly string[] }> {
    const { node, clock } = this.#setup;
    const { redis } = this.connection;
    const all = await within(clock, redis.smembers(nodesKey));
    const living = new Set([node]);
    for (const one of all) {
      if ((await within(clock, redis.exists(nodeKey + one))) === 1) living.add(one);
    }
    return { alive: living, gone: all.filter((one) => !living.has(one)) };
  }

  /** Whether this hub is the one that takes a hub that is gone off the list. */
  async strike(node: string): Promise<boolean> {
    return (await this.connection.redis.srem(nodesKey, node)) === 1;
  }

  /** This hub goes; the others see it at their next look. */
  async leave(): Promise<void> {
    const { node, clock } = this.#setup;
    await within(clock, this.connection.redis.del(nodeKey + node));
  }
}
