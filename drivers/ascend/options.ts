/** What the cards of Ascend may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { atLeast, option, text, v } from "../../config/index.ts";

export const ascendOptions = {
  program: v.optional(
    option(text, {
      about: "The maker's tool: a name in PATH, or a path.",
      example: "/usr/local/bin/npu-smi",
    }),
    "npu-smi",
  ),
  details: v.optional(
    option(atLeast("1s"), {
      about: "How often clocks, memory errors and fault codes are read; several runs for each NPU.",
      example: "1h",
    }),
    "5m",
  ),
  timeout: v.optional(
    option(atLeast("1s"), { about: "Longest run of the tool.", example: "1m" }),
    "30s",
  ),
};

export interface AscendOptions {
  readonly program: string;
  /** @unit ms */
  readonly details: number;
  /** @unit ms */
  readonly timeout: number;
}

export const ascendOptionsSchema: Schema<AscendOptions> = v.object(ascendOptions);
