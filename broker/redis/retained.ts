/**
 * Retained messages in Redis, and in each hub all of them, so that what asks for them never waits:
 * a hash by topic of `<time> <packet>`. A hub writes what its own clients retain, and hears of the
 * rest by the wire. After it could not hear, it takes what Redis has and writes what was retained
 * here meanwhile, or so shortly before that a crash of Redis may have cost it, where that is newer.
 */
import { decodePacket, encodePacket } from "../keep/packets.ts";
import type { Riders } from "../mqtt5/index.ts";
import type { HubPersistence } from "../persistence.ts";
import type { Packet } from "../session-queue.ts";
import type { Connection } from "./connection.ts";

const key = "retained";
/** Where Redis says which memory it has: one that is empty has another. */
const memoryKey = "memory";
/** What a Redis that wrote its file once a second may have lost, with patience. @unit ms */
const unsure = 10_000;
/** Digits of the time, which so sorts as text. */
const digits = 15;
/** Entries of one step, between which the hub does other work. */
const atOnce = 200;
const overhead = 200;

/** KEYS hash; ARGV topic, entry, digits: puts it where there is none, or an older one → 0. */
const newerScript = `
local raw = redis.call('hget', KEYS[1], ARGV[1])
if raw and string.sub(raw, 1, ARGV[3]) >= string.sub(ARGV[2], 1, ARGV[3]) then return 1 end
if #ARGV[2] == tonumber(ARGV[3]) then redis.call('hdel', KEYS[1], ARGV[1])
else redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end
return 0`;

/** What was retained at a time, and could not be told then. */
export interface Late {
  readonly packet: Packet;
  /** @unit ms since 1970-01-01 UTC */
  readonly at: number;
}

interface RetainedParts {
  readonly now: () => number;
  /** Hears what is read and was not known. */
  readonly changed: (packet: Packet) => void;
  /** What rides on messages. */
  readonly riders: Riders;
}

export class SharedRetained {
  readonly #mirror: HubPersistence;
  readonly #now: () => number;
  readonly #changed: (packet: Packet) => void;
  readonly #riders: Riders;
  /** What changed here while nothing could be written, and when; bounded as topics are. */
  readonly #unwritten = new Map<string, number>();
  /** What was written lately, and when; bounded as topics are. */
  readonly #recent = new Map<string, number>();
  /** What was written last of `#unwritten`, and when. */
  readonly #settled = new Map<string, number>();
  /** What was heard while all is read; undefined: nothing is read now. */
  #heard: Set<string> | undefined;
  /** The memory that was read last. */
  #memory: string | undefined;

  constructor(mirror: HubPersistence, { now, changed, riders }: RetainedParts) {
    this.#mirror = mirror;
    this.#now = now;
    this.#changed = changed;
    this.#riders = riders;
  }

  /** What a client of this hub retains; an empty payload clears. */
  store(packet: Packet, connection: Connection | undefined): void {
    const { topic = "", payload = "" } = packet;
    void this.#mirror.storeRetained(packet);
    this.#heard?.add(topic);
    const now = this.#now();
    if (connection === undefined) {
      this.#unwritten.set(topic, now);
      return;
    }
    this.#remember(topic, now);
    const { redis } = connection;
    const size = topic.length + payload.length + overhead;
    if (payload.length === 0) connection.post(size, () => redis.hdel(key, topic));
    else {
      const packed = this.#packedAt(now, packet);
      connection.post(size, () => redis.hset(key, topic, packed));
    }
  }

  /** The connection is gone: what was written last may be lost. */
  lost(): void {
    for (const [topic, at] of this.#recent) this.#unwritten.set(topic, at);
    this.#recent.clear();
  }

  #remember(topic: string, now: number): void {
    this.#recent.delete(topic);
    this.#recent.set(topic, now);
    for (const [oldest, at] of this.#recent) {
      if (at > now - unsure) break;
      this.#recent.delete(oldest);
    }
  }

  /**
   * What a client of another hub retains. @param at when it did so, where it is told late
   * @returns whether that is news
   */
  hear(packet: Packet, at?: number): boolean {
    const { topic = "", payload = "" } = packet;
    const ours = this.#unwritten.get(topic) ?? this.#settled.get(topic);
    if (at !== undefined && ours !== undefined && ours > at) return false;
    this.#recent.delete(topic);
    // A part of a larger message, which would stay in memory with it.
    const own = Buffer.from(payload);
    const rider = this.#riders.of(payload);
    if (rider !== undefined) this.#riders.seat(own, rider);
    void this.#mirror.storeRetained({ ...packet, payload: own });
    this.#heard?.add(topic);
    this.#unwritten.delete(topic);
    return true;
  }

  /**
   * Makes Redis and this hub agree; what comes meanwhile counts as newer. A Redis that has another
   * memory than the last is told all that this hub knows.
   * @returns what was written of what changed here
   */
  async agree(connection: Connection, memory: string): Promise<Late[]> {
    const { redis } = connection;
    this.#settled.clear();
    await redis.setnx(memoryKey, memory);
    const found = await redis.get(memoryKey);
    const forgotten = found !== this.#memory;
    const written = await this.#agree(connection, forgotten);
    this.#memory = found ?? undefined;
    return written;
  }

  async #agree(connection: Connection, forgotten: boolean): Promise<Late[]> {
    const heard = new Set<string>();
    this.#heard = heard;
    try {
      const written = await this.write(connection);
      const found = new Set<string>();
      await this.#read(connection, (topic, packet) => {
        found.add(topic);
        if (heard.has(topic)) return;
        const known = this.#mirror.retainedAt(topic)?.payload;
        this.#mirror.restoreRetained(topic, packet);
        if (!sameBytes(known, packet.payload)) this.#changed(packet);
      });
      await this.#judgeRest(connection, { found, heard, forgotten });
      return written;
    } finally {
      this.#heard = undefined;
    }
  }

  /** Writes what changed here meanwhile; what of it is not newer there. */
  async write({ redis }: Connection): Promise<Late[]> {
    const written: Late[] = [];
    for (const [topic, at] of this.#unwritten) {
      const packet = this.#mirror.retainedAt(topic);
      const empty = { topic, payload: Buffer.alloc(0), retain: true, qos: 0 };
      const packed = packet === undefined ? Buffer.from(timeText(at)) : this.#packedAt(at, packet);
      const newer = await redis.eval(newerScript, 1, key, topic, packed, digits);
      if (newer === 0) written.push({ packet: packet ?? empty, at });
      this.#unwritten.delete(topic);
      this.#settled.set(topic, at);
    }
    return written;
  }

  async #read({ redis }: Connection, each: (topic: string, packet: Packet) => void): Promise<void> {
    let cursor = "0";
    do {
      const [next, found] = await redis.hscanBuffer(key, cursor, "COUNT", atOnce);
      for (let at = 0; at + 1 < found.length; at += 2) {
        const packet = this.#packetIn(found[at + 1]);
        if (packet !== undefined) each(found[at]?.toString() ?? "", packet);
      }
      cursor = next.toString();
    } while (cursor !== "0");
  }

  /** What this hub has and Redis has not was cleared there, or forgotten. */
  async #judgeRest(
    { redis }: Connection,
    { found, heard, forgotten }: { found: Set<string>; heard: Set<string>; forgotten: boolean },
  ): Promise<void> {
    const all = [...this.#mirror.retainedOn("#")].map(({ topic }) => topic);
    const rest = all.filter((topic) => !found.has(topic));
    for (let at = 0; at < rest.length; at += atOnce) {
      const some = rest.slice(at, at + atOnce).filter((topic) => !heard.has(topic));
      const entries: (string | Buffer)[] = [];
      for (const topic of some) {
        const packet = this.#mirror.retainedAt(topic);
        if (packet === undefined) continue;
        if (forgotten) entries.push(topic, this.#packedAt(this.#now(), packet));
        else void this.#mirror.storeRetained({ topic, payload: Buffer.alloc(0) });
      }
      if (entries.length > 0) await redis.hset(key, ...entries);
    }
  }

  #packedAt(at: number, packet: Packet): Buffer {
    const packed = encodePacket(packet, this.#riders.of(packet.payload));
    return Buffer.concat([Buffer.from(timeText(at)), packed]);
  }

  #packetIn(entry: Buffer | undefined): Packet | undefined {
    return entry === undefined ? undefined : decodePacket(entry.subarray(digits), this.#riders);
  }
}

function timeText(at: number): string {
  return String(Math.floor(at)).padStart(digits, "0");
}

type Payload = Packet["payload"];

function sameBytes(one: Payload, other: Payload): boolean {
  return one !== undefined && Buffer.from(one).equals(Buffer.from(other ?? ""));
}
