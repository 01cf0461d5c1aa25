/**
 * What hubs of a region say to each other: the only door to mqemitter-redis. All of it goes by one
 * channel, so that no topic is ever taken for a pattern of Redis (`*`, `?`, `[`), and Redis has one
 * name to look up. Each hub hears itself too and does not listen to that.
 *
 * At most once: a hub whose connection breaks misses what is said meanwhile (`shared.ts` mends it).
 */
import { EventEmitter } from "node:events";
import mqemitterRedis from "mqemitter-redis";
import { v } from "../../config/index.ts";
import { invariant } from "../../telemetry/index.ts";
import type { Packet } from "../session-queue.ts";
import type { Connection } from "./connection.ts";

/** A publish, or something that hubs alone say. */
export type Told =
  | {
      readonly kind: "publish";
      readonly packet: Packet;
      /** When it was made, of one that is told late. @unit ms since 1970-01-01 UTC */
      readonly at?: number | undefined;
    }
  | { readonly kind: "subscriptions"; readonly topic: string; readonly body: string }
  | { readonly kind: "book"; readonly client: string; readonly entry: string | null };

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** In short names: they go with each message. */
const message = v.variant("k", [
  v.object({
    k: v.literal("p"),
    n: v.string(),
    t: v.string(),
    p: bytes,
    q: v.picklist([0, 1, 2]),
    r: v.boolean(),
    c: v.number(),
    i: v.nullish(v.string()),
    a: v.nullish(v.number()),
  }),
  v.object({ k: v.literal("s"), n: v.string(), t: v.string(), b: v.string() }),
  v.object({ k: v.literal("b"), n: v.string(), c: v.string(), e: v.nullable(v.string()) }),
]);

/** Beside topic and payload. @unit bytes */
const overhead = 120;

export class Wire {
  readonly #connection: Connection;
  readonly #emitter: ReturnType<typeof mqemitterRedis>;
  readonly #channel: string;
  readonly #node: string;

  private constructor(connection: Connection, channel: string, node: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#node = node;
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
    { channel, node }: { readonly channel: string; readonly node: string },
    hear: (told: Told, node: string) => void,
  ): Promise<Wire> {
    const wire = new Wire(connection, channel, node);
    await new Promise<void>((resolve) => {
      wire.#emitter.on(channel, (said, done) => (wire.#hear(said, hear), done()), resolve);
    });
    return wire;
  }

  tell(told: Told): void {
    const { said, bytes } = this.#said(told);
    this.#connection.post(
      bytes,
      () =>
        new Promise<void>((resolve, reject) => {
          this.#emitter.emit({ topic: this.#channel, ...said }, (error) =>
            error ? reject(error) : resolve(),
          );
        }),
    );
  }

  #said(told: Told): { readonly said: v.InferInput<typeof message>; readonly bytes: number } {
    const n = this.#node;
    if (told.kind === "subscriptions") {
      const { topic: t, body: b } = told;
      return { said: { k: "s", n, t, b }, bytes: b.length + overhead };
    }
    if (told.kind === "book") {
      const { client: c, entry: e } = told;
      return { said: { k: "b", n, c, e }, bytes: c.length + (e ?? "").length + overhead };
    }
    const { topic: t = "", payload = "", retain: r = false, clientId: i = null } = told.packet;
    const p = typeof payload === "string" ? Buffer.from(payload) : payload;
    const q = told.packet.qos === 1 ? 1 : told.packet.qos === 2 ? 2 : 0;
    const c = told.packet.brokerCounter ?? 0;
    const a = told.at ?? null;
    return { said: { k: "p", n, t, p, q, r, c, i, a }, bytes: t.length + p.length + overhead };
  }

  #hear(said: object, hear: (told: Told, node: string) => void): void {
    if ("n" in said && said.n === this.#node) return;
    const parsed = v.safeParse(message, said);
    // Another version's: what it means nobody here knows.
    if (!parsed.success) return;
    const { output } = parsed;
    const { n: node } = output;
    if (output.k === "s") hear({ kind: "subscriptions", topic: output.t, body: output.b }, node);
    else if (output.k === "b") hear({ kind: "book", client: output.c, entry: output.e }, node);
    else hear({ kind: "publish", packet: packetOf(output, node), at: output.a ?? undefined }, node);
  }
}

interface Said {
  readonly t: string;
  readonly p: Uint8Array;
  readonly q: number;
  readonly r: boolean;
  readonly c: number;
  readonly i?: string | null | undefined;
}

function packetOf({ t: topic, p, q: qos, r: retain, c, i }: Said, brokerId: string): Packet {
  return {
    cmd: "publish",
    topic,
    payload: Buffer.from(p.buffer, p.byteOffset, p.byteLength),
    qos,
    retain,
    dup: false,
    brokerId,
    brokerCounter: c,
    ...(typeof i === "string" ? { clientId: i } : {}),
  };
}
