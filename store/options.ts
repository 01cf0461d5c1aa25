/** Options of the store: which engine, and where. Each engine owns its own part. */
import { option, v } from "../config/index.ts";
import { influxOptions } from "./detect.ts";
import { influxdb1Options } from "./influxdb1/options.ts";
import { influxdb2Options } from "./influxdb2/options.ts";
import { influxdb3Options } from "./influxdb3/options.ts";
import { linesOptions } from "./lines/options.ts";
import { sqliteOptions } from "./sqlite/options.ts";

const engines = [
  sqliteOptions,
  influxdb1Options,
  influxdb2Options,
  influxdb3Options,
  influxOptions,
  linesOptions,
] as const;

export const storeOptions = v.optional(
  option(v.variant("engine", engines), {
    about: "Where points rest: the embedded file, or a database.",
  }),
  { engine: "sqlite" },
);

export type StoreOptions = v.InferOutput<typeof storeOptions>;
