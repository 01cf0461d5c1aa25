/** Options of the store: which engine, and where. Each engine owns its own part. */
import { option, v } from "../config/index.ts";
import { influxdb1Options } from "./influxdb1/options.ts";
import { sqliteOptions } from "./sqlite/options.ts";

export const storeOptions = v.optional(
  option(v.variant("engine", [sqliteOptions, influxdb1Options]), {
    about: "Where points rest: the embedded file, or a database.",
  }),
  { engine: "sqlite" },
);

export type StoreOptions = v.InferOutput<typeof storeOptions>;
