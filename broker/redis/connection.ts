/**
 * The only door to ioredis: two connections to a Redis, one for commands and what other hubs are
 * told, one to hear them. They are never mended: what was on its way when one breaks is unknown, so
 * the hub opens new ones and begins anew (`shared.ts`). No command waits while there is none.
 *
 * Commands of a turn leave together, and in the order they were given: what waits for a client is
 * there before the other hub hears that it came.
 */
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import type { RedisOptions as LibraryOptions } from "ioredis";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, invariant, messageOf } from "../../telemetry/index.ts";
import type { RedisOptions } from "./options.ts";

export type { Redis };

/** For a connection, with the server's readiness, and for an answer. @unit ms */
export const answerWithin = 5000;

/** On their way before publishers wait, and before the connection is given up. */
const comfortable = { commands: 10_000, bytes: 16 * 1024 * 1024 };
const most = { commands: 100_000, bytes: 128 * 1024 * 1024 };

/** What every key and channel begins with: regions may share a Redis. */
export function prefixOf(region: string): string {
  return `rackstreet:${region}:`;
}

/** Two open connections. */
export class Connection {
  /** Commands and publishes. */
  readonly redis: Redis;
  /** Subscriptions alone. */
  readonly ear: Redis;
  readonly #lost = new AbortController();
  #commands = 0;
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  private constructor(redis: Redis, ear: Redis) {
    this.redis = redis;
    this.ear = ear;
    for (const one of [redis, ear]) {
      // The first reason counts; "end" comes in any case.
      one.on("error", (error: Error) => this.close(error));
      one.on("end", () => this.close(new GatewayError("E_REDIS", "the connection was lost")));
    }
  }

  /** @throws E_REDIS, E_CONFIG when the file of the authority cannot be read, E_SECRET_MISSING */
  static async open(options: RedisOptions, prefix: string, clock: Clock): Promise<Connection> {
    const how = libraryOptions(options);
    const redis = new Redis({ ...how, keyPrefix: prefix, enableAutoPipelining: true });
    const connection = new Connection(redis, new Redis(how));
    try {
      await within(clock, Promise.all([redis.connect(), connection.ear.connect()]));
    } catch (error) {
      const { reason } = connection.lost;
      connection.close(error);
      throw new GatewayError("E_REDIS", messageOf(reason ?? error), { cause: error });
    }
    return connection;
  }

  /** Aborted, with the reason, once one of them does no more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ends both; what is under way fails. */
  close(reason: unknown): void {
    this.#lost.abort(reason);
    this.redis.disconnect();
    this.ear.disconnect();
    this.#room?.resolve();
  }

  /** A promise for room among what is on its way; undefined: there is room. */
  room(): Promise<void> | undefined {
    if (this.lost.aborted || !this.#isAbove(comfortable)) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Sends what nobody waits for; what fails is the connection's end, and is told there. */
  post(bytes: number, send: () => Promise<unknown>): void {
    if (this.lost.aborted) return;
    if (this.#isAbove(most)) {
      this.close(new GatewayError("E_REDIS", "it is slower than what it is sent"));
      return;
    }
    this.#commands += 1;
    this.#bytes += bytes;
    void this.#send(send).finally(() => this.#done(bytes));
  }

  async #send(send: () => Promise<unknown>): Promise<void> {
    try {
      await send();
    } catch (error) {
      this.close(error);
    }
  }

  /** What a loaded script gives, as bytes; the library's types lack it. */
  async bytesOf(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const evaluate: unknown = Reflect.get(this.redis, "evalshaBuffer");
    invariant(typeof evaluate === "function", "ioredis has no evalshaBuffer");
    return await Reflect.apply(evaluate, this.redis, [script, keys.length, ...keys, ...args]);
  }

  #done(bytes: number): void {
    this.#commands -= 1;
    this.#bytes -= bytes;
    if (this.#room === undefined || this.#isAbove(comfortable)) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  #isAbove({ commands, bytes }: typeof most): boolean {
    return this.#commands >= commands || this.#bytes >= bytes;
  }
}

/** What a promise gives, if it does so in time. @throws E_REDIS */
export async function within<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(answerWithin, () => {
    late.reject(new GatewayError("E_REDIS", `no answer within ${answerWithin / 1000} s`));
  });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    timer.cancel();
  }
}

function libraryOptions({ url, username, password, ca, database }: RedisOptions): LibraryOptions {
  const secure = url.scheme === "rediss";
  return {
    host: url.host,
    port: url.port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(secure ? { tls: { servername: url.host, ...authority(ca) } } : {}),
    lazyConnect: true,
    connectTimeout: answerWithin,
    keepAlive: answerWithin,
    retryStrategy: () => null,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  };
}

function authority(path: string | undefined): { readonly ca?: Buffer } {
  if (path === undefined) return {};
  try {
    return { ca: readFileSync(path) };
  } catch (cause) {
    throw new GatewayError("E_CONFIG", `broker.redis.ca: ${path} cannot be read`, { cause });
  }
}
