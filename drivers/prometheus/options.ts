/** What an exporter's device may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, size, v } from "../../config/index.ts";
import type { HttpDeviceOptions } from "../transport/http-options.ts";
import { httpDeviceOptions } from "../transport/http-options.ts";
import type { Where } from "./conditions.ts";
import { where } from "./conditions.ts";
import { template } from "./profile.ts";

/** @unit bytes */
const largestPage = 64 * 1024 * 1024;

const { url, ...access } = httpDeviceOptions;

export const prometheusOptions = {
  url: option(url, {
    about: "The exporter's page; without a path the one of the profile is asked for.",
    example: "http://10.0.0.20:9400/metrics",
  }),
  ...access,
  query: v.optional(
    option(v.record(v.string(), v.string()), {
      about: "Asked of an exporter that reads others: `{target: 10.0.1.7, module: default}`.",
    }),
    {},
  ),
  where: v.optional(
    option(where, {
      about: "This device's labels on a page of several: `{Hostname: node-7}`; * is any text.",
    }),
    {},
  ),
  channels: v.optional(
    option(v.record(v.string(), template), {
      about: "Other names for a measurement's channels, of labels: `{accelerator: '{UUID}'}`.",
    }),
    {},
  ),
  limit: v.optional(
    option(
      v.pipe(
        size,
        v.check((bytes) => bytes > 0 && bytes <= largestPage, "at most 64MiB"),
      ),
      { about: "Longest page.", example: "16MiB" },
    ),
    "8MiB",
  ),
  stale: v.optional(
    option(duration, {
      about: "Values that the exporter itself dates longer ago than this are marked as stale.",
      example: "5m",
    }),
    "5m",
  ),
};

export interface PrometheusOptions extends HttpDeviceOptions {
  readonly query: Readonly<Record<string, string>>;
  readonly where: Where;
  /** By measurement. */
  readonly channels: Readonly<Record<string, string>>;
  /** @unit bytes */
  readonly limit: number;
  /** @unit ms */
  readonly stale: number;
}

export const prometheusOptionsSchema: Schema<PrometheusOptions> = v.object(prometheusOptions);
