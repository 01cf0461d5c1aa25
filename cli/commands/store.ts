/** `rackstreet store`: what is done with the store as a whole. */
import { defineCommand } from "../command.ts";
import { storeBackupCommand } from "./store-backup.ts";

export const storeCommand = defineCommand({
  command: "store",
  describe: "Look after the store: backup",
  builder: (yargs) =>
    yargs
      .command(storeBackupCommand)
      .demandCommand(1, "Name what to do: backup.")
      .example("$0 store backup /backup/store.sqlite", "a checked copy"),
  handler: () => undefined,
});
