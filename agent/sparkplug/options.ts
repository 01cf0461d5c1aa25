/** The options of the Sparkplug B edge node. */
import type { Schema } from "../../config/index.ts";
import { certWithKey, option, v } from "../../config/index.ts";
import type { FacadeLinkOptions } from "../link-options.ts";
import { facadeLinkEntries } from "../link-options.ts";

export interface SparkplugOptions extends FacadeLinkOptions {
  readonly group?: string | undefined;
  readonly edge?: string | undefined;
  readonly host?: string | undefined;
}

/** An identifier of Sparkplug: one level of a topic. */
const identifier = v.pipe(
  v.string(),
  v.regex(/^[^+#/\p{Cc}]{1,128}$/u, "use 1 to 128 characters without +, # and /"),
);

export const sparkplugOptions: Schema<SparkplugOptions> = v.pipe(
  v.strictObject({
    ...facadeLinkEntries,
    group: v.optional(
      option(v.pipe(identifier, v.notValue("STATE", "STATE is a word of the standard's topics")), {
        about: "Group id, the second level of its topics; the site's name when left out.",
        example: "hall-1",
      }),
    ),
    edge: v.optional(
      option(identifier, {
        about: "Edge node id, unique in the group; the agent's id when left out.",
        example: "agent-1",
      }),
    ),
    host: v.optional(
      option(identifier, {
        about: "Id of the primary host: nothing is said before it is online.",
        example: "scada",
      }),
    ),
  }),
  certWithKey(),
);
