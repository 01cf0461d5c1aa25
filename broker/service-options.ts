/** Options of the hub as a whole: its name, its folder, how often it reports on itself. */
import type { Schema } from "../config/index.ts";
import { interval, levelName, option, text, v } from "../config/index.ts";

export interface HubOptions {
  readonly id: string;
  readonly data: string;
  readonly health: number;
  /** Who stores what agents publish. */
  readonly ingest: "own" | "workers";
}

export const hubOptions: Schema<HubOptions> = v.strictObject({
  id: v.optional(option(levelName, { about: "Name of this hub." }), "hub"),
  data: v.optional(
    option(text, {
      about: "Folder for alert state, roll-up marks and the file of what could not be stored.",
      example: "/var/lib/rackstreet/hub",
    }),
    "data/hub",
  ),
  health: v.optional(option(interval, { about: "How often the hub reports on itself." }), "10s"),
  ingest: v.optional(
    option(v.picklist(["own", "workers"]), {
      about:
        "Who stores what agents publish: this hub, or processes beside it that do nothing else " +
        "(`rackstreet hub --ingest-only`, docs/several-hubs.md).",
      example: "workers",
    }),
    "own",
  ),
});
