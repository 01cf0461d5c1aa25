/** The Redis that the hubs of one region share: `broker.redis` (docs/two-hubs.md). */
import type { Address, Schema, Secret } from "../../config/index.ts";
import { address, option, secret, text, v, whole } from "../../config/index.ts";

export interface RedisOptions {
  readonly url: Address;
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  /** File with the authority that signed its certificate. */
  readonly ca?: string | undefined;
  readonly database: number;
}

export const redisOptions: Schema<RedisOptions> = v.strictObject({
  url: option(address({ redis: 6379, rediss: 6380 }), {
    about: "Where it is: redis (TCP) or rediss (TLS).",
    example: "rediss://redis.example.org:6380",
  }),
  username: v.optional(option(text, { about: "The hubs' user there.", example: "rackstreet" })),
  password: v.optional(option(secret, { about: "Its password.", example: "${REDIS_PASSWORD}" })),
  ca: v.optional(
    option(text, {
      about: "File with the authority that signed its certificate (PEM); else public ones count.",
      example: "/etc/rackstreet/redis-ca.pem",
    }),
  ),
  database: v.optional(option(whole(0, 15), { about: "Number of the database.", example: 1 }), 0),
});
