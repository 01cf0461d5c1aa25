/** What an NMEA 0183 instrument may be given in the configuration, beside what all devices may. */
import type { Schema } from "../../config/index.ts";
import { duration, option, text, v } from "../../config/index.ts";
import { fieldFacts } from "../../telemetry/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { onWire, wireOptions } from "../transport/wire.ts";

/** The port that IANA registered for NMEA 0183 over TCP. */
const nmeaPort = 10_110;

const measurements = ["environment", "water_level"] as const;

const transducer = v.pipe(
  v.strictObject({
    measurement: v.optional(
      option(v.picklist(measurements), { about: "Measurement of the register." }),
      "environment",
    ),
    field: option(text, { about: "Its field.", example: "temp_c" }),
    scale: v.optional(
      option(v.number(), { about: "Beyond the units that the sentence names." }),
      1,
    ),
  }),
  v.check(
    ({ measurement, field }) => fieldFacts(measurement, field)?.type === "float",
    "the register has no such number",
  ),
);

export const nmeaOptions = {
  ...wireOptions(nmeaPort),
  channel: v.optional(
    option(v.pipe(text, v.maxLength(64, "at most 64 characters")), {
      about: "Value of the `sensor` tag.",
      example: "roof",
    }),
    "mast",
  ),
  talkers: v.optional(
    option(v.array(v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9]$/, "write a talker: WI"))), {
      about: "Only sentences of these talkers, where several instruments share a line: `[WI]`.",
    }),
  ),
  xdr: v.optional(
    option(v.record(text, transducer), {
      about: 'Which transducer is which field, by name or TYPE:NAME: `{"C:0": {field: temp_c}}`.',
    }),
    {},
  ),
  checksum: v.optional(
    option(v.picklist(["strict", "optional"]), {
      about: "optional: sentences without a checksum are taken too.",
      example: "optional",
    }),
    "strict",
  ),
  every: v.optional(
    option(duration, {
      about: "What came meanwhile is told this often, the newest of each; 0ms: each sentence.",
      example: "1m",
    }),
    "10s",
  ),
  silence: v.optional(
    option(duration, {
      about: "An instrument that says nothing for so long is lost.",
      example: "5m",
    }),
    "1m",
  ),
};

export interface TransducerField {
  readonly measurement: (typeof measurements)[number];
  readonly field: string;
  readonly scale: number;
}

export interface NmeaOptions extends WireOptions {
  readonly channel: string;
  readonly talkers?: readonly string[] | undefined;
  readonly xdr: Readonly<Record<string, TransducerField>>;
  readonly checksum: "strict" | "optional";
  /** @unit ms */
  readonly every: number;
  /** @unit ms */
  readonly silence: number;
}

export const nmeaOptionsSchema: Schema<NmeaOptions> = onWire(v.object(nmeaOptions));
