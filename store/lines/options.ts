/** Options of the engine that only takes lines. */
import { duration, option, text, v } from "../../config/index.ts";
import { httpOptions, storeName } from "../http/options.ts";

const parameter = v.pipe(text, v.maxLength(256, "is longer than 256 characters"));

export const linesOptions = v.strictObject({
  engine: option(v.literal("lines"), {
    about: "VictoriaMetrics, QuestDB and others that take lines and answer no question of ours.",
  }),
  ...httpOptions,
  dialect: v.optional(
    option(v.picklist(["influxdb1", "influxdb2", "influxdb3"]), {
      about: "Whose way of writing it knows: /write, /api/v2/write or /api/v3/write_lp.",
      example: "influxdb1",
    }),
    "influxdb1",
  ),
  database: v.optional(
    option(storeName, {
      about: "Database or bucket, where it knows such a thing.",
      example: "public",
    }),
  ),
  rollupDatabase: v.optional(
    option(storeName, { about: "Database or bucket of roll-ups.", example: "rollups" }),
  ),
  parameters: v.optional(
    option(v.record(v.pipe(v.string(), v.minLength(1, "must not be empty")), parameter), {
      about: "Further parameters of each write.",
    }),
    {},
  ),
  resend: v.optional(
    option(duration, {
      about: "How long it may forget what it took when it is killed: sent again after that.",
      example: "30s",
    }),
    "0s",
  ),
  metrics: v.optional(
    option(v.pipe(text, v.startsWith("/", "begins with /")), {
      about: "Where VictoriaMetrics counts what it drops in silence; read once a minute.",
      example: "/metrics",
    }),
  ),
});

export type LinesOptions = v.InferOutput<typeof linesOptions>;
