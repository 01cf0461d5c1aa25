/** `rackstreet catalog`: what a hub offers its clients. */
import { catalogExportCommand } from "./catalog-export.ts";
import { defineCommand } from "../command.ts";

export const catalogCommand = defineCommand({
  command: "catalog <command>",
  describe: "What a hub offers its clients",
  builder: (yargs) =>
    yargs.command(catalogExportCommand).demandCommand(1, "Name a command; --help lists them."),
  handler: () => undefined,
});
