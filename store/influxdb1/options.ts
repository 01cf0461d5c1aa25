/** Options of the InfluxDB 1 engine. */
import { duration, option, secret, text, v } from "../../config/index.ts";

function isPlainUrl(input: string): boolean {
  if (!URL.canParse(input)) return false;
  const url = new URL(input);
  const named = url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "";
  return !named && (url.protocol === "http:" || url.protocol === "https:");
}

const url = v.pipe(
  v.string(),
  v.check(isPlainUrl, "write http://HOST:8086; name and password have options of their own"),
);

const name = v.pipe(text, v.maxLength(256, "is longer than 256 characters"));

export const influxdb1Options = v.strictObject({
  engine: option(v.literal("influxdb1"), { about: "InfluxDB 1.x, or what speaks like it." }),
  url: option(url, {
    about: "Where it listens; a path before /write and /query may follow.",
    example: "http://127.0.0.1:8086",
  }),
  database: v.optional(
    option(name, { about: "Database that holds the points.", example: "rackstreet" }),
    "rackstreet",
  ),
  retentionPolicy: v.optional(
    option(name, {
      about: "Retention policy to write to and read from; left out: the database's default.",
      example: "raw",
    }),
  ),
  username: v.optional(option(text, { about: "User, where it asks for one.", example: "hub" })),
  password: v.optional(
    option(secret, { about: "Password of that user.", example: "${INFLUX_PASSWORD}" }),
  ),
  gzip: v.optional(
    option(v.boolean(), {
      about: "Compress what is written; worth it over a slow link, never on one machine.",
      example: true,
    }),
    false,
  ),
  create: v.optional(
    option(v.boolean(), { about: "Create the database when it is missing.", example: false }),
    true,
  ),
  timeout: v.optional(
    option(duration, { about: "Longest wait for one answer.", example: "30s" }),
    "10s",
  ),
});

export type Influxdb1Options = v.InferOutput<typeof influxdb1Options>;
