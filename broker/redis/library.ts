/**
 * The only door to aedes-persistence-redis: which sessions subscribe to what (a tree of all of them
 * in each hub, kept fresh by what hubs tell each other), handshakes of QoS 2, and wills. What it
 * must be kept from, as of 12.0:
 *
 * - It leaves promises of commands alone: when the connection breaks, each would end the process.
 * - Subscriptions that others add while it loads the tree are lost; they are told again here.
 * - Two SUBSCRIBEs of one client at once wait for one message, unless it comes back at once.
 *
 * What waits for a client is not its affair here (`queues.ts`): it neither bounds nor expires that,
 * numbers one packet for all who wait for it, and searches a list at each PUBACK.
 */
import AsyncRedisPersistence from "aedes-persistence-redis/asyncPersistence.js";
import type { Redis } from "./connection.ts";

export type Library = InstanceType<typeof AsyncRedisPersistence>;

type Handler = (packet: object, done: () => void) => void;

interface LibraryParts {
  readonly redis: Redis;
  readonly node: string;
  /** Tells the other hubs. */
  readonly tell: (topic: string, body: string) => void;
}

export class Subscribers {
  readonly library: Library;
  readonly #parts: LibraryParts;
  #handler: Handler | undefined;
  /** What came while the tree was loaded, which is seconds at most. */
  #held: { readonly topic: string; readonly body: string }[] = [];

  constructor(parts: LibraryParts) {
    this.#parts = parts;
    this.library = new AsyncRedisPersistence({ conn: careful(parts.redis) });
  }

  /** Loads the tree. */
  async open(): Promise<void> {
    await this.library.setup({
      id: this.#parts.node,
      subscribe: (_topic: string, handler: Handler, done: () => void) => {
        this.#handler = handler;
        for (const { topic, body } of this.#held) this.hear(topic, body);
        this.#held = [];
        done();
      },
      unsubscribe: (_topic: string, _handler: Handler, done: () => void) => done(),
      publish: ({ topic, payload }: { topic: string; payload: string }, done: () => void) => {
        this.hear(topic, payload);
        this.#parts.tell(topic, payload);
        done();
      },
    });
  }

  /** What another hub told by `tell`. */
  hear(topic: string, body: string): void {
    if (this.#handler === undefined) this.#held.push({ topic, body });
    else this.#handler({ topic, payload: body }, () => undefined);
  }
}

/** The same, where no promise that is left alone ends the process when it fails. */
function careful(redis: Redis): object {
  return new Proxy(redis, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== "function") return found;
      return (...args: readonly unknown[]): unknown => {
        const given: unknown = Reflect.apply(found, target, args);
        if (given instanceof Promise) given.catch(() => undefined);
        return given;
      };
    },
  });
}
