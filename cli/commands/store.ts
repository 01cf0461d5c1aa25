/**
 * `rackstreet store`: prepare a database, copy from one to another, and write again what was set
 * aside. Each in a file of its own.
 */
import { defineCommand } from "../command.ts";
import { copyCommand } from "./store-copy.ts";
import { initCommand } from "./store-init.ts";
import { retryCommand } from "./store-retry.ts";

export const storeCommand = defineCommand({
  command: "store",
  describe: "Prepare a database, copy from one to another, retry what was set aside",
  builder: (yargs) =>
    yargs
      .command(initCommand)
      .command(copyCommand)
      .command(retryCommand)
      .demandCommand(1, "Name a command: init, copy or retry.")
      .example("$0 store init site.yaml --dry-run", "what would be made"),
  handler: () => undefined,
});
