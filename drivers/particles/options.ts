/** What a particle sensor may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, text, v } from "../../config/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { onWire, wireOptions } from "../transport/wire.ts";

export const sensors = ["pms5003", "sds011", "sps30"] as const;

export const particlesOptions = {
  ...wireOptions(),
  sensor: option(v.picklist(sensors), {
    about:
      "pms5003: Plantower, any of the family; sds011: Nova Fitness; sps30: Sensirion (115200).",
    example: "pms5003",
  }),
  channel: v.optional(
    option(v.pipe(text, v.maxLength(64, "at most 64 characters")), {
      about: "Value of the `sensor` tag.",
      example: "north",
    }),
    "air",
  ),
  every: v.optional(
    option(duration, {
      about: "A sensor that streams is heard this often at most; 0ms: each frame.",
      example: "1m",
    }),
    "10s",
  ),
  silence: v.optional(
    option(duration, { about: "A sensor that says nothing for so long is lost.", example: "5m" }),
    "1m",
  ),
};

export interface ParticlesOptions extends WireOptions {
  readonly sensor: (typeof sensors)[number];
  readonly channel: string;
  /** @unit ms */
  readonly every: number;
  /** @unit ms */
  readonly silence: number;
}

export const particlesOptionsSchema: Schema<ParticlesOptions> = onWire(v.object(particlesOptions));
