/** What an M-Bus meter may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v, whole } from "../../config/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { wireOptions, wireProblem } from "../transport/wire.ts";
import { addresses } from "./frame.ts";
import type { Identity } from "./response.ts";

const identification = v.pipe(
  v.string("write the number in quotes"),
  v.toUpperCase(),
  v.regex(/^[\dF]{8}$/, "write eight digits; F stands for any digit"),
);

const letters = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, "write three capital letters"));

export const mbusOptions = {
  ...wireOptions(),
  primary: v.optional(
    option(v.union([whole(0, 250), v.literal(addresses.whoever)]), {
      about: "Primary address; 254 reaches whichever meter is the only one.",
      example: 5,
    }),
  ),
  secondary: v.optional(
    option(identification, {
      about: "Identification number of a meter that is reached by its secondary address.",
      example: "24083345",
    }),
  ),
  manufacturer: v.optional(
    option(letters, { about: "Maker's letters, where numbers meet twice.", example: "KAM" }),
  ),
  version: v.optional(option(whole(0, 254), { about: "The meter's version, likewise." })),
  medium: v.optional(option(whole(0, 254), { about: "The meter's medium, likewise." })),
  telegrams: v.optional(
    option(whole(1, 32), { about: "Most telegrams that are read of a meter with several." }),
    8,
  ),
  timeout: v.optional(
    option(duration, { about: "How long the device may take to answer.", example: "1s" }),
    "1s",
  ),
};

const form = v.object(mbusOptions);

export interface MbusOptions extends WireOptions {
  /** A primary address, or who is to be selected. */
  readonly whom: number | Identity;
  readonly telegrams: number;
  /** @unit ms */
  readonly timeout: number;
}

/** Exactly one of `primary` and `secondary`. */
export const mbusOptionsSchema: Schema<MbusOptions> = v.pipe(
  form,
  v.rawTransform(({ dataset, addIssue, NEVER }): MbusOptions => {
    const { address, bus, primary, secondary, telegrams, timeout, ...rest } = dataset.value;
    const problem =
      wireProblem({ address, bus }) ??
      ((primary === undefined) === (secondary === undefined)
        ? "give either `primary` (an address) or `secondary` (an identification number)"
        : undefined);
    if (problem !== undefined) {
      addIssue({ message: problem });
      return NEVER;
    }
    const { manufacturer, version, medium } = rest;
    const whom = primary ?? { id: secondary ?? "", manufacturer, version, medium };
    return { address, bus, whom, telegrams, timeout };
  }),
);
