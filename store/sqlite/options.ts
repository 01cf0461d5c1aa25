/** Options of the embedded engine. */
import { duration, option, size, text, v } from "../../config/index.ts";

export const sqliteOptions = v.strictObject({
  engine: option(v.literal("sqlite"), { about: "Embedded: one file on this machine." }),
  path: v.optional(
    option(text, { about: "The file; its folder is made.", example: "/var/lib/rackstreet/store" }),
    "data/store.sqlite",
  ),
  retention: v.optional(
    option(duration, { about: "Days older than this are dropped.", example: "30d" }),
    "400d",
  ),
  maxSize: v.optional(
    option(size, {
      about: "Space for points; past it the oldest day is dropped.",
      example: "10GiB",
    }),
    "2GiB",
  ),
});

export type SqliteOptions = v.InferOutput<typeof sqliteOptions>;
