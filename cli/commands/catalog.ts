/** `rackstreet catalog`: what a hub offers its clients. */
import { catalogExportCommand } from "./catalog-export.ts";
import { defineCommand } from "../command.ts";

export const catalogCommand = defineCommand({
  command: "catalog",
  describe: "What a hub offers its clients",
  builder: (yargs) =>
    yargs
      .command(catalogExportCommand)
      .demandCommand(1, "Name what to do: export.")
      .example("$0 catalog export hub.yaml", "the AsyncAPI document of what this client may hear"),
  handler: () => undefined,
});
