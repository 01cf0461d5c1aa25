/**
 * The M-Bus part of a profile. A field names a record by what it is: its quantity (or its value
 * information block), storage number, tariff, subunit and function.
 */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import { serialSettings } from "../transport/options.ts";
import { quantityNames } from "./quantities.ts";
import type { ValueFunction } from "./records.ts";
import { functions } from "./records.ts";

/** The status byte of the header, as if it were a quantity. */
export const statusQuantity = "status";

const headerForm = v.strictObject({
  serial: v.optional(option(serialSettings, { about: "Line settings as the maker ships it." })),
});

export interface MbusField extends NumberForm {
  readonly quantity?: string | undefined;
  /** Upper-case hexadecimal. */
  readonly vif?: string | undefined;
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
  readonly function: ValueFunction;
  /** Among several alike, from 1. */
  readonly nth: number;
}

const fieldForm = v.strictObject({
  quantity: v.optional(
    option(v.picklist([...quantityNames, statusQuantity]), {
      about: "What the record tells; it comes in Wh, m³, W, m³/h, °C, K, Pa, s, V, A.",
      example: "energy",
    }),
  ),
  vif: v.optional(
    option(v.pipe(v.string(), v.regex(/^([0-9A-F]{2}){1,13}$/, "write hexadecimal pairs")), {
      about: "VIF and VIFEs themselves, for a record the tables lack; its number comes unscaled.",
      example: "04FF01",
    }),
  ),
  storage: v.optional(option(whole(0, 2 ** 31), { about: "Storage number; 0 is now." }), 0),
  tariff: v.optional(option(whole(0, 2 ** 20), { about: "Tariff." }), 0),
  subunit: v.optional(option(whole(0, 1023), { about: "Subunit of the device." }), 0),
  function: v.optional(option(v.picklist(functions), { about: "Kind of value." }), "instantaneous"),
  nth: v.optional(option(whole(1, 64), { about: "Which one of several alike." }), 1),
  ...numberForm,
});

const field: Schema<MbusField> = v.pipe(
  fieldForm,
  v.check(
    ({ quantity, vif }) => (quantity === undefined) !== (vif === undefined),
    "give either `quantity` or `vif`",
  ),
);

type Header = v.InferOutput<typeof headerForm>;
const header: Schema<Header> = v.optional(headerForm, {});

export type MbusProfile = Profile<Header, MbusField>;
export const mbusProfile: ProfileParts<Header, MbusField> = { header, field };

/** A field's record in words: `energy`, `volume storage 1`, `power maximum`. */
export function placeOf({ quantity, vif, ...rest }: MbusField): string {
  const { storage, tariff, subunit, function: kind, nth } = rest;
  return [
    quantity ?? `vif ${vif}`,
    ...(kind === "instantaneous" ? [] : [kind]),
    ...(storage === 0 ? [] : [`storage ${storage}`]),
    ...(tariff === 0 ? [] : [`tariff ${tariff}`]),
    ...(subunit === 0 ? [] : [`subunit ${subunit}`]),
    ...(nth === 1 ? [] : [`#${nth}`]),
  ].join(" ");
}
