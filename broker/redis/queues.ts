/**
 * What waits for clients that keep their session, in Redis and within bounds: the oldest goes
 * first, counted. Of each client a hash and a sorted set, which live as long as its session may:
 *
 *   queue:<client>   <field> → packet, !<field> → packet identifier, "bytes" → sum of all packets
 *   order:<client>   <field> by its number, which is counted for all together in `number`
 *
 * A field is `<hub>:<number of the publish>`, and `:1`, `:2` … behind it where a client has several
 * subscriptions that match: aedes takes one away for each that it does not deliver. What belongs
 * together is one script, so that no hub sees half of it. Which packet an acknowledgement is for
 * each hub knows of its own clients.
 */
import { decodePacket, encodePacket } from "../keep/packets.ts";
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

/**
 * KEYS queue, order; ARGV field, "1" for one that was not sent: its last copy, never one that is on
 * its way → the packet, which waits no more.
 */
const takeScript = `
local field = ARGV[1]
if ARGV[2] == '1' then
  local copy = 1
  while redis.call('hexists', KEYS[1], ARGV[1] .. ':' .. copy) == 1 do
    field = ARGV[1] .. ':' .. copy
    copy = copy + 1
  end
  if redis.call('hexists', KEYS[1], '!' .. field) == 1 then return false end
end
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
  /** How long a session lives without its client. @unit ms */
  readonly keep: number;
  /** Hears how many messages had to go. */
  readonly shed: (count: number) => void;
}

interface ClientOf {
  readonly id: string;
}

export class Queues {
  readonly #parts: QueueParts;
  readonly #scripts: Scripts;
  /** By client and packet identifier; of clients that are connected here. */
  readonly #fields = new Map<string, Map<number, string>>();
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
  add(client: string, packet: Packet, copy = 0): void {
    const { connection, limits, keep, shed } = this.#parts;
    const { redis } = connection;
    const packed = Buffer.from(encodePacket(waiting(packet)));
    const args = [packed, limits.messages, limits.bytes, Math.max(1, Math.ceil(keep / 1000))];
    connection.post(packed.length + overhead, async () => {
      const field = copy === 0 ? fieldOf(packet) : `${fieldOf(packet)}:${copy}`;
      const keys = [...keysOf(client), numberKey];
      const gone = await redis.evalsha(this.#scripts.add, 3, ...keys, field, ...args);
      if (typeof gone === "number" && gone > 0) shed(gone);
    });
  }

  /** A message that waits got its packet identifier, or a PUBREL takes its place. */
  async update({ id }: ClientOf, packet: Packet): Promise<void> {
    const { connection } = this.#parts;
    const { redis } = connection;
    const { messageId = 0 } = packet;
    const fields = this.#fieldsOf(id);
    const isRelease = packet.cmd === "pubrel";
    const field = isRelease ? fields.get(messageId) : fieldOf(packet);
    // A retained message at a SUBSCRIBE never waited.
    if (field === undefined) return;
    fields.set(messageId, field);
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

  /** Takes the message with a packet identifier out; without one, the very message. */
  async take({ id }: ClientOf, packet: Packet): Promise<Packet | undefined> {
    const { messageId } = packet;
    if (messageId === undefined && this.#coming.has(id)) return undefined;
    const fields = this.#fields.get(id);
    const sent = messageId === undefined ? undefined : fields?.get(messageId);
    const field = sent ?? (packet.brokerId === undefined ? undefined : fieldOf(packet));
    if (field === undefined) return undefined;
    if (messageId !== undefined) fields?.delete(messageId);
    const how = messageId === undefined ? "1" : "0";
    const { connection } = this.#parts;
    const taken = await connection.bytesOf(this.#scripts.take, keysOf(id), [field, how]);
    if (!Buffer.isBuffer(taken)) return undefined;
    const found = decodePacket(taken);
    return found && { ...found, messageId };
  }

  /** All that waits for a client, and comes meanwhile, in order. */
  async *all({ id }: ClientOf): AsyncGenerator<Packet> {
    const { redis } = this.#parts.connection;
    const [queue, order] = keysOf(id);
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
      for (const copy of fields.filter(isCopy)) {
        await redis.evalsha(this.#scripts.take, 2, queue, order, copy, "0");
      }
      const own = fields.filter((field) => !isCopy(field));
      if (own.length > 0) yield* this.#packets(id, own);
    }
    this.#coming.delete(id);
  }

  async *#packets(client: string, fields: readonly string[]): AsyncGenerator<Packet> {
    const { redis } = this.#parts.connection;
    const [queue] = keysOf(client);
    const [packets, numbers] = await Promise.all([
      redis.hmgetBuffer(queue, ...fields),
      redis.hmget(queue, ...fields.map((field) => `!${field}`)),
    ]);
    for (const [index, packed] of packets.entries()) {
      const packet = packed === null ? undefined : decodePacket(packed);
      if (packet === undefined) continue;
      const number = numbers[index] ?? null;
      const messageId = number === null ? undefined : Number(number);
      if (messageId !== undefined) this.#fieldsOf(client).set(messageId, fields[index] ?? "");
      yield packet.cmd === "pubrel" ? { cmd: "pubrel", messageId } : { ...packet, messageId };
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

  #fieldsOf(client: string): Map<number, string> {
    const known = this.#fields.get(client);
    if (known !== undefined) return known;
    const fields = new Map<number, string>();
    this.#fields.set(client, fields);
    return fields;
  }
}

function keysOf(client: string): [queue: string, order: string] {
  return [`queue:${client}`, `order:${client}`];
}

function fieldOf({ brokerId = "", brokerCounter = 0 }: Packet): string {
  return `${brokerId}:${brokerCounter}`;
}

function isCopy(field: string): boolean {
  return field.split(":").length > 2;
}
