/** What an SDI-12 sensor may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { duration, option, v } from "../../config/index.ts";
import type { WireOptions } from "../transport/wire.ts";
import { wireOptions, wireProblem } from "../transport/wire.ts";

const sensorAddress = v.pipe(
  v.string("write the address in quotes"),
  v.regex(/^[0-9A-Za-z?]$/, "write one of 0-9, A-Z, a-z, or ? for the only one"),
);

export const sdi12Options = {
  ...wireOptions(),
  sensor: v.optional(
    option(sensorAddress, {
      about: "The sensor's address; `?` asks for it where there is only one.",
      example: "0",
    }),
    "0",
  ),
  break: v.optional(
    option(v.picklist(["line", "adapter"]), {
      about: "Who makes the break that wakes the sensors: the serial line, or the adapter itself.",
      example: "line",
    }),
    "line",
  ),
  timeout: v.optional(
    option(duration, { about: "How long the device may take to answer.", example: "500ms" }),
    "500ms",
  ),
};

export interface Sdi12Options extends WireOptions {
  readonly sensor: string;
  readonly break: "line" | "adapter";
  /** @unit ms */
  readonly timeout: number;
}

export const sdi12OptionsSchema: Schema<Sdi12Options> = v.pipe(
  v.object(sdi12Options),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? wireProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);
