/**
 * Run by `redis_pair.test.ts` under node:test: the exam that aedes-persistence ships, of its Redis
 * as a hub has it. Argument: the port of a Redis, which is emptied.
 */
import { createRequire } from "node:module";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { Riders } from "../../broker/mqtt5/index.ts";
import { openShared } from "../../broker/redis/index.ts";
import { redisOptions } from "../../broker/redis/options.ts";
import { v } from "../../config/index.ts";
import { startRedis } from "../peers/redisd.ts";
import { realPlatform } from "./platform.ts";

const exam: unknown = createRequire(import.meta.url)("aedes-persistence/abstract.js");
const redis = await startRedis();
test.after(() => redis[Symbol.asyncDispose]());

if (typeof exam !== "function") throw new Error("aedes-persistence ships no exam");

/** Parts that ask for what a hub does another way. */
const others = new Set([
  // Payloads are bytes by the time they come here.
  "add outgoing packet as a string and stream",
  // Wills of hubs that are gone are not aedes' affair (`wills.ts`).
  "stream all will messages",
  "stream all will message for unknown brokers",
]);

exam({
  test: (name: string, run: (t: TestContext) => Promise<void>) => {
    if (!others.has(name)) void test(name, run);
  },
  testAsync: true,
  persistence: async () => {
    await redis.ask("FLUSHALL");
    const shared = await openShared(v.parse(redisOptions, { url: redis.url }), {
      ...realPlatform,
      entropy: { ...realPlatform.entropy, id: () => "broker-42" },
      options: { count: 1000, keep: 3_600_000, messages: 1_000_000, bytes: 1e9 },
      riders: new Riders(() => Date.now()),
      region: "exam",
      granted: () => true,
      neighbours: {
        heard: () => undefined,
        gone: () => undefined,
        will: () => undefined,
        mayLeave: () => true,
        end: () => undefined,
      },
    });
    const destroy = shared.persistence.destroy.bind(shared.persistence);
    return Object.assign(shared.persistence, {
      destroy: async () => {
        await destroy();
        await shared[Symbol.asyncDispose]();
      },
    });
  },
});
