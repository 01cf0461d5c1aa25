/** What an HJ 212 station may be given in the configuration, beside the keys of every device. */
import type { Address, Schema, Secret } from "../../config/index.ts";
import { address, duration, option, secret, text, v } from "../../config/index.ts";
import { fieldFacts } from "../../telemetry/index.ts";
import type { Factor } from "./factors.ts";

/** The standard names no port. */
const usualPort = 8212;

const utcOffset: Schema<number> = v.pipe(
  v.string("write the offset as +08:00, in quotes"),
  v.regex(/^[+-](0\d|1[0-4]):[0-5]\d$/, "write the offset as +08:00"),
  v.transform((text) => {
    const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4));
    return (text.startsWith("-") ? -minutes : minutes) * 60_000;
  }),
);

const factor = v.pipe(
  v.strictObject({
    measurement: v.optional(option(text, { about: "Measurement of the register." }), "environment"),
    field: option(text, { about: "Its field.", example: "pm25_ugm3" }),
    scale: v.optional(option(v.number(), { about: "From the station's unit to the field's." }), 1),
  }),
  v.check(
    ({ measurement, field }) => ["float", "integer"].includes(typeOf(measurement, field)),
    "the register has no such number",
  ),
);

function typeOf(measurement: string, field: string): string {
  return fieldFacts(measurement, field)?.type ?? "none";
}

export const hj212Options = {
  listen: option(address({ tcp: usualPort }), {
    about: "Where stations call; stations with the same address share it.",
    example: "tcp://0.0.0.0:8212",
  }),
  station: option(v.pipe(text, v.maxLength(64, "at most 64 characters")), {
    about: "The station's number, MN.",
    example: "010000A8900016F000169DC0",
  }),
  password: v.optional(
    option(secret, {
      about: "The password, PW, that the station must send; any when left out.",
      example: "${STATION_PW}",
    }),
  ),
  // Not `zone`: that is every device's place.
  utcOffset: v.optional(
    option(utcOffset, { about: "How far the station's time is ahead of UTC.", example: "+08:00" }),
    "+08:00",
  ),
  checksum: v.optional(
    option(v.picklist(["strict", "lenient"]), {
      about: "lenient: frames with a wrong checksum are taken too, and counted.",
      example: "lenient",
    }),
    "strict",
  ),
  factors: v.optional(
    option(v.record(text, factor), {
      about: "Factors of your own, or with another unit, by code: `{a34004: {field: …}}`.",
    }),
    {},
  ),
  silence: v.optional(
    option(duration, {
      about: "A station that says nothing for so long is lost; never when left out.",
      example: "15m",
    }),
  ),
};

export interface Hj212Options {
  readonly listen: Address;
  readonly station: string;
  readonly password?: Secret | undefined;
  /** @unit ms ahead of UTC */
  readonly utcOffset: number;
  readonly checksum: "strict" | "lenient";
  readonly factors: Readonly<
    Record<string, { readonly measurement: string; readonly field: string; readonly scale: number }>
  >;
  /** @unit ms */
  readonly silence?: number | undefined;
}

export const hj212OptionsSchema: Schema<Hj212Options> = v.object(hj212Options);

/** The user's own factors, by code. */
export function ownFactors({ factors }: Hj212Options): ReadonlyMap<string, Factor> {
  return new Map(
    Object.entries(factors).map(([code, { measurement, field, scale }]) => {
      return [code, { measurement, field, toField: (value: number) => value * scale }];
    }),
  );
}
