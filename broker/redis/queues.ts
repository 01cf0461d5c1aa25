/**
 * What waits for clients that keep their session, in Redis and within bounds: the oldest goes
 * first, counted. Of each client a hash and a sorted set, which live as long as its session may:
 *
 *   queue:<client>   <field> → packet, !<field> → packet identifier, "bytes" → sum of all packets
 *   order:<client>   <field> by its number, which is counted for all together in `number`
 *
 * A field is `<hub>:<number of the publish>`. What belongs together is one script, so that no hub
 * sees half of it. Which packet an acknowledgement is for each hub knows of its own clients.
 */
import { decodePacket, encodePacket } from "../keep/packets.ts";
import type { Riders } from "../mqtt5/index.ts";
import { PacketIds } from "../packet-ids.ts";
import type { Packet, QueueLimits } from "../session-queue.ts";
import { waiting } from "../session-queue.ts";
import type { Connection } from "./connection.ts";

/**
 * KEYS queue, order, number; ARGV field, packet, messages, bytes, lifetime in s → how many had to
 * go.
 */
const addScript = `
local q, o = KEYS[1], KEYS[2]
if redis.call('hset', q, ARGV[1], ARGV[2]) == 1 then
  redis.call('zadd', o, redis.call('incr', KEYS[3]), ARGV[1])
  redis.call('hincrby', q, 'bytes', #ARGV[2])
end
local count, shed = redis.call('zcard', o), 0
local bytes = tonumber(redis.call('hget', q, 'bytes'))
while count > tonumber(ARGV[3]) or (bytes > tonumber(ARGV[4]) and count > 1) do
  local old = redis.call('zpopmin', o)[1]
  bytes = redis.call('hincrby', q, 'bytes', -redis.call('hstrlen', q, old))
  redis.call('hdel', q, old, '!' .. old)
  count = count - 1
  shed = shed + 1
end
redis.call('expire', q, ARGV[5])
redis.call('expire', o, ARGV[5])
return shed`;

/** KEYS queue; ARGV field, packet identifier → whether it waits. */
const numberScript = `
if redis.call('hexists', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('hset', KEYS[1], '!' .. ARGV[1], ARGV[2])
return 1`;

/** KEYS queue; ARGV field, packet that takes its place → whether it waits. */
const replaceScript = `
local size = redis.call('hstrlen', KEYS[1], ARGV[1])
if size == 0 then return 0 end
redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
redis.call('hincrby', KEYS[1], 'bytes', #ARGV[2] - size)
return 1`;

/** KEYS queue, order; ARGV field, "1" for one that was not sent → the packet that was there. */
const takeScript = `
local field = ARGV[1]
if ARGV[2] == '1' and redis.call('hexists', KEYS[1], '!' .. field) == 1 then return false end
local packet = redis.call('hget', KEYS[1], field)
if not packet then return false end
redis.call('zrem', KEYS[2], field)
if redis.call('zcard', KEYS[2]) == 0 then
  redis.call('del', KEYS[1])
else
  redis.call('hdel', KEYS[1], field, '!' .. field)
  redis.call('hincrby', KEYS[1], 'bytes', -#packet)
end
return packet`;

const numberKey = "number";
/** Packets read at once when a client comes back. */
const atOnce = 100;
/** Beside topic and payload. @unit bytes */
const overhead = 300;

interface Scripts {
  readonly add: string;
  readonly number: string;
  readonly replace: string;
  readonly take: string;
}

export interface QueueParts {
  readonly connection: Connection;
  readonly limits: QueueLimits;
  /** What rides on messages. */
  readonly riders: Riders;
  /** How long a session lives without its client. @unit ms */
  readonly keep: number;
  /** Hears how many messages had to go. */
  readonly shed: (count: number) => void;
}

interface ClientOf {
  readonly id: string;
  /** Left out: who asks sends nothing, and wants it as it waits. */
  readonly clean?: boolean | undefined;
}

/** What is on its way to a client. */
interface Sent {
  readonly fields: Map<number, string>;
  readonly ids: PacketIds;
}

export class Queues {
  readonly #parts: QueueParts;
  readonly #scripts: Scripts;
  /** What is on its way, by client and packet identifier; of clients that are connected here. */
  readonly #fields = new Map<string, Sent>();
  /** Clients that are sent what waited, and whether more came meanwhile. */
  readonly #coming = new Map<string, { more: boolean }>();

  private constructor(parts: QueueParts, scripts: Scripts) {
    this.#parts = parts;
    this.#scripts = scripts;
  }

  static async open(parts: QueueParts): Promise<Queues> {
    const { redis } = parts.connection;
    const load = async (script: string): Promise<string> =>
      String(await redis.script("LOAD", script));
    const [add = "", number = "", replace = "", take = ""] = await Promise.all(
      [addScript, numberScript, replaceScript, takeScript].map(load),
    );
    return new Queues(parts, { add, number, replace, take });
  }

  /** Nobody waits for it; it is on its way before all that is sent later. */
  add(client: string, packet: Packet): void {
    const { connection, limits, keep, shed, riders } = this.#parts;
    const { redis } = connection;
    const packed = Buffer.from(encodePacket(waiting(packet), riders.of(packet.payload)));
    const args = [packed, limits.messages, limits.bytes, Math.max(1, Math.ceil(keep / 1000))];
    connection.post(packed.length + overhead, async () => {
      const keys = [...keysOf(client), numberKey];
      const gone = await redis.evalsha(this.#scripts.add, 3, ...keys, fieldOf(packet), ...args);
      if (typeof gone === "number" && gone > 0) shed(gone);
    });
  }

  /** A message that waits got its packet identifier, or a PUBREL takes its place. */
  async update({ id }: ClientOf, packet: Packet): Promise<void> {
    const { connection } = this.#parts;
    const { redis } = connection;
    const { messageId = 0 } = packet;
    const sent = this.#sentTo(id);
    const isRelease = packet.cmd === "pubrel";
    const field = isRelease ? sent.fields.get(messageId) : fieldOf(packet);
    // A retained message at a SUBSCRIBE never waited.
    if (field === undefined) return;
    sent.fields.set(messageId, field);
    sent.ids.hold(messageId);
    const [queue] = keysOf(id);
    if (!isRelease) {
      const number = (): Promise<unknown> =>
        redis.evalsha(this.#scripts.number, 1, queue, field, messageId);
      connection.post(overhead, number);
      return;
    }
    const [brokerId = "", counter = ""] = field.split(":");
    const placed = { ...packet, brokerId, brokerCounter: Number(counter) };
    const packed = Buffer.from(encodePacket(placed));
    await redis.evalsha(this.#scripts.replace, 1, queue, field, packed);
  }

  /** A client with a session comes back: until it has what waited, all that comes waits too. */
  comes(client: string): void {
    this.#coming.set(client, { more: false });
  }

  /** Whether what comes for a client now is to be sent in its turn, with what waited. */
  holds(client: string, { qos, brokerId, messageId }: Packet): boolean {
    const coming = this.#coming.get(client);
    // What has an identifier already is what waited; what no hub numbered was retained.
    if (coming === undefined || qos === 0 || messageId !== undefined || !brokerId) return false;
    coming.more = true;
    return true;
  }

  /** A packet identifier that is not in use; undefined: all are. */
  nextId(client: string): number | undefined {
    return this.#sentTo(client).ids.next();
  }

  /** Takes out one that waits and is not to be sent; nobody waits for that. */
  withdraw(client: string, packet: Packet): void {
    if (!packet.brokerId) return;
    const { connection } = this.#parts;
    const [queue, order] = keysOf(client);
    const { take } = this.#scripts;
    connection.post(overhead, () =>
      connection.redis.evalsha(take, 2, queue, order, fieldOf(packet), "1"),
    );
  }

  /** Takes the message that an acknowledgement ends out, and frees its packet identifier. */
  async take({ id }: ClientOf, { messageId }: Packet): Promise<Packet | undefined> {
    const sent = this.#fields.get(id);
    if (messageId === undefined || sent === undefined) return undefined;
    sent.ids.release(messageId);
    const field = sent.fields.get(messageId);
    if (field === undefined) return undefined;
    sent.fields.delete(messageId);
    const { connection, riders } = this.#parts;
    const taken = await connection.bytesOf(this.#scripts.take, keysOf(id), [field, "0"]);
    if (!Buffer.isBuffer(taken)) return undefined;
    const found = decodePacket(taken, riders);
    return found && { ...found, messageId };
  }

  /** All that waits for a client, and comes meanwhile, in order. */
  async *all({ id, clean }: ClientOf): AsyncGenerator<Packet> {
    const { redis } = this.#parts.connection;
    const [, order] = keysOf(id);
    const coming = this.#coming.get(id) ?? { more: false };
    let last = "0";
    for (;;) {
      coming.more = false;
      const limit = ["WITHSCORES", "LIMIT", 0, atOnce] as const;
      const found = await redis.zrangebyscore(order, `(${last}`, "+inf", ...limit);
      // Nothing waited, and nothing came while that was asked: from now on it is sent at once.
      if (found.length === 0 && !coming.more) break;
      last = found.at(-1) ?? last;
      const fields = found.filter((_, at) => at % 2 === 0);
      if (fields.length > 0) yield* this.#packets({ id, clean }, fields);
    }
    this.#coming.delete(id);
  }

  async *#packets({ id, clean }: ClientOf, fields: readonly string[]): AsyncGenerator<Packet> {
    const { redis } = this.#parts.connection;
    const [queue] = keysOf(id);
    const [packets, numbers] = await Promise.all([
      redis.hmgetBuffer(queue, ...fields),
      redis.hmget(queue, ...fields.map((field) => `!${field}`)),
    ]);
    const sent = this.#sentTo(id);
    const known = numbers.map((number) => (number === null ? undefined : Number(number)));
    for (const one of known) if (one !== undefined) sent.ids.hold(one);
    for (const [index, packed] of packets.entries()) {
      const packet = packed === null ? undefined : decodePacket(packed, this.#parts.riders);
      if (packet === undefined) continue;
      const messageId = known[index] ?? (clean === undefined ? undefined : sent.ids.next());
      if (messageId !== undefined) sent.fields.set(messageId, fields[index] ?? "");
      // [MQTT-3.3.1-1]
      const dup = clean !== undefined && known[index] !== undefined;
      yield packet.cmd === "pubrel" ? { cmd: "pubrel", messageId } : { ...packet, dup, messageId };
    }
  }

  /** Ends the queue of a session that ends. */
  async end(client: string): Promise<void> {
    this.forget(client);
    await this.#parts.connection.redis.del(...keysOf(client));
  }

  /** The client is not here any more. */
  forget(client: string): void {
    this.#fields.delete(client);
    this.#coming.delete(client);
  }

  #sentTo(client: string): Sent {
    const known = this.#fields.get(client);
    if (known !== undefined) return known;
    const sent = { fields: new Map<number, string>(), ids: new PacketIds() };
    this.#fields.set(client, sent);
    return sent;
  }
}

function keysOf(client: string): [queue: string, order: string] {
  return [`queue:${client}`, `order:${client}`];
}

function fieldOf({ brokerId = "", brokerCounter = 0 }: Packet): string {
  return `${brokerId}:${brokerCounter}`;
}
