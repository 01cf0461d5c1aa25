/** Options of the embedded engine. */
import type { Schema } from "../../config/index.ts";
import { duration, option, size, text, v } from "../../config/index.ts";
import type { FreeSpace } from "./messages.ts";

const percent = /^(\d{1,2})%$/;

/** `10%` of the disk, or a size. */
const freeSpace: Schema<FreeSpace> = v.union(
  [
    v.pipe(
      v.string(),
      v.regex(percent),
      v.transform((given) => ({ percent: Number(given.slice(0, -1)) })),
    ),
    v.pipe(
      size,
      v.transform((bytes) => ({ bytes })),
    ),
  ],
  "write a part of the disk (10%) or a size (5GiB)",
);

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
  rollupRetention: v.optional(
    option(duration, {
      about: "Months of roll-ups (`…_1m`, `…_5m`, `…_1h`) older than this are dropped.",
      example: "730d",
    }),
    "1826d",
  ),
  maxSize: v.optional(
    option(size, {
      about: "Space for points; past it the oldest day is dropped.",
      example: "10GiB",
    }),
    "2GiB",
  ),
  minFree: v.optional(
    option(freeSpace, {
      about:
        "Space to leave free on the disk, a part of it or a size; below it the oldest day is " +
        "dropped, while the store holds at least what is missing.",
      example: "5GiB",
    }),
    "10%",
  ),
});

export type SqliteOptions = v.InferOutput<typeof sqliteOptions>;
