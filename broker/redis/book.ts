/**
 * Whose client identifier is whose, among all hubs of the region: a hash in Redis, where it is
 * decided, and a copy of it in each hub, by which bounds are judged and what is there is judged
 * while Redis is away. A client that keeps its session stays in the book while that lives, another
 * while it is connected; what a hub that is gone left there counts for nothing.
 */
import { v } from "../../config/index.ts";
import { jsonOf } from "../keep/packets.ts";
import type { Connection } from "./connection.ts";
import { within } from "./connection.ts";
import type { Clock } from "../../telemetry/index.ts";

export interface Entry {
  readonly user: string;
  /** `region/org` whose quota it uses. */
  readonly org?: string | undefined;
  /** Whether its session outlives its connection. */
  readonly kept: boolean;
  /** The hub it is, or was last, connected to. */
  readonly node: string;
  /** When it left; undefined while it is here. @unit ms since 1970-01-01 UTC */
  readonly left?: number | undefined;
  /** How long its session lives without it, where it has said so. @unit ms */
  readonly keep?: number | undefined;
}

const entryForm = v.object({
  user: v.string(),
  org: v.optional(v.string()),
  kept: v.boolean(),
  node: v.string(),
  left: v.optional(v.number()),
  keep: v.optional(v.number()),
});

export const bookKey = "book";
/** Where each hub says that it lives. */
export const nodeKey = "node:";

/** KEYS book, nodes; ARGV client, user, hub → 1 or 0, what was there, what is there. */
const claimScript = `
local raw = redis.call('hget', KEYS[1], ARGV[1])
local entry = { user = ARGV[2], node = ARGV[3], kept = false }
if raw then
  local was = cjson.decode(raw)
  local lives = was.node == ARGV[3] or redis.call('exists', KEYS[2] .. was.node) == 1
  if was.user ~= ARGV[2] and (was.kept or (not was.left and lives)) then return {0, raw, raw} end
  if was.user == ARGV[2] then
    entry.kept = was.kept
    entry.org = was.org
  end
end
local packed = cjson.encode(entry)
redis.call('hset', KEYS[1], ARGV[1], packed)
return {1, raw or '', packed}`;

/**
 * KEYS book; ARGV client, hub, time, how long or "" → what is there then. Another hub's is left
 * alone.
 */
const leaveScript = `
local raw = redis.call('hget', KEYS[1], ARGV[1])
if not raw then return '' end
local entry = cjson.decode(raw)
if entry.node ~= ARGV[2] or entry.left then return raw end
if not entry.kept then
  redis.call('hdel', KEYS[1], ARGV[1])
  return ''
end
entry.left = tonumber(ARGV[3])
entry.keep = tonumber(ARGV[4])
local packed = cjson.encode(entry)
redis.call('hset', KEYS[1], ARGV[1], packed)
return packed`;

/** KEYS book; ARGV client, time → whether it was away since before that, and is gone now. */
const expireScript = `
local raw = redis.call('hget', KEYS[1], ARGV[1])
if not raw then return 0 end
local left = cjson.decode(raw).left
if not left or left > tonumber(ARGV[2]) then return 0 end
return redis.call('hdel', KEYS[1], ARGV[1])`;

export class Book {
  readonly #entries = new Map<string, Entry>();
  #kept = 0;

  /** Sessions that are kept. */
  get kept(): number {
    return this.#kept;
  }

  get(client: string): Entry | undefined {
    return this.#entries.get(client);
  }

  get all(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  set(client: string, entry: Entry | undefined): void {
    if (this.#entries.get(client)?.kept === true) this.#kept -= 1;
    if (entry === undefined) this.#entries.delete(client);
    else this.#entries.set(client, entry);
    if (entry?.kept === true) this.#kept += 1;
  }

  /** Sessions that are kept for an organisation. */
  keptOf(org: string | undefined): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.kept && entry.org === org) count += 1;
    return count;
  }
}

export interface Claimed {
  readonly granted: boolean;
  readonly before: Entry | undefined;
  readonly entry: Entry | undefined;
}

/** The book in Redis. */
export class SharedBook {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #node: string;

  constructor(connection: Connection, { clock, node }: { clock: Clock; node: string }) {
    this.#connection = connection;
    this.#clock = clock;
    this.#node = node;
  }

  /** @throws E_REDIS and what Redis says */
  async claim(client: string, user: string): Promise<Claimed> {
    const { redis } = this.#connection;
    const asked = redis.eval(claimScript, 2, bookKey, nodeKey, client, user, this.#node);
    const told: unknown = await within(this.#clock, asked);
    const [granted, before, entry] = Array.isArray(told) ? (told satisfies unknown[]) : [];
    return { granted: granted === 1, before: entryOf(before), entry: entryOf(entry) };
  }

  /** What is in the book then of a client that left a hub. */
  async leave(client: string, node: string, keep?: number): Promise<Entry | undefined> {
    const { redis } = this.#connection;
    const args = [client, node, this.#clock.now(), keep ?? ""];
    return entryOf(await redis.eval(leaveScript, 1, bookKey, ...args));
  }

  async put(client: string, entry: Entry): Promise<void> {
    await this.#connection.redis.hset(bookKey, client, JSON.stringify(entry));
  }

  /** Whether a session ended because its client was away since before `time`. */
  async expire(client: string, time: number): Promise<boolean> {
    return (await this.#connection.redis.eval(expireScript, 1, bookKey, client, time)) === 1;
  }

  /** All of it, in steps. */
  async *all(): AsyncGenerator<readonly [string, Entry]> {
    let cursor = "0";
    do {
      const { redis } = this.#connection;
      const [next, found] = await redis.hscan(bookKey, cursor, "COUNT", atOnce);
      for (let at = 0; at + 1 < found.length; at += 2) {
        const entry = entryOf(found[at + 1]);
        if (entry !== undefined) yield [found[at] ?? "", entry];
      }
      cursor = next;
    } while (cursor !== "0");
  }
}

const atOnce = 500;

export function entryOf(told: unknown): Entry | undefined {
  if (typeof told !== "string" || told === "") return undefined;
  const parsed = v.safeParse(entryForm, jsonOf(told));
  return parsed.success ? parsed.output : undefined;
}
