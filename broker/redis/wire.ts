/**
 * Carries what hubs of a region say to each other: the only door to mqemitter-redis. All of it goes
 * by one channel, so that no topic is ever taken for a pattern of Redis (`*`, `?`, `[`), and Redis
 * has one name to look up; what is said in one turn goes as one message. Each hub hears itself too
 * and does not listen to that.
 *
 * At most once: a hub whose connection breaks misses what is said meanwhile (`shared.ts` mends it).
 */
import { EventEmitter } from "node:events";
import mqemitterRedis from "mqemitter-redis";
import { v } from "../../config/index.ts";
import { invariant } from "../../telemetry/index.ts";
import type { Riders } from "../mqtt5/index.ts";
import type { Connection } from "./connection.ts";
import type { Told } from "./records.ts";
import { decodeRecords, encodeRecord } from "./records.ts";

/** `n` says who tells it. */
const message = v.object({
  n: v.string(),
  b: v.custom<Uint8Array>((value) => value instanceof Uint8Array),
});

/** Of one message, unless a single thing is larger. @unit bytes */
const atOnce = 262_144;

interface WireSetup {
  readonly channel: string;
  /** Who tells. */
  readonly node: string;
  /** What rides on messages. */
  readonly riders: Riders;
}

export class Wire {
  readonly #connection: Connection;
  readonly #emitter: ReturnType<typeof mqemitterRedis>;
  readonly #channel: string;
  readonly #node: string;
  readonly #riders: Riders;
  #turn: Buffer[] = [];
  #bytes = 0;

  private constructor(connection: Connection, { channel, node, riders }: WireSetup) {
    this.#connection = connection;
    this.#channel = channel;
    this.#node = node;
    this.#riders = riders;
    this.#emitter = mqemitterRedis({
      pubConn: connection.redis,
      subConn: connection.ear,
      separator: "/",
      wildcardOne: "+",
      wildcardSome: "#",
      matchEmptyLevels: true,
    });
    // It tells errors of the connections again there, and ends the process where nobody listens.
    const state: unknown = Reflect.get(this.#emitter, "state");
    invariant(state instanceof EventEmitter, "mqemitter-redis has no state");
    state.on("error", () => undefined);
  }

  /** Listens; returns once Redis will hand over all that is said from now on. */
  static async open(
    connection: Connection,
    setup: WireSetup,
    hear: (told: Told, node: string) => void,
  ): Promise<Wire> {
    const wire = new Wire(connection, setup);
    await new Promise<void>((resolve) => {
      wire.#emitter.on(setup.channel, (said, done) => (wire.#hear(said, hear), done()), resolve);
    });
    return wire;
  }

  /** In the order of the calls, behind all that was sent to Redis before. */
  tell(told: Told): void {
    const record = encodeRecord(told, this.#riders);
    if (this.#bytes + record.length > atOnce) this.#send();
    this.#turn.push(record);
    this.#bytes += record.length;
    if (this.#turn.length === 1) queueMicrotask(() => this.#send());
  }

  #send(): void {
    if (this.#turn.length === 0) return;
    const said = { topic: this.#channel, n: this.#node, b: Buffer.concat(this.#turn) };
    this.#turn = [];
    this.#bytes = 0;
    this.#connection.post(
      said.b.length,
      () =>
        new Promise<void>((resolve, reject) => {
          this.#emitter.emit(said, (error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  #hear(said: object, hear: (told: Told, node: string) => void): void {
    if ("n" in said && said.n === this.#node) return;
    const parsed = v.safeParse(message, said);
    if (!parsed.success) return;
    const { n: node, b: bytes } = parsed.output;
    for (const told of decodeRecords(bytes, node, this.#riders)) hear(told, node);
  }
}
