/**
 * The DL/T 645 part of a profile. A field is a part of what a data identifier gives; identifiers
 * of eight hexadecimal digits are asked for by the 2007 edition, of four by that of 1997.
 */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import { serialSettings } from "../transport/options.ts";
import { mostData } from "./frame.ts";

const headerForm = v.strictObject({
  serial: v.optional(option(serialSettings, { about: "Line settings as the maker ships it." })),
});

/** What becomes of the top bit: a digit's, a sign, or a sign that the register has no room for. */
export const signs = ["none", "kept", "dropped"] as const;
export type Sign = (typeof signs)[number];

export interface Dlt645Field extends NumberForm {
  /** Upper-case hexadecimal. */
  readonly identifier: string;
  /** Where the value begins in what follows the identifier. @unit bytes */
  readonly at: number;
  readonly bytes: number;
  readonly decimals: number;
  readonly sign: Sign;
}

const identifier = v.pipe(
  v.string("write the identifier in quotes"),
  v.regex(/^([0-9A-F]{8}|[0-9A-F]{4})$/, "write eight digits 0-9 A-F, as in 02010100"),
);

const field: Schema<Dlt645Field> = v.strictObject({
  identifier: option(identifier, { about: "Data identifier, DI3 first.", example: "02010100" }),
  at: v.optional(option(whole(0, mostData), { about: "First byte within a block." }), 0),
  bytes: option(whole(1, 6), { about: "Length of the value.", example: 2 }),
  decimals: v.optional(option(whole(0, 8), { about: "Digits behind the point." }), 0),
  sign: v.optional(
    option(v.picklist(signs), { about: "Whether the top bit is a sign, and what becomes of it." }),
    "none",
  ),
  ...numberForm,
});

type Header = v.InferOutput<typeof headerForm>;
const header: Schema<Header> = v.optional(headerForm, {});

export type Dlt645Profile = Profile<Header, Dlt645Field>;
export const dlt645Profile: ProfileParts<Header, Dlt645Field> = { header, field };
