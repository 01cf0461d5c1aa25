/** The SDI-12 part of a profile: a field is one of the values that a measurement gives. */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import { serialSettings } from "../transport/options.ts";

const headerForm = v.strictObject({
  serial: v.optional(option(serialSettings, { about: "Line settings as the maker ships it." })),
  check: v.optional(
    option(v.picklist(["crc", "none"]), {
      about: "Whether values are asked for with a CRC; sensors before version 1.3 have none.",
    }),
    "crc",
  ),
  vendor: v.optional(option(v.string(), { about: "What the sensor must say of its maker." })),
  model: v.optional(option(v.string(), { about: "What the sensor must say of its model." })),
});

export type Sdi12Header = v.InferOutput<typeof headerForm>;

export interface Sdi12Field extends NumberForm {
  /** Without address, CRC letter and `!`. */
  readonly command: string;
  /** Which of the values, from 1. */
  readonly value: number;
}

const command = v.pipe(
  v.string(),
  v.regex(/^([MC][1-9]?|R[0-9])$/, "write M, M1 to M9, C, C1 to C9 or R0 to R9"),
);

const field: Schema<Sdi12Field> = v.strictObject({
  command: v.optional(option(command, { about: "The measurement that gives it." }), "M"),
  value: option(whole(1, 99), { about: "Which of its values, from 1.", example: 1 }),
  ...numberForm,
});

const header: Schema<Sdi12Header> = v.optional(headerForm, {});

export type Sdi12Profile = Profile<Sdi12Header, Sdi12Field>;
export const sdi12Profile: ProfileParts<Sdi12Header, Sdi12Field> = { header, field };
