/**
 * Whose session is whose, how long each lives, and where all that the broker remembers is kept over
 * a restart. A session belongs to the user who began it: another user with the same client
 * identifier would be sent what waits for the first.
 */
import type { Worker } from "node:worker_threads";
import { v } from "../config/index.ts";
import type { Clock, Platform, Timer } from "../telemetry/index.ts";
import { Keeper } from "./keep/keeper.ts";
import type { Entry } from "./keep/messages.ts";
import { decodePacket, encodePacket, jsonOf } from "./keep/packets.ts";
import type { Memory } from "./memory.ts";
import type { Riders } from "./mqtt5/index.ts";
import type { Changes, Subscription } from "./persistence.ts";
import { HubPersistence } from "./persistence.ts";
import type { Packet } from "./session-queue.ts";

export interface SessionOptions {
  /** Sessions at once; none: every session ends with its connection. */
  readonly count: number;
  /** How long a client may be away. @unit ms */
  readonly keep: number;
  /** Messages that wait for one client. */
  readonly messages: number;
  /** @unit bytes */
  readonly bytes: number;
}

/** Where it is kept; left out: only in memory. */
export interface KeepParts {
  readonly worker: () => Worker;
  readonly path: string;
}

export interface SessionParts extends Platform {
  readonly options: SessionOptions;
  readonly keep: KeepParts | undefined;
  /** What rides on messages. */
  readonly riders: Riders;
  readonly granted: (client: string, filter: string) => boolean;
}

/** A session in the book. */
interface Booked {
  readonly user: string;
  /** `region/org` whose quota it uses. */
  org?: string | undefined;
  /** When its client left; undefined while it is here. @unit ms since 1970-01-01 UTC */
  left: number | undefined;
  /** Its client had it when it came. */
  resumed?: boolean;
  /** How long it lives without its client; undefined: as long as any. @unit ms */
  keep?: number | undefined;
  subscriptions: readonly Subscription[];
}

const bookedSchema = v.object({
  user: v.string(),
  org: v.optional(v.string()),
  left: v.optional(v.number()),
  keep: v.optional(v.number()),
  subscriptions: v.array(v.object({ topic: v.string(), qos: v.picklist([0, 1, 2]) })),
});

/** @unit ms */
const lookEvery = 60_000;

export class Sessions implements Memory {
  readonly persistence: HubPersistence;
  /** Nothing is shared. */
  readonly broker = {};
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #riders: Riders;
  /** By client identifier. */
  readonly #book = new Map<string, Booked>();
  #keeper: Keeper | undefined;
  #timer: Timer | undefined;

  private constructor({ options, clock, riders, granted }: SessionParts) {
    this.#options = options;
    this.#clock = clock;
    this.#riders = riders;
    this.persistence = new HubPersistence({
      limits: options,
      granted,
      changes: this.#changes(),
      resumes: (client) => this.#book.get(client)?.resumed === true,
    });
  }

  /** @throws E_CONFIG when the file cannot be opened */
  static async open(parts: SessionParts): Promise<Sessions> {
    const sessions = new Sessions(parts);
    const { keep, clock, log } = parts;
    if (keep !== undefined) {
      const keeper = { worker: keep.worker(), path: keep.path, clock, log };
      sessions.#keeper = await Keeper.open(keeper, (entry) => sessions.#restore(entry));
    }
    sessions.#schedule();
    return sessions;
  }

  /** Whether a client that wants a session may have one. */
  allows(client: string): boolean {
    return this.#book.has(client) || this.#book.size < this.#options.count;
  }

  /** Whether a client of an organisation that may have `most` sessions may have one. */
  allowsOf(client: string, org: string | undefined, most: number): boolean {
    if (most === Number.POSITIVE_INFINITY || this.#book.has(client)) return true;
    return [...this.#book.values()].filter((booked) => booked.org === org).length < most;
  }

  /** Whose session a client identifier has; undefined: none. */
  ownerOf(client: string): string | undefined {
    return this.#book.get(client)?.user;
  }

  /** A client with a session is here. */
  entered(client: string, user: string, org: string | undefined): void {
    if (this.#isOver(client)) this.forget(client);
    const known: Booked | undefined = this.#book.get(client);
    const booked = known ?? { user, left: undefined, subscriptions: [] };
    booked.resumed = known !== undefined;
    booked.left = undefined;
    booked.org = org;
    this.#book.set(client, booked);
    this.#keep(client, booked);
  }

  /** @param keep how long its session lives without it, where it has said so; ms */
  left(client: string, keep?: number): void {
    const booked = this.#book.get(client);
    if (booked === undefined) return;
    if (keep === 0) return this.forget(client);
    booked.left = this.#clock.now();
    booked.keep = keep;
    this.#keep(client, booked);
  }

  forget(client: string): void {
    this.persistence.forget(client);
  }

  /** Forgets the sessions of clients that were away for too long. */
  look(): void {
    for (const client of this.#book.keys()) if (this.#isOver(client)) this.forget(client);
  }

  #isOver(client: string): boolean {
    const { left, keep = Number.POSITIVE_INFINITY } = this.#book.get(client) ?? {};
    if (left === undefined) return false;
    return left + Math.min(keep, this.#options.keep) <= this.#clock.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#keeper?.[Symbol.asyncDispose]();
    this.#keeper = undefined;
  }

  #schedule(): void {
    this.#timer = this.#clock.after(lookEvery, () => {
      this.#schedule();
      this.look();
    });
  }

  #changes(): Changes {
    return {
      retained: (topic, packet) =>
        this.#keeper?.note("retained", topic, packet && (() => this.#encoded(packet))),
      session: (client, session) => {
        const booked = this.#book.get(client);
        if (session === undefined) {
          if (this.#book.delete(client)) this.#keeper?.note("session", client, undefined);
        } else if (booked !== undefined) {
          booked.subscriptions = session.subscriptions;
          this.#keep(client, booked);
        }
      },
      queued: (client, seq, packet) =>
        this.#keeper?.note(
          "queued",
          queuedKey(client, seq),
          packet && (() => this.#encoded(packet)),
        ),
    };
  }

  #keep(client: string, booked: Booked): void {
    this.#keeper?.note("session", client, () => Buffer.from(JSON.stringify(booked)));
  }

  #encoded(packet: Packet): Uint8Array {
    return encodePacket(packet, this.#riders.of(packet.payload));
  }

  /** Tables come in their order: a session before what waits for it. */
  #restore({ table, key, value }: Entry): void {
    if (table === "session") return this.#restoreSession(key, value);
    const packet = decodePacket(value, this.#riders);
    if (packet === undefined) return;
    if (table === "retained") return this.persistence.restoreRetained(key, packet);
    const [client, seq] = queuedPlace(key);
    this.persistence.restoreQueued(client, seq, packet);
  }

  #restoreSession(client: string, value: Uint8Array): void {
    const parsed = v.safeParse(bookedSchema, jsonOf(Buffer.from(value).toString("utf8")));
    if (!parsed.success) return;
    const { left = this.#clock.now(), ...booked } = parsed.output;
    const { subscriptions } = booked;
    this.#book.set(client, { ...booked, left });
    this.persistence.restoreSession(client, { subscriptions });
  }
}

const seqDigits = 16;

/** Sorts by client, then by number. */
function queuedKey(client: string, seq: number): string {
  return `${client}\n${String(seq).padStart(seqDigits, "0")}`;
}

function queuedPlace(key: string): readonly [client: string, seq: number] {
  const end = key.lastIndexOf("\n");
  return [key.slice(0, end), Number(key.slice(end + 1))];
}
