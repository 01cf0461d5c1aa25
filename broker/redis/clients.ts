/**
 * Who is connected to which hub with which client identifier, and whose sessions there are: this
 * hub's part in the book (`book.ts`).
 */
import type { Clock } from "../../telemetry/index.ts";
import { sleep } from "../../telemetry/index.ts";
import type { Claim } from "../memory.ts";
import type { SessionOptions } from "../sessions.ts";
import type { Claimed, Entry } from "./book.ts";
import { Book, entryOf } from "./book.ts";
import type { Live } from "./live.ts";

export interface ClientsParts {
  readonly node: string;
  readonly options: SessionOptions;
  readonly clock: Clock;
  /** Undefined while Redis is away. */
  readonly live: () => Live | undefined;
}

/** A client that is connected to this hub. */
interface Here {
  readonly user: string;
  readonly org: string | undefined;
  readonly kept: boolean;
}

/** How long a newcomer waits for another hub to end the older connection. @unit ms */
const handOverWithin = 2000;
/** Clients claimed again at once. */
const atOnce = 100;

export class Clients {
  readonly #parts: ClientsParts;
  readonly #book = new Book();
  /** Bounded by the connections. */
  readonly #here = new Map<string, Here>();
  /** Logins that wait for Redis, by client identifier. */
  readonly #claiming = new Map<string, number>();
  /** Newcomers that wait for another hub to let their identifier go. */
  readonly #awaited = new Map<string, () => void>();
  /** What was heard while the book is read; undefined: it is not. */
  #heard: Set<string> | undefined;

  constructor(parts: ClientsParts) {
    this.#parts = parts;
  }

  allows(client: string): boolean {
    return this.#book.get(client)?.kept === true || this.#book.kept < this.#parts.options.count;
  }

  allowsOf(client: string, org: string | undefined, most: number): boolean {
    if (most === Number.POSITIVE_INFINITY || this.#book.get(client)?.kept === true) return true;
    return this.#book.keptOf(org) < most;
  }

  ownerOf(client: string): string | undefined {
    const entry = this.#book.get(client);
    return entry?.kept === true || entry?.left === undefined ? entry?.user : undefined;
  }

  /** Whether it is connected to a hub that lives. */
  isConnected(client: string, alive: ReadonlySet<string>): boolean {
    const entry = this.#book.get(client);
    return entry !== undefined && entry.left === undefined && alive.has(entry.node);
  }

  async claim({ client, user, clean }: Claim): Promise<{ readonly owner: string } | "unavailable"> {
    this.#claiming.set(client, (this.#claiming.get(client) ?? 0) + 1);
    try {
      const live = this.#parts.live();
      const claimed = await live?.book.claim(client, user).catch((error: unknown) => {
        live.connection.close(error);
        return undefined;
      });
      if (live === undefined || claimed === undefined) return this.#claimAlone(client, user, clean);
      if (!claimed.granted) return { owner: claimed.before?.user ?? "" };
      this.#put(client, claimed.entry, live);
      this.#here.set(client, { user, org: claimed.entry?.org, kept: false });
      await this.#handedOver(client, claimed, live);
      return { owner: user };
    } finally {
      const others = (this.#claiming.get(client) ?? 1) - 1;
      if (others > 0) this.#claiming.set(client, others);
      else this.#claiming.delete(client);
    }
  }

  /** Without Redis: who keeps a session would be told that there is none. */
  #claimAlone(
    client: string,
    user: string,
    clean: boolean,
  ): { readonly owner: string } | "unavailable" {
    if (!clean) return "unavailable";
    const owner = this.ownerOf(client) ?? user;
    if (owner === user) this.#here.set(client, { user, org: undefined, kept: false });
    return { owner };
  }

  /**
   * The hub where the client was ends that connection, with its will, before the client goes on
   * here: else its will would come after what it says now [MQTT-3.1.4-2] [MQTT-3.1.2-8].
   */
  async #handedOver(client: string, { before }: Claimed, { wire }: Live): Promise<void> {
    const { node, clock } = this.#parts;
    if (before === undefined || before.node === node || before.left !== undefined) return;
    const topic = `$SYS/${node}/new/clients`;
    const gone = new AbortController();
    this.#awaited.set(client, () => gone.abort());
    wire.tell({ kind: "publish", packet: { topic, payload: Buffer.from(client), qos: 0 } });
    await sleep(clock, handOverWithin, gone.signal).catch(() => undefined);
    this.#awaited.delete(client);
  }

  entered(client: string, user: string, org: string | undefined): void {
    this.#here.set(client, { user, org, kept: true });
    this.#keep(client, { user, org, kept: true, node: this.#parts.node });
  }

  /** @param keep how long its session lives without it, where it has said so; ms */
  left(client: string, keep?: number): void {
    if (this.#claiming.has(client)) return;
    this.#here.delete(client);
    const live = this.#parts.live();
    if (live === undefined) {
      const entry = this.#book.get(client);
      if (entry?.node !== this.#parts.node) return;
      const left = this.#parts.clock.now();
      this.#book.set(client, entry.kept ? { ...entry, left, keep } : undefined);
      return;
    }
    live.queues.forget(client);
    live.connection.post(client.length, () => this.#leave(client, live, { keep }));
  }

  /** The client begins anew: what it left before ends. */
  endSession(client: string): void {
    const entry = this.#book.get(client);
    const live = this.#parts.live();
    if (entry?.kept !== true || live === undefined) return;
    live.connection.post(client.length, () => live.queues.end(client));
    this.#keep(client, { ...entry, org: undefined, kept: false });
  }

  /** What another hub says is in the book. */
  hear(client: string, told: string | null): void {
    this.#heard?.add(client);
    this.#book.set(client, entryOf(told));
    this.#awaited.get(client)?.();
  }

  /** Reads the book and claims who is here; clients whose connection must end. */
  async join(live: Live, alive: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const ended = new Set<string>();
    await this.#read(live);
    const here = [...this.#here];
    for (let at = 0; at < here.length; at += atOnce) {
      const some = here.slice(at, at + atOnce);
      const held = await Promise.all(some.map(([client]) => this.#claimAgain(client, live, alive)));
      for (const [index, [client]] of some.entries()) if (held[index] !== true) ended.add(client);
    }
    for (const [client, { node, left }] of this.#book.all) {
      const stale = node === this.#parts.node && left === undefined && !this.#here.has(client);
      if (stale) await this.#leave(client, live);
    }
    return ended;
  }

  /** True where its connection may go on. */
  async #claimAgain(client: string, live: Live, alive: ReadonlySet<string>): Promise<boolean> {
    const here = this.#here.get(client);
    if (here === undefined) return true;
    const { node } = this.#parts;
    if (this.isConnected(client, alive) && this.#book.get(client)?.node !== node) return false;
    const { granted, entry } = await live.book.claim(client, here.user);
    if (!granted) return false;
    this.#put(client, entry, live);
    if (here.kept) {
      const { user, org } = here;
      this.#keep(client, { user, org, kept: true, node }, live);
    } else if (entry?.kept === true) {
      await live.subscribers.library.cleanSubscriptions({ id: client });
      await live.queues.end(client);
      this.#keep(client, { ...entry, org: undefined, kept: false }, live);
    }
    return !here.kept;
  }

  async #read(live: Live): Promise<void> {
    const heard = new Set<string>();
    this.#heard = heard;
    try {
      const found = new Set<string>();
      for await (const [client, entry] of live.book.all()) {
        found.add(client);
        if (!heard.has(client)) this.#book.set(client, entry);
      }
      for (const [client] of this.#book.all) {
        if (!found.has(client) && !heard.has(client)) this.#book.set(client, undefined);
      }
    } finally {
      this.#heard = undefined;
    }
  }

  /** A hub is gone, and its clients with it. */
  async gone(live: Live, gone: string): Promise<void> {
    for (const [client, { node, left }] of this.#book.all) {
      if (node === gone && left === undefined) await this.#leave(client, live, { node: gone });
    }
  }

  /** Ends sessions whose clients were away for too long. */
  async expire(): Promise<void> {
    const live = this.#parts.live();
    if (live === undefined) return;
    const now = this.#parts.clock.now();
    for (const [client, { left, keep = Number.POSITIVE_INFINITY }] of this.#book.all) {
      const oldest = now - Math.min(keep, this.#parts.options.keep);
      if (left === undefined || left > oldest) continue;
      if (!(await live.book.expire(client, oldest))) continue;
      this.#put(client, undefined, live);
      await live.subscribers.library.cleanSubscriptions({ id: client });
      await live.queues.end(client);
    }
  }

  async #leave(
    client: string,
    live: Live,
    {
      node = this.#parts.node,
      keep,
    }: { readonly node?: string; readonly keep?: number | undefined } = {},
  ): Promise<void> {
    const entry = await live.book.leave(client, node, keep);
    this.#put(client, entry, live);
  }

  /** Writes it and tells it. */
  #keep(client: string, entry: Entry, live = this.#parts.live()): void {
    if (live === undefined) {
      this.#book.set(client, entry);
      return;
    }
    live.connection.post(client.length, () => live.book.put(client, entry));
    this.#put(client, entry, live);
  }

  /** Takes what Redis has, and tells it. */
  #put(client: string, entry: Entry | undefined, live: Live): void {
    this.#book.set(client, entry);
    const told = entry === undefined ? null : JSON.stringify(entry);
    live.wire.tell({ kind: "book", client, entry: told });
  }
}
