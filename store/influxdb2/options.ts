/** Options of the InfluxDB 2 engine. */
import { option, secret, v } from "../../config/index.ts";
import { createOption, httpOptions, retentionOptions, storeName } from "../http/options.ts";

export const influxdb2Options = v.strictObject({
  engine: option(v.literal("influxdb2"), {
    about: "InfluxDB 2, InfluxDB Cloud (TSM), or what answers Flux; 1.8 with bucket DB/POLICY.",
  }),
  ...httpOptions,
  org: option(storeName, { about: "Organisation that owns the bucket.", example: "power" }),
  bucket: v.optional(
    option(storeName, { about: "Bucket that holds the points.", example: "rackstreet" }),
    "rackstreet",
  ),
  rollupBucket: v.optional(
    option(storeName, {
      about: "Bucket of roll-ups; left out: that of the points.",
      example: "rollups",
    }),
  ),
  ...retentionOptions,
  token: v.optional(option(secret, { about: "API token.", example: "${INFLUX_TOKEN}" })),
  create: createOption,
});

export type Influxdb2Options = v.InferOutput<typeof influxdb2Options>;
