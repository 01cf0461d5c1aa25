/** What a UMB device may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v, whole } from "../../config/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { wireOptions, wireProblem } from "../transport/wire.ts";

export const umbOptions = {
  ...wireOptions(),
  unit: v.optional(option(whole(1, 255), { about: "Device number.", example: 1 }), 1),
  unitClass: v.optional(
    option(whole(1, 14), { about: "Device class; 7 is a weather station.", example: 7 }),
    7,
  ),
  timeout: v.optional(
    option(duration, { about: "How long the device may take to answer.", example: "500ms" }),
    "500ms",
  ),
};

export interface UmbOptions extends WireOptions {
  readonly unit: number;
  readonly unitClass: number;
  /** @unit ms */
  readonly timeout: number;
}

export const umbOptionsSchema: Schema<UmbOptions> = v.pipe(
  v.object(umbOptions),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? wireProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);
