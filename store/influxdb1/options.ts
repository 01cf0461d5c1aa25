/** Options of the InfluxDB 1 engine. */
import { option, secret, text, v } from "../../config/index.ts";
import { createOption, httpOptions, retentionOptions, storeName } from "../http/options.ts";

export const influxdb1Options = v.strictObject({
  engine: option(v.literal("influxdb1"), { about: "InfluxDB 1.x, or what answers InfluxQL." }),
  ...httpOptions,
  database: v.optional(
    option(storeName, { about: "Database that holds the points.", example: "rackstreet" }),
    "rackstreet",
  ),
  retentionPolicy: v.optional(
    option(storeName, {
      about: "Retention policy to write to and read from; left out: the database's default.",
      example: "raw",
    }),
  ),
  rollupPolicy: v.optional(
    option(storeName, {
      about: "Retention policy of roll-ups; left out: that of the points.",
      example: "rollups",
    }),
  ),
  ...retentionOptions,
  consistency: v.optional(
    option(v.picklist(["any", "one", "quorum", "all"]), {
      about: "How many nodes of an InfluxDB Enterprise cluster must have a line.",
      example: "quorum",
    }),
  ),
  username: v.optional(option(text, { about: "User, where it asks for one.", example: "hub" })),
  password: v.optional(
    option(secret, { about: "Password of that user.", example: "${INFLUX_PASSWORD}" }),
  ),
  create: createOption,
});

export type Influxdb1Options = v.InferOutput<typeof influxdb1Options>;
