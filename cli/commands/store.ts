/**
 * `rackstreet store`: prepare a database, back up, copy from one to another, write again what was
 * set aside, and ask in SQL. Each in a file of its own.
 */
import { defineCommand } from "../command.ts";
import { storeBackupCommand } from "./store-backup.ts";
import { copyCommand } from "./store-copy.ts";
import { initCommand } from "./store-init.ts";
import { retryCommand } from "./store-retry.ts";
import { storeSqlCommand } from "./store-sql.ts";

export const storeCommand = defineCommand({
  command: "store",
  describe: "Prepare a database, back up, copy to another, retry what was set aside, ask in SQL",
  builder: (yargs) =>
    yargs
      .command(initCommand)
      .command(storeBackupCommand)
      .command(copyCommand)
      .command(retryCommand)
      .command(storeSqlCommand)
      .demandCommand(1, "Name a command: init, backup, copy, retry or sql.")
      .example("$0 store init site.yaml --dry-run", "what would be made")
      .example("$0 store backup /backup/store.sqlite", "a checked copy"),
  handler: () => undefined,
});
