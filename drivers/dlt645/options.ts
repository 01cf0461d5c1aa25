/** What a DL/T 645 meter may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v } from "../../config/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { wireOptions, wireProblem } from "../transport/wire.ts";

const meterNumber = v.pipe(
  v.string("write the meter's number in quotes"),
  v.regex(/^(any|\d{1,12})$/, "write up to twelve digits, or any"),
);

export const dlt645Options = {
  ...wireOptions(),
  meter: v.optional(
    option(meterNumber, {
      about: "Communication address on the meter's plate; `any` where it is the only one.",
      example: "000012345678",
    }),
    "any",
  ),
  timeout: v.optional(
    option(duration, { about: "How long the device may take to answer.", example: "1s" }),
    "1s",
  ),
};

export interface Dlt645Options extends WireOptions {
  /** Digits, or `any`. */
  readonly meter: string;
  /** @unit ms */
  readonly timeout: number;
}

export const dlt645OptionsSchema: Schema<Dlt645Options> = v.pipe(
  v.object(dlt645Options),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? wireProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);
