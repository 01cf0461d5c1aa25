/** What the cards of AMD may be given in the configuration, beside the keys of every device. */
import type { Schema } from "../../config/index.ts";
import { atLeast, option, text, v } from "../../config/index.ts";

export const amdOptions = {
  program: v.optional(
    option(text, {
      about: "amd-smi or rocm-smi, or a path; left out: amd-smi, where it is missing rocm-smi.",
      example: "/opt/rocm/bin/amd-smi",
    }),
  ),
  details: v.optional(
    option(atLeast("1s"), { about: "How often power limits are read.", example: "1h" }),
    "10m",
  ),
  links: v.optional(
    option(atLeast("1s"), { about: "How often XGMI is read.", example: "10s" }),
    "1m",
  ),
  timeout: v.optional(
    option(atLeast("1s"), { about: "Longest run of the tool.", example: "1m" }),
    "30s",
  ),
};

export interface AmdOptions {
  readonly program?: string | undefined;
  /** @unit ms */
  readonly details: number;
  /** @unit ms */
  readonly links: number;
  /** @unit ms */
  readonly timeout: number;
}

export const amdOptionsSchema: Schema<AmdOptions> = v.object(amdOptions);
