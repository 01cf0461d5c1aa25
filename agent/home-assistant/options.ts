/** The options of the facade for Home Assistant. */
import type { Schema } from "../../config/index.ts";
import { certWithKey, levelName, option, v } from "../../config/index.ts";
import type { FacadeLinkOptions } from "../link-options.ts";
import { facadeLinkEntries } from "../link-options.ts";

export interface HomeAssistantOptions extends FacadeLinkOptions {
  readonly prefix: string;
  readonly telemetry: boolean;
}

export const homeAssistantOptions: Schema<HomeAssistantOptions> = v.pipe(
  v.strictObject({
    ...facadeLinkEntries,
    prefix: v.optional(
      option(levelName, { about: "Its discovery prefix, the first level of the topics." }),
      "homeassistant",
    ),
    telemetry: v.optional(
      option(v.boolean(), {
        about: "Whether batches and states are copied there; false where the hub uses that broker.",
      }),
      true,
    ),
  }),
  certWithKey(),
);
