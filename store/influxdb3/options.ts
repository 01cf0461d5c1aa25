/** Options of the InfluxDB 3 engine. */
import { option, secret, v } from "../../config/index.ts";
import { httpOptions, retentionOptions, storeName } from "../http/options.ts";

export const influxdb3Options = v.strictObject({
  engine: option(v.literal("influxdb3"), {
    about: "InfluxDB 3: Core, Enterprise, and its cloud kinds that answer SQL over HTTP.",
  }),
  ...httpOptions,
  database: v.optional(
    option(storeName, { about: "Database that holds the points.", example: "rackstreet" }),
    "rackstreet",
  ),
  rollupDatabase: v.optional(
    option(storeName, {
      about: "Database of roll-ups; left out: that of the points. Core has five at most.",
      example: "rollups",
    }),
  ),
  ...retentionOptions,
  token: v.optional(
    option(secret, { about: "Token, where it asks for one.", example: "${INFLUX_TOKEN}" }),
  ),
});

export type Influxdb3Options = v.InferOutput<typeof influxdb3Options>;
